"""The newest files of a type in one small picture: lines that came, and lines that were refused."""

import sqlalchemy as sa

from ingestion_pipeline.domains.commerce.contract.entities import DOMAIN
from ingestion_pipeline.foundation.ledger.tables.uploads import uploads
from ingestion_pipeline.foundation.sparkline import POINTS, picture


def plot_files(connection: sa.Connection, type_: str) -> str | None:
    """Lines of the newest loaded files of a type, and those of them that were refused, in order.

    None where there are less than two, or none has a line.
    """
    c = uploads.c
    mine = sa.and_(c.domain == DOMAIN, c.type == type_, c.status == "loaded")
    newest = sa.select(c.lines, c.rejected).where(mine).order_by(c.upload_id.desc()).limit(POINTS)
    rows = connection.execute(newest).all()[::-1]
    if len(rows) < 2 or not any(row.lines for row in rows):
        return None
    drawn = [dict(enumerate(float(row[line] or 0) for row in rows)) for line in (0, 1)]
    return picture("lines, refused", drawn)
