"""The health document over real HTTP: each state reached by what is in the database."""

import asyncio
import time
from pathlib import Path
from typing import Any, cast

import httpx
import pytest
import sqlalchemy as sa

from ingestion_pipeline.foundation.settings import Settings
from ingestion_pipeline.gateway.front import Gateway
from ingestion_pipeline.gateway.routes.health import KeptHealth, kept_health
from ingestion_pipeline_tests.gateway.running import RunningGateway

GATEWAY_ENVIRONMENT = {"ACE_IOT_API_BASE_URL": "http://ace.invalid", "HEALTH_INTERVAL": "0.5"}
PATH = "/api/health/data"


@pytest.fixture(autouse=True)
def _clean(gateway: RunningGateway) -> None:
    """Nothing is known of anything, and no document is kept."""
    _write(gateway, "TRUNCATE collected_days, circuit_breakers, kpi_updates, uploads CASCADE")
    time.sleep(0.5)


def _write(gateway: RunningGateway, statement: str) -> None:
    with gateway.engine.begin() as connection:
        connection.exec_driver_sql(statement)


def _collected(gateway: RunningGateway, ago: str) -> None:
    _write(
        gateway,
        "INSERT INTO collected_days (site_name, day, configured_points, missing_points, fetched, "
        "kept, result, collected_at) VALUES ('s', '2026-01-01', '{}', '{}', 1, 1, '{}', "
        f"now() - interval '{ago}')",
    )


def _health(gateway: RunningGateway) -> tuple[int, dict[str, Any]]:
    answer = httpx.get(gateway.url + PATH, timeout=10)
    return answer.status_code, answer.json()


def test_green_when_all_that_is_configured_is_fresh(gateway: RunningGateway) -> None:
    _collected(gateway, "1 hour")
    status, said = _health(gateway)
    assert (status, said["status"]) == (200, "GREEN")
    assert said["services"]["buildings"]["freshness_seconds"] in range(3595, 3660)
    assert set(said["services"]) == {
        "macro", "fundamentals", "comps", "buildings", "commerce", "kpis", "book_sales",
        "mapped_files", "series",
    }  # fmt: skip


def test_yellow_while_one_service_has_never_run(gateway: RunningGateway) -> None:
    status, said = _health(gateway)
    assert (status, said["status"]) == (200, "YELLOW")


def test_the_document_is_kept_and_then_made_anew(gateway: RunningGateway) -> None:
    with httpx.Client(base_url=gateway.url) as http:
        _collected(gateway, "1 hour")
        asked = [http.get(PATH).json()["as_of"] for _ in range(20)]
        time.sleep(0.6)
        later = http.get(PATH).json()["as_of"]
    assert len(set(asked)) <= 2
    assert later > max(asked)


def test_red_is_503_when_a_breaker_is_open_and_there_is_no_last_value(
    gateway: RunningGateway,
) -> None:
    _write(
        gateway,
        "INSERT INTO circuit_breakers (name, state, failures) VALUES ('ace_iot', 'open', 5)",
    )
    status, said = _health(gateway)
    assert (status, said["status"]) == (503, "RED")
    assert said["services"]["buildings"]["condition"] == "DOWN"
    assert said["services"]["buildings"]["breaker"] == {"state": "OPEN", "failures": 5}


def test_a_table_that_somebody_has_locked_makes_nobody_wait_for_ever(
    gateway: RunningGateway,
) -> None:
    with gateway.engine.begin() as connection:
        connection.exec_driver_sql("LOCK TABLE collected_days IN ACCESS EXCLUSIVE MODE")
        started = time.perf_counter()
        status, said = _health(gateway)
        took = time.perf_counter() - started
    assert (status, said["services"]["buildings"]["status"]) == (503, "RED")
    assert said["services"]["kpis"]["condition"] == "UNKNOWN"  # the others were asked all the same
    assert took < 5


def test_logs_that_are_gone_fail_nobody(server_url: sa.URL, tmp_path: Path) -> None:
    administrator = sa.create_engine(server_url, isolation_level="AUTOCOMMIT")
    with administrator.connect() as connection:
        connection.exec_driver_sql("CREATE DATABASE without_logs TEMPLATE template_ingestion")
    url = server_url.set(database="without_logs").render_as_string(hide_password=False)
    gateway = RunningGateway(url, tmp_path, GATEWAY_ENVIRONMENT)
    try:
        _write(gateway, "DROP TABLE api_requests, cache_metrics CASCADE")
        _collected(gateway, "1 hour")
        with gateway.new_sender() as sender:
            reading = {
                "traceId": "t", "kpiId": "k", "kpiType": "x", "data": {"value": 1},
                "timestamp": "2026-01-31T12:00:00Z",
            }  # fmt: skip
            assert sender.http.post("/api/kpi-data", json=reading).status_code == 202
            time.sleep(1.5)  # the log has been written to by now, in vain
            assert sender.http.get("/api/kpi-packages/t/k").status_code == 200
            said = sender.http.get(PATH)
            assert (said.status_code, said.json()["status"]) == (200, "GREEN")
            assert said.json()["metrics"]["api_latency_ms_p95"] is None
    finally:
        assert gateway.stop() == 0
        gateway.engine.dispose()
        with administrator.connect() as connection:
            connection.exec_driver_sql("DROP DATABASE without_logs WITH (FORCE)")
        administrator.dispose()


def test_without_the_database_it_is_red_and_says_so() -> None:
    class Away:
        configuration = Settings()

        async def run(self, *_: Any) -> None:
            raise OSError("no route")

    said = asyncio.run(kept_health(cast("Gateway", Away()), {}).get())
    assert said["status"] == "RED"
    assert said["services"]["kpis"]["problem"] == "the database does not answer"


def test_many_who_ask_at_once_wait_for_one_computation() -> None:
    computed = []

    async def compute() -> dict[str, Any]:
        computed.append(1)
        await asyncio.sleep(0.05)
        return {"status": "GREEN"}

    async def all_at_once() -> None:
        health = KeptHealth(compute, seconds=5)
        first = asyncio.create_task(health.get())
        others = [asyncio.create_task(health.get()) for _ in range(99)]
        await asyncio.sleep(0.01)
        first.cancel()  # who goes away does not take the answer along
        assert await asyncio.gather(*others) == [{"status": "GREEN"}] * 99
        await health.get()

    asyncio.run(all_at_once())
    assert computed == [1]


def test_a_computation_that_fails_is_tried_again_by_the_next() -> None:
    outcomes: list[Any] = [ValueError("a defect"), {"status": "GREEN"}]

    async def compute() -> dict[str, Any]:
        outcome = outcomes.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return dict(outcome)

    async def twice() -> None:
        health = KeptHealth(compute, seconds=5)
        with pytest.raises(ValueError, match="a defect"):
            await health.get()
        assert await health.get() == {"status": "GREEN"}

    asyncio.run(twice())
