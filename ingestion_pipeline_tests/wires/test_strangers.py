"""What strangers and tenants can neither read nor move: names, and the operator's figures."""

from datetime import UTC, datetime
from typing import Any

import pytest
import sqlalchemy as sa

from ingestion_pipeline import alerts, health_sources
from ingestion_pipeline.errors import ContractError
from ingestion_pipeline.gateway.metrics import Metrics
from ingestion_pipeline.gateway.outside_bodies import LoggedRequests, parse
from ingestion_pipeline.health import CACHED, document, for_strangers
from ingestion_pipeline.ledger import jobs, outside
from ingestion_pipeline.ledger.metrics import cache_row, write_cache_metrics
from ingestion_pipeline.settings import Settings
from ingestion_pipeline_tests.gateway.running import CRON_SECRET, RunningGateway
from ingestion_pipeline_tests.markets.builders import fundamentals_event, send

SLUG = "a-name-that-nobody-else-may-read"


def _facts(engine: sa.Engine) -> Any:
    with engine.begin() as connection:
        return health_sources.gather(connection, Settings())


def test_sixty_failed_jobs_of_a_tenants_own_were_an_alert(
    engine: sa.Engine, tenant_id: int
) -> None:
    with engine.begin() as connection:
        for _ in range(60):
            job_id = outside.create_job(connection, tenant_id=tenant_id, kind="predict")
            outside.update_job_status(
                connection, tenant_id=tenant_id, job_id=job_id, status="failed"
            )
    facts = _facts(engine)
    assert facts.metrics.finished_jobs == 0
    assert not any(each.met and each.name == "job_failures" for each in alerts.conditions(facts))


def test_completed_jobs_of_a_tenants_own_hid_a_failure_of_ours(
    engine: sa.Engine, tenant_id: int
) -> None:
    with engine.begin() as connection:
        for _ in range(60):
            job_id = outside.create_job(connection, tenant_id=tenant_id, kind="predict")
            outside.update_job_status(
                connection, tenant_id=tenant_id, job_id=job_id, status="completed"
            )
        ours = jobs.enqueue(connection, kind="commerce.load", payload={}, max_attempts=1)
        connection.execute(
            sa.text("UPDATE jobs SET status = 'failed' WHERE job_id = :id"), {"id": ours}
        )
    assert _facts(engine).metrics.job_failure_rate_1h == 1


def test_lookups_of_a_tenants_own_caches_moved_the_hit_ratio_and_were_named(
    engine: sa.Engine, tenant_id: int
) -> None:
    def row(service: str, *, outside: bool) -> dict[str, Any]:
        return cache_row(
            service=service, cache_key="k", outcome="miss" if outside else "hit",
            tenant_id=tenant_id, outside=outside,
        )  # fmt: skip

    with engine.begin() as connection:
        write_cache_metrics(
            connection,
            [
                *(row(name, outside=True) for name in ("macro", SLUG) for _ in range(50)),
                row("macro", outside=False),
            ],
        )
    metrics = _facts(engine).metrics
    assert metrics.cache_hit_ratio == {"macro": 1, "fundamentals": None, "comps": None}
    assert set(metrics.cache_hit_ratio) == set(CACHED)


@pytest.mark.parametrize("duration", [1e12, 86_400_001, -1, float("inf")])
def test_a_duration_of_more_than_a_day_is_refused(duration: float) -> None:
    body = {"requests": [{"route": "/", "status": 200, "duration_ms": duration}]}
    with pytest.raises(ContractError):
        parse(LoggedRequests, body)


def test_a_market_is_named_to_nobody_without_the_secret(gateway: RunningGateway) -> None:
    with gateway.new_sender() as sender:
        old = fundamentals_event(SLUG, as_of_date="2020-01-01")
        send(gateway.engine, sender.tenant_id, old)
        public = sender.http.get("/api/health/data")
        secret = {"Authorization": f"Bearer {CRON_SECRET}"}
        told = sender.http.get("/api/health/data", headers=secret)
    of_public = public.json()["services"]["fundamentals"]
    assert (of_public["stale_markets"], of_public["stale_markets_count"]) == ([], 1)
    assert SLUG not in public.text
    assert told.json()["services"]["fundamentals"]["stale_markets"] == [SLUG]


def test_a_document_of_strangers_has_every_member(engine: sa.Engine) -> None:
    said = document(_facts(engine))
    shown = for_strangers(said)
    for name, service in said["services"].items():
        assert set(service) <= set(shown["services"][name])
    assert datetime.fromisoformat(shown["as_of"]) <= datetime.now(UTC)


def test_methods_that_nobody_uses_are_one_in_the_metrics() -> None:
    metrics = Metrics()
    for number in range(50):
        metrics.observe(method=f"M{number}", route="/livez", status=405, seconds=0.1)
    text = metrics.text().decode()
    assert "M7" not in text
    assert 'method="OTHER"' in text


def test_a_program_made_names_without_end(gateway: RunningGateway) -> None:
    def lookups(names: list[str]) -> dict[str, object]:
        return {
            "metrics": [{"service": name, "cache_key": "k", "outcome": "hit"} for name in names]
        }

    path = "/api/ledger/cache-metrics"
    with gateway.new_sender() as sender:
        first = [f"service-{number}" for number in range(50)]
        assert sender.http.post(path, json=lookups(first)).status_code == 201
        refused = sender.http.post(path, json=lookups(["one-more"]))
        assert refused.status_code == 422
        assert refused.json()["errors"] == [
            {
                "field": "service",
                "message": "at most 50 different names are kept, and you have 50",
            }
        ]
        assert sender.http.post(path, json=lookups(first[:3])).status_code == 201
    with gateway.new_sender() as other:
        assert other.http.post(path, json=lookups(["one-more"])).status_code == 201
