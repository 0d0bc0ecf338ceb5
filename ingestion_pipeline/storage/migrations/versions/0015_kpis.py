"""Reserved: filled while issue "truth" is under way, or removed."""

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    pass
