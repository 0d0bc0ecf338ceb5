"""Reserved: filled while issue "truth" is under way, or removed."""

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    pass
