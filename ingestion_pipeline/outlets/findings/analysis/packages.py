"""Which packages want an analysis, and the history that theirs are made of.

A package wants one when its reading came within the last two days, was news then (history that is
imported is none), and has none: neither its sender's, nor one of ours that is of this reading.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import sqlalchemy as sa

from ingestion_pipeline.foundation.unusual.calendars import Calendar
from ingestion_pipeline.foundation.unusual.series import QUARTER, series_of
from ingestion_pipeline.foundation.unusual.usual import LOOK_BACK_DAYS
from ingestion_pipeline.outlets.findings.analysis.facts import History

_NEWS = "interval '2 days'"
# Of a trace's several instants of a KPI the package has the newest.
WANTED = f"""
    SELECT sent.update_id, sent.tenant_id, sent.trace_id, sent.kpi_id, sent.observed_at, sent.value
    FROM kpi_updates AS sent
    LEFT JOIN kpi_analyses AS had
        ON had.tenant_id = sent.tenant_id AND had.trace_id = sent.trace_id
        AND had.kpi_id = sent.kpi_id
    WHERE sent.received_at > now() - {_NEWS}
        AND sent.observed_at > sent.received_at - {_NEWS}
        AND (had.source IS NULL OR (had.source <> 'sender'
            AND (had.of_value, had.observed_at) IS DISTINCT FROM (sent.value, sent.observed_at)))
        AND NOT EXISTS (
            SELECT FROM kpi_updates AS newer
            WHERE newer.tenant_id = sent.tenant_id AND newer.trace_id = sent.trace_id
            AND newer.kpi_id = sent.kpi_id AND newer.observed_at > sent.observed_at)
"""  # noqa: S608 constants only
_SOME = sa.text(f"{WANTED} ORDER BY sent.update_id LIMIT :limit")
_ANY = sa.text(f"SELECT EXISTS ({WANTED})")
_QUARTERS = sa.text("""
    SELECT extract(epoch FROM date_bin('15 minutes', observed_at, timestamptz '1970-01-01 00:00Z')),
           avg(value)
    FROM kpi_points
    WHERE tenant_id = :tenant_id AND kpi_id = :kpi_id
        AND observed_at >= :first AND observed_at <= :last
        AND abs(value) <= 1e150
    GROUP BY 1 ORDER BY 1
""")


def some_wanted(connection: sa.Connection, *, limit: int) -> Sequence[Any]:
    """The packages that want an analysis, those that came first at first, at most `limit`."""
    return connection.execute(_SOME, {"limit": limit}).all()


def any_wanted(connection: sa.Connection) -> bool:
    """Whether a package wants an analysis."""
    return bool(connection.scalar(_ANY))


def history(
    connection: sa.Connection, tenant_id: int, kpi_id: str, *, last: datetime, calendar: Calendar
) -> History:
    """The points of a KPI up to an instant, as far back as the detector looks, by quarters."""
    first = last - timedelta(days=LOOK_BACK_DAYS)
    bounds = {"tenant_id": tenant_id, "kpi_id": kpi_id, "first": first, "last": last}
    rows = connection.execute(_QUARTERS, bounds).all()
    instants = np.array([int(row[0]) for row in rows], dtype=np.int64)
    values = np.array([row[1] for row in rows], dtype=np.float64)
    return History(series_of(instants, values, every=QUARTER), calendar)
