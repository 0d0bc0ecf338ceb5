"""Reserved: filled while issue "truth" is under way, or removed."""

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    pass
