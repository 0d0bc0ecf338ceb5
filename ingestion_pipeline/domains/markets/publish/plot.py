"""Series of FRED in one small picture."""

from collections.abc import Sequence

import sqlalchemy as sa

from ingestion_pipeline.domains.markets.contract.vintages import LAST_DAY
from ingestion_pipeline.domains.markets.tables import observations
from ingestion_pipeline.foundation.sparkline import LINES, POINTS, picture


def plot_series(connection: sa.Connection, series_ids: Sequence[str]) -> str | None:
    """The newest observations of the first series that have two, as they are known now.

    None where no series has.
    """
    lines: dict[str, dict[int, float]] = {}
    for name in series_ids:
        values = _newest(connection, name)
        if len(values) > 1:
            lines[name] = dict(enumerate(values))
        if len(lines) == LINES:
            break
    return picture(", ".join(lines), lines.values()) if lines else None


def _newest(connection: sa.Connection, series_id: str) -> list[float]:
    """The values of the newest dates that have one, oldest first."""
    c = observations.c
    known = sa.and_(c.series_id == series_id, c.realtime_end == LAST_DAY, c.value.is_not(None))
    newest = sa.select(c.value).where(known).order_by(c.date.desc()).limit(POINTS)
    return [float(value) for value in connection.scalars(newest)][::-1]
