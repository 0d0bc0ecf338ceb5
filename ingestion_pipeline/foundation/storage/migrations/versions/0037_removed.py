"""Uploads: how many rows of before a file removed, whose source has them no more."""

from alembic import op

revision = "0037"
down_revision = "0036"


def upgrade() -> None:
    op.execute("""
        ALTER TABLE uploads ADD COLUMN removed bigint NOT NULL DEFAULT 0;
        COMMENT ON COLUMN uploads.removed IS
            'Rows of before that its source has no more, and that it removed';
    """)
