"""A file of points beside requests that bring points of its traces: nobody is refused for it."""

import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from ingestion_pipeline.domains import registry
from ingestion_pipeline.domains.kpis.land import mapped as landing
from ingestion_pipeline.foundation.ledger import tenants
from ingestion_pipeline.foundation.ledger.worker import Worker
from ingestion_pipeline.foundation.loading.claimed import Attempt, load_waiting
from ingestion_pipeline.foundation.loading.known import Known, known_of
from ingestion_pipeline.foundation.loading.recording import record
from ingestion_pipeline.foundation.mapping.parsing import read_mapping
from ingestion_pipeline.foundation.settings import Settings
from ingestion_pipeline.foundation.storage.landing import Landing, landing_name
from ingestion_pipeline_tests.gateway.running import ServingGateway, serving

MAPPING = """
source: plant
mapping: figures
read: {format: csv}
dates: ["%Y-%m-%dT%H:%M:%S%z"]
emit:
  kpi_points:
    fields: {kpi_id: kpi, trace_id: trace, timestamp: at, value: value}
"""
AT = datetime(2026, 5, 1, tzinfo=UTC)


def body(kpi: str, trace: str, minute: int, value: float) -> dict[str, Any]:
    at = (AT + timedelta(minutes=minute)).isoformat()
    return {"kpiId": kpi, "traceId": trace, "timestamp": at, "kpiType": "price",
            "data": {"value": value}}  # fmt: skip


def content(kpis: list[str], minutes: int, trace: str) -> str:
    rows = [
        f"{kpi},{trace},{(AT + timedelta(minutes=minute)).isoformat()},{minute}"
        for kpi in kpis for minute in range(minutes)
    ]  # fmt: skip
    return "\n".join(["kpi,trace,at,value", *rows, ""])


@pytest.fixture
def gateway(database_url: str, tmp_path: Path) -> Iterator[ServingGateway]:
    with serving(database_url, ingestion_home=tmp_path) as running:
        yield running


def figures() -> Known:
    return known_of(read_mapping(Path("m.yaml"), MAPPING, registry.targets()), registry.sinks())


def delivered(engine: sa.Engine, tenant_id: int, home: Path, text: str) -> Settings:
    """A file that waits to be loaded."""
    configuration = Settings(ingestion_home=home)
    store = Landing(configuration.landing)
    landed = store.write(landing_name("acme", "f.csv"), [text.encode()])
    with engine.begin() as connection:
        record(connection, tenant_id=tenant_id, mapping="plant/figures", file_name="f.csv",
               landed=landed, source="http", attempts=1)  # fmt: skip
    return configuration


def load(engine: sa.Engine, configuration: Settings) -> list[Attempt]:
    worker = Worker("test", None, timedelta(minutes=5), timedelta(seconds=0))
    return list(load_waiting(engine, configuration, figures(), worker))


def waits(engine: sa.Engine) -> bool:
    """Whether a transaction waits for another one."""
    query = "SELECT count(*) FROM pg_locks WHERE NOT granted AND locktype = 'transactionid'"
    with engine.connect() as connection:
        return bool(connection.exec_driver_sql(query).scalar_one())


@pytest.mark.parametrize("pause", [0.0, 1.3], ids=["the request is ended", "the file is ended"])
def test_a_file_and_a_request_that_wait_for_each_other_are_both_taken(
    gateway: ServingGateway, engine: sa.Engine, tenant_id: int, tmp_path: Path, pause: float,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """The file has the trace and wants the point; the request has the point and wants the trace.

    PostgreSQL ends whoever waits when it looks, a second after it began to wait.
    """
    with engine.begin() as connection:
        key = tenants.issue_key(connection, tenant_id)
    configuration = delivered(engine, tenant_id, tmp_path, content(["a", "z"], 2, "shared"))
    monkeypatch.setattr(landing, "_AT_ONCE", 2)
    real, calls = landing.land_readings, iter(range(100))

    def in_between(*args: Any, **named: Any) -> Any:
        done = real(*args, **named)
        if next(calls) == 0:
            asking.start()
            while not waits(engine):
                time.sleep(0.01)
            time.sleep(pause)
        return done

    answers: list[httpx.Response] = []

    def ask() -> None:
        document, named = body("z", "shared", 0, 0.0), {"X-API-Key": key}
        url = f"{gateway.url}/api/kpi-data"
        answers.append(httpx.post(url, json=document, headers=named, timeout=60))

    asking = threading.Thread(target=ask)
    monkeypatch.setattr(landing, "land_readings", in_between)
    [attempt] = load(engine, configuration)
    asking.join()
    assert attempt.error is None
    [answer] = answers
    assert answer.status_code in (200, 202), answer.text
    with engine.connect() as connection:
        points = connection.exec_driver_sql("SELECT count(*) FROM kpi_points").scalar_one()
        updates = connection.exec_driver_sql("SELECT count(*) FROM kpi_updates").scalar_one()
    assert (points, updates) == (4, 4)
