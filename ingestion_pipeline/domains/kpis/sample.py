"""Sample readings for the demo: five KPIs, a few days, one job a day; synthetic, deterministic."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from ingestion_pipeline.domains.kpis.contract.announcements import Announcement
from ingestion_pipeline.domains.kpis.contract.instants import day_bounds, instant_text
from ingestion_pipeline.domains.kpis.contract.readings import parse_readings
from ingestion_pipeline.domains.kpis.contract.reports import parse_report
from ingestion_pipeline.domains.kpis.land.jobs import land_announcement, land_reports
from ingestion_pipeline.domains.kpis.land.readings import land_readings

_EVERY = timedelta(hours=1)

_TIMEOUT = timedelta(hours=1)


@dataclass(frozen=True)
class SampleKPI:
    """A KPI that wanders around `level`, by some `step` an hour."""

    kpi_id: str
    level: float
    step: float


KPIS = (
    SampleKPI("btc-price-usd", 97_000.0, 350.0),
    SampleKPI("eth-price-usd", 3_300.0, 18.0),
    SampleKPI("btc-dominance", 58.7, 0.05),
    SampleKPI("mvrv", 0.84, 0.002),
    SampleKPI("fear-and-greed", 61.0, 1.5),
)


def sample_bodies(days: list[date], *, until: datetime, seed: int = 1) -> Iterator[dict[str, Any]]:
    """Bodies of /api/kpi-data: an hourly reading of every KPI, of days in order.

    Args:
        days: in UTC.
        until: no reading is newer.
        seed: another one gives other values.
    """
    chance = random.Random(seed)  # noqa: S311
    levels = {kpi.kpi_id: kpi.level for kpi in KPIS}
    for day in days:
        instant, end = day_bounds(day)
        while instant < min(end, until):
            for kpi in KPIS:
                levels[kpi.kpi_id] += chance.uniform(-kpi.step, kpi.step)
            yield {
                "traceId": trace_id(day),
                "timestamp": instant_text(instant),
                "kpiType": "sample-multi",
                "kpiIds": [kpi.kpi_id for kpi in KPIS],
                "data": {name: round(level, 4) for name, level in levels.items()},
                "metadata": {"source": "sample"},
            }
            instant += _EVERY


def trace_id(day: date) -> str:
    """The trace of a day's sample job."""
    return f"sample_{day:%Y%m%d}"


def write_sample_readings(
    engine: sa.Engine, tenant_id: int, *, days: list[date], until: datetime
) -> int:
    """Announce the jobs, accept the readings, report an error; how many readings there were."""
    updates = [
        update
        for body in sample_bodies(days, until=until)
        for update in parse_readings(body, tenant_id=tenant_id, now=until).updates
    ]
    report = {
        "traceId": trace_id(days[-1]),
        "kpiId": "pi-cycle-top",
        "error": {"name": "AxiosError", "message": "429 - too many requests", "status": 429},
        "retryCount": 3,
    }
    kpi_ids = (*(kpi.kpi_id for kpi in KPIS), "pi-cycle-top")
    with engine.begin() as connection:
        for day in days:
            announcement = Announcement(tenant_id, trace_id(day), kpi_ids, _TIMEOUT)
            land_announcement(connection, announcement, job_timeout=_TIMEOUT)
    with engine.begin() as connection:
        land_readings(connection, updates, job_timeout=_TIMEOUT)
        sent = parse_report(report, tenant_id=tenant_id)
        land_reports(connection, [sent], job_timeout=_TIMEOUT)
    return len(updates)
