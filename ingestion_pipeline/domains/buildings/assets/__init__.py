"""Buildings as assets, a partition a UTC day and site.

`timeseries_raw` and `weather_raw` are collected side by side from the ACE IoT API; aggregates,
coverage and alerts follow from the samples. Any partition may be made again at any time: the same
rows come out, and what has changed at the source. Where some days of a run fail, those that are
well are recorded, and the run fails for the others.
"""

from ingestion_pipeline.domains.buildings.assets.collected import (
    SAMPLES,
    WEATHER,
    collect,
    weather_snapshot,
)
from ingestion_pipeline.domains.buildings.assets.derived import (
    alerts,
    archived_months,
    coverage,
    timeseries_daily,
    timeseries_hourly,
)
from ingestion_pipeline.domains.buildings.assets.partitions import (
    PARTITIONS,
    WING,
    partition_key,
)

__all__ = [
    "ASSETS",
    "PARTITIONED_KEYS",
    "PARTITIONS",
    "WING",
    "archived_months",
    "partition_key",
    "weather_snapshot",
]

ASSETS = [
    collect,
    timeseries_hourly,
    timeseries_daily,
    coverage,
    alerts,
    weather_snapshot,
    archived_months,
]
PARTITIONED_KEYS = [
    SAMPLES.key, WEATHER.key, timeseries_hourly.key, timeseries_daily.key, coverage.key,
    alerts.key,
]  # fmt: skip
