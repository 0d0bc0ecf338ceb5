"""Reserved: filled while issue "truth" is under way, or removed."""

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    pass
