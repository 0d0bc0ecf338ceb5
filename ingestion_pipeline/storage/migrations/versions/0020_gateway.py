"""Reserved: filled while issue "truth" is under way, or removed."""

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    pass
