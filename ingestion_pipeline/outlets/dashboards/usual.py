"""What was usual at each hour: the same detector that makes findings, on the hours of a series."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import numpy as np

from ingestion_pipeline.foundation.unusual.calendars import Calendar
from ingestion_pipeline.foundation.unusual.series import LARGEST, Series
from ingestion_pipeline.foundation.unusual.usual import assess, forecast
from ingestion_pipeline.outlets.dashboards.asking import Ask
from ingestion_pipeline.outlets.dashboards.charts import Bucket, Usual

# Enough for 8 weeks of each hour and how far it usually is from them; more costs the reader time.
LOOK_BACK = timedelta(days=91)
_HOUR = 3_600


def usual_hours(ask: Ask, hours: Sequence[Bucket], *, since: datetime) -> list[Usual]:
    """What was usual from hour to hour, and will be for a day; from `since` on."""
    sound = [hour for hour in hours if abs(hour.mean) <= LARGEST]
    if not sound:
        return []
    at = np.array([int(hour.first.timestamp()) // _HOUR * _HOUR for hour in sound], dtype=np.int64)
    series = Series(at, np.array([hour.mean for hour in sound], dtype=np.float64))
    calendar = Calendar(ask.zone.key)
    was = assess(series, calendar).usual
    to_come, will = forecast(series, calendar)
    told = zip(
        np.concatenate([at, to_come]).tolist(),
        *(np.concatenate([getattr(was, name), getattr(will, name)]).tolist()
          for name in ("low", "middle", "high")),
        strict=True,
    )  # fmt: skip
    return [
        Usual(datetime.fromtimestamp(instant, UTC), *map(_known, (low, middle, high)))
        for instant, low, middle, high in told
        if instant >= since.timestamp() - _HOUR
    ]


def _known(value: float) -> float | None:
    return value if np.isfinite(value) else None
