"""Reserved: filled while issue "truth" is under way, or removed."""

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    pass
