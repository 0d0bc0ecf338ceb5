"""Buildings: missing halves of days, units and quality of aggregates, tenants' sites, alerts."""

from alembic import op

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    op.execute("LOCK TABLE collected_days IN ACCESS EXCLUSIVE MODE")
    op.execute("ALTER TABLE collected_days ADD COLUMN missing text[] NOT NULL DEFAULT '{}'")
