"""Reserved: filled while issue "truth" is under way, or removed."""

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    pass
