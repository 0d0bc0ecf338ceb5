"""What was usual at each hour: the same detector that makes findings, on the hours of a KPI.

What is said of an hour follows from the hours before it alone, and takes the detector some 40 ms of
a processor. So what was said is kept: by the numbers it was said of, so it is never another
series', or an older one's. The hour that is running is left out, which changes with each reading;
what is usual in it is foretold, as the day to come is.
"""

import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache

import numpy as np
import sqlalchemy as sa

from ingestion_pipeline.foundation.unusual.calendars import Calendar
from ingestion_pipeline.foundation.unusual.series import LARGEST, Floats, Ints, Series
from ingestion_pipeline.foundation.unusual.usual import assess, forecast
from ingestion_pipeline.outlets.dashboards.asking import Ask
from ingestion_pipeline.outlets.dashboards.charts import Usual
from ingestion_pipeline.outlets.dashboards.spans import Span

# Enough for 8 weeks of each hour and how far it usually is from them; more costs the reader time.
_LOOK_BACK = timedelta(days=70)
_HOUR = timedelta(hours=1)
_KEPT = 100  # series; some 0.1 MB each
_HOURS = sa.text("""
    SELECT array_agg(CAST(extract(epoch FROM hour) AS bigint) ORDER BY hour),
           array_agg(mean ORDER BY hour)
    FROM kpi_hourly
    WHERE tenant_id = :tenant_id AND kpi_id = :kpi_id AND hour >= :start AND hour < :end
      AND abs(mean) <= :largest
""")
Band = tuple[Ints, Floats, Floats, Floats]
"""(instants, low, middle, high): what was usual from each instant on; NaN: nobody can say."""


def usual_hours(ask: Ask, kpi_id: str, span: Span) -> Sequence[Usual]:
    """What was usual from hour to hour of a span; where it ends now, also of the day to come."""
    running = ask.now.replace(minute=0, second=0, microsecond=0)
    first = span.start.replace(minute=0, second=0, microsecond=0)
    values = {"kpi_id": kpi_id, "start": first - _LOOK_BACK, "end": min(span.end, running),
              "largest": LARGEST}  # fmt: skip
    [[hours, means]] = ask.rows(_HOURS, tenant_id=ask.tenant_id, **values)
    if not hours:
        return ()
    instants, *band = _said(
        np.array(hours, dtype=np.int64).tobytes(), np.array(means, dtype=np.float64).tobytes(),
        ask.zone.key, live=span.live,
    )  # fmt: skip
    since = int(np.searchsorted(instants, (first - _HOUR).timestamp()))
    return [
        Usual(datetime.fromtimestamp(at, UTC), *map(_known, values))
        for at, *values in zip(
            instants[since:].tolist(), *(edge[since:].tolist() for edge in band), strict=True
        )
    ]


@lru_cache(maxsize=_KEPT)
def _said(hours: bytes, means: bytes, zone: str, *, live: bool) -> Band:
    """What was usual at each hour of a series, and a day ahead where it is live."""
    series = Series(np.frombuffer(hours, dtype=np.int64), np.frombuffer(means, dtype=np.float64))
    calendar = Calendar(zone)
    usual = assess(series, calendar).usual
    parts = [(series.instants, usual.low, usual.middle, usual.high)]
    if live:
        ahead, told = forecast(series, calendar)
        parts.append((ahead, told.low, told.middle, told.high))
    instants, low, middle, high = (np.concatenate(each) for each in zip(*parts, strict=True))
    return instants, low, middle, high


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None
