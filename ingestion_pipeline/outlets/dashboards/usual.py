"""What was usual at each hour: the same detector that makes findings, on the hours of a KPI."""

from datetime import UTC, datetime, timedelta

import numpy as np
import sqlalchemy as sa

from ingestion_pipeline.foundation.unusual.calendars import Calendar
from ingestion_pipeline.foundation.unusual.series import LARGEST, Series
from ingestion_pipeline.foundation.unusual.usual import assess, forecast
from ingestion_pipeline.outlets.dashboards.asking import Ask
from ingestion_pipeline.outlets.dashboards.charts import Usual
from ingestion_pipeline.outlets.dashboards.spans import Span

# Enough for 8 weeks of each hour and how far it usually is from them; more costs the reader time.
_LOOK_BACK = timedelta(days=70)
_HOUR = 3_600
_HOURS = sa.text("""
    SELECT array_agg(CAST(extract(epoch FROM hour) AS bigint) ORDER BY hour),
           array_agg(mean ORDER BY hour)
    FROM kpi_hourly
    WHERE tenant_id = :tenant_id AND kpi_id = :kpi_id AND hour >= :start AND hour < :end
      AND abs(mean) <= :largest
""")


def usual_hours(ask: Ask, kpi_id: str, span: Span) -> list[Usual]:
    """What was usual from hour to hour of a span; where it ends now, also of the day to come."""
    values = {"kpi_id": kpi_id, "start": span.start - _LOOK_BACK, "end": span.end,
              "largest": LARGEST}  # fmt: skip
    [[hours, means]] = ask.rows(_HOURS, tenant_id=ask.tenant_id, **values)
    if not hours:
        return []
    at = np.array(hours, dtype=np.int64)
    series, calendar = Series(at, np.array(means, dtype=np.float64)), Calendar(ask.zone.key)
    parts = [(at, assess(series, calendar).usual)]
    if span.live:
        parts.append(forecast(series, calendar))
    first = span.start.timestamp() - _HOUR
    return [
        Usual(datetime.fromtimestamp(instant, UTC), *map(_known, band))
        for instants, usual in parts
        for instant, *band in zip(
            instants.tolist(), usual.low.tolist(), usual.middle.tolist(), usual.high.tolist(),
            strict=True,
        )
        if instant >= first
    ]  # fmt: skip


def _known(value: float) -> float | None:
    return value if np.isfinite(value) else None
