"""Readings for tests: bodies as workflows send them, and updates as they are recorded."""

from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from ingestion_pipeline.domains.kpis.contract.readings import Update, parse_readings
from ingestion_pipeline.domains.kpis.land.readings import Accepted, land_readings
from ingestion_pipeline.domains.kpis.merge.grade import merge_points
from ingestion_pipeline.domains.kpis.publish.documents import (
    publish_errors,
    publish_jobs,
    publish_packages,
    publish_series,
)
from ingestion_pipeline.foundation.environment import settings
from ingestion_pipeline.foundation.storage.key_value.choice import key_value

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)  # as far as the contract is concerned
DAY = NOW.date()
LATE = timedelta(days=36_500)  # nothing is late
JOB_TIMEOUT = timedelta(hours=1)


def body(
    *,
    trace: str = "trace-1",
    kpi: str = "btc-price",
    at: datetime | str = NOW,
    value: Any = 42.5,
    **more: Any,
) -> dict[str, Any]:
    """A body of /api/kpi-data."""
    timestamp = at if isinstance(at, str) else at.isoformat()
    return {
        "traceId": trace, "kpiId": kpi, "timestamp": timestamp, "kpiType": "price",
        "data": {"value": value}, **more,
    }  # fmt: skip


def update(tenant_id: int = 1, **fields: Any) -> Update:
    """An update, as the gateway makes it of a body."""
    [made] = parse_readings(
        body(**fields), tenant_id=tenant_id, now=datetime(2099, 1, 1, tzinfo=UTC), request_id="r1"
    ).updates
    return made


def series(
    values: list[float], *, tenant_id: int = 1, start: datetime = NOW, **fields: Any
) -> list[Update]:
    """Updates of one KPI, a minute apart."""
    return [
        update(tenant_id, at=start + timedelta(minutes=index), value=value, **fields)
        for index, value in enumerate(values)
    ]


def send(engine: sa.Engine, *updates: Update) -> list[Accepted]:
    """Accept updates in one transaction."""
    with engine.begin() as connection:
        return land_readings(connection, updates, job_timeout=JOB_TIMEOUT)


def publish_all(engine: sa.Engine, day: Any = DAY, *, again: bool = False) -> None:
    """What a run does with a day."""
    merge_points(engine, day, late=LATE, limit=100, again=again)
    publish_packages(engine, day, late=LATE, limit=100, again=again, elsewhere=None)
    publish_series(engine, newest=1000, limit=100, again=again, elsewhere=None)
    publish_jobs(engine, limit=100, again=again, elsewhere=None)
    publish_errors(engine, limit=100, again=again, elsewhere=None)


def documents(tenant: str = "acme") -> dict[str, Any]:
    """Every document of a tenant by key."""
    store = key_value(tenant, settings())
    return {key: store.get(key).value for key in store.list()}  # type: ignore[union-attr]


def rows(engine: sa.Engine, statement: str, **values: Any) -> list[tuple[Any, ...]]:
    """The rows that a statement finds."""
    with engine.begin() as connection:
        return [tuple(row) for row in connection.execute(sa.text(statement), values)]


def execute(engine: sa.Engine, statement: str, **values: Any) -> None:
    """Run a statement."""
    with engine.begin() as connection:
        connection.execute(sa.text(statement), values)
