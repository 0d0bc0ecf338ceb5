"""When the failures of an upstream were, and since when an incident's condition is not met."""

from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    op.execute("""
        ALTER TABLE circuit_breakers ADD COLUMN failed_at timestamptz[] NOT NULL DEFAULT '{}';
        ALTER TABLE alerts ADD COLUMN calm_since timestamptz;
    """)
