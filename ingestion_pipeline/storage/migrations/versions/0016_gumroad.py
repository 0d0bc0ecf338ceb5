"""Book sales: what is known to be missing of an event, and what its report says of its own time."""

from alembic import op

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    op.execute("""
        ALTER TABLE sales_events
            -- Something is known to be missing, for instance the amount of a refund.
            ADD COLUMN provisional boolean NOT NULL DEFAULT false,
            -- What the report says of its own time; NULL: it says nothing.
            ADD COLUMN as_of timestamptz;
    """)
