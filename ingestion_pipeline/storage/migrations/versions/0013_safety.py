"""Reserved: filled while issue "truth" is under way, or removed."""

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    pass
