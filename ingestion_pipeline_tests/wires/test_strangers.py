"""What strangers and tenants can neither read nor move: names, and the operator's figures."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from ingestion_pipeline.domains import registry
from ingestion_pipeline.domains.book_sales.land import queue
from ingestion_pipeline.domains.book_sales.merge.claimed import is_senders
from ingestion_pipeline.foundation.errors import (
    ConfigurationError,
    ContractError,
    LandedFileError,
    MissingReportError,
    UpstreamRefusedError,
    UpstreamUnavailableError,
)
from ingestion_pipeline.foundation.ledger import jobs, outside, tenants
from ingestion_pipeline.foundation.ledger.metrics import cache_row, write_cache_metrics
from ingestion_pipeline.foundation.settings import Settings
from ingestion_pipeline.foundation.watch import alerts
from ingestion_pipeline.foundation.watch import gathering as health_sources
from ingestion_pipeline.foundation.watch.health import CACHED, document, for_strangers
from ingestion_pipeline.gateway.metrics import Metrics
from ingestion_pipeline.gateway.routes.ledger_bodies import LoggedRequests, parse
from ingestion_pipeline_tests.domains.markets.builders import fundamentals_event, send
from ingestion_pipeline_tests.gateway.running import CRON_SECRET, RunningGateway

SLUG = "a-name-that-nobody-else-may-read"


def _facts(engine: sa.Engine) -> Any:
    with engine.begin() as connection:
        return health_sources.gather(connection, Settings(), registry.questions())


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


def _finished(connection: sa.Connection, tenant_id: int, status: str, *, number: int = 1) -> None:
    statement = """
        INSERT INTO jobs (tenant_id, kind, max_attempts, status)
        SELECT :tenant_id, 'book_sales.import.gumroad', 1, :status
        FROM generate_series(1, :number)
    """
    values = {"tenant_id": tenant_id, "status": status, "number": number}
    connection.execute(sa.text(statement), values)


def test_a_thousand_imports_of_one_tenant_hid_a_failure_of_anothers(
    engine: sa.Engine, tenant_id: int
) -> None:
    with engine.begin() as connection:
        _finished(connection, tenant_id, "completed", number=1000)
        _finished(connection, tenants.ensure(connection, "other"), "failed")
    facts = _facts(engine)
    assert facts.metrics.job_failure_rate_1h == pytest.approx(1 / 1001)
    assert [each.met for each in alerts.conditions(facts) if each.name == "job_failures"] == [True]


@pytest.mark.parametrize(
    ("error", "status", "rate"),
    [
        (ContractError("file: is no text"), "failed", None),  # its sender's
        (RuntimeError("a defect of ours"), "failed", 1),
        (LandedFileError("the recorded file is gone"), "failed", 1),
    ],
)
def test_a_bad_file_was_a_failure_of_ours(
    engine: sa.Engine, tenant_id: int, error: Exception, status: str, rate: float | None
) -> None:
    with engine.begin() as connection:
        payload = {"platform": "smashwords", "upload_id": 1}
        kind = "book_sales.import.smashwords"
        jobs.enqueue(
            connection, kind=kind, payload=payload, max_attempts=1, tenant_id=tenant_id
        )  # fmt: skip
        [claim] = jobs.claim(connection, kind=kind, worker="w", lease=timedelta(minutes=1))
        nothing = timedelta(0)
        senders = is_senders(claim, error)
        said = jobs.fail(connection, claim, error, backoff=nothing, senders=senders)
        assert said == status
    facts = _facts(engine)
    assert facts.metrics.job_failure_rate_1h == rate
    with engine.begin() as connection:
        assert connection.exec_driver_sql("SELECT job_failure_rate()").scalar_one() == rate
        rates = "SELECT failed, failed_by_sender FROM job_failure_rates()"
        assert connection.exec_driver_sql(rates).one() == ((1, 0) if rate else (0, 1))
        # Once it is worked on again, what becomes of it counts.
        assert jobs.requeue(connection, claim.job_id, attempts=1)
        [claim] = jobs.claim(connection, kind=kind, worker="w", lease=timedelta(minutes=1))
        jobs.fail(connection, claim, RuntimeError("a defect of ours"), backoff=nothing)
    assert _facts(engine).metrics.job_failure_rate_1h == 1


def _refused(status: int, body: str = "") -> UpstreamRefusedError:
    return UpstreamRefusedError("gumroad: refused", status=status, body=body)


@pytest.mark.parametrize(
    ("payload", "error", "senders"),
    [
        ({"access_token": {}}, _refused(401), True),
        ({"access_token": {}}, _refused(403, '{"error":"insufficient_scope"}'), True),
        ({"access_token": {}}, _refused(403), False),  # we may be banned, with all tenants
        ({"access_token": {}}, _refused(404), False),  # the API has changed
        ({"access_token": {}}, ContractError("gumroad: the answer is no JSON"), False),
        ({"access_token": {}}, UpstreamUnavailableError("gumroad: no answer"), False),
        ({"access_token": {}}, ConfigurationError("CREDENTIAL_KEYS"), False),
        ({"ping_id": 1}, ContractError("sale_id: is missing"), False),  # it was checked before
        ({"upload_id": 1}, ContractError("file: is empty"), True),
        ({"upload_id": 1}, KeyError("Title"), False),
        ({"upload_id": 1}, _refused(401), False),
        ({"storagePath": "a"}, MissingReportError("there is no file"), True),
        ({}, MissingReportError("payload.storagePath is missing"), True),
    ],
)
def test_what_is_its_senders_fault_and_what_is_ours(
    payload: dict[str, Any], error: Exception, senders: bool
) -> None:
    claim = jobs.Claim(1, 1, "book_sales.import.gumroad", 1, payload)
    assert is_senders(claim, error) is senders


def test_requests_of_strangers_moved_the_latency(engine: sa.Engine, tenant_id: int) -> None:
    statement = sa.text("""
        INSERT INTO api_requests (requested_at, request_id, tenant_id, method, route, status,
                                  duration_ms, request_bytes, response_bytes)
        VALUES (now(), 'r', :tenant, 'POST', :route, :status, :ms, 0, 0)
    """)
    strangers = [
        ("/api/kpi-data", 401, 19_000), ("(none)", 404, 1), ("/livez", 200, 1),
        ("/api/kpi-data", 408, 20_000), ("/api/ingestion/cron", 503, 1), ("/docs/{name}", 200, 1),
    ]  # fmt: skip
    with engine.begin() as connection:
        for route, status, milliseconds in strangers:
            for _ in range(30):
                values = {"tenant": None, "route": route, "status": status, "ms": milliseconds}
                connection.execute(statement, values)
        refused = {"tenant": tenant_id, "route": "/api/kpi-data", "status": 429, "ms": 1}
        connection.execute(statement, refused)
        connection.execute(statement, refused | {"status": 202, "ms": 50})
    metrics = _facts(engine).metrics
    assert (metrics.requests, metrics.api_latency_ms_p95) == (1, 50)


def test_a_sender_that_sends_slowly_was_a_latency_of_ours(gateway: RunningGateway) -> None:
    def slowly() -> Iterator[bytes]:
        yield b'{"event_type": "e", '
        time.sleep(1)
        yield b'"payload": {}}'

    with gateway.new_sender() as sender:
        sent = sender.http.post("/api/ledger/events", content=slowly())
        assert sent.status_code == 201
        query = "SELECT duration_ms FROM api_requests WHERE request_id = :id"
        request_id = sent.headers["x-request-id"]
        while not (found := gateway.rows(query, id=request_id)):
            time.sleep(0.05)
    assert found[0].duration_ms < sent.elapsed.total_seconds() * 1000 - 900


def test_an_order_for_the_past_was_overdue_at_once(engine: sa.Engine, tenant_id: int) -> None:
    long_ago = datetime(2020, 1, 1, tzinfo=UTC)
    with engine.begin() as connection:
        queue.land_import(
            connection, Settings(), tenant_id=tenant_id, platform="amazon_kdp", payload={},
            scheduled_for=long_ago,
        )  # fmt: skip
    assert _facts(engine).services["book_sales"].problem is None


def test_markets_that_there_are_none_of_moved_the_hit_ratio(gateway: RunningGateway) -> None:
    with gateway.new_sender() as sender:
        for number in range(5):
            assert sender.http.get(f"/api/markets/{SLUG}-{number}/comps").status_code == 404
        send(gateway.engine, sender.tenant_id, fundamentals_event("real-1"))
        assert sender.http.get("/api/markets/real-1/fundamentals").is_success
        query = "SELECT cache_key FROM cache_metrics WHERE outcome = 'miss'"
        while not (found := gateway.rows(query)):
            time.sleep(0.05)
    assert [row.cache_key for row in found] == ["fundamentals_real-1"]


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


def test_a_tenant_reads_its_own_figures_and_nobody_elses(gateway: RunningGateway) -> None:
    with gateway.new_sender() as sender, gateway.new_sender() as other:
        assert httpx.get(f"{gateway.url}/api/health/tenant").status_code == 401
        for each, slug in ((sender, "mine"), (other, SLUG)):
            old = fundamentals_event(slug, as_of_date="2020-01-01")
            send(gateway.engine, each.tenant_id, old)
            lookup = {"service": slug, "cache_key": "k", "outcome": "hit"}
            path = "/api/ledger/cache-metrics"
            assert each.http.post(path, json={"metrics": [lookup]}).is_success
            made = each.http.post("/api/ledger/jobs", json={"kind": slug}).headers["location"]
            assert each.http.post(f"{made}/status", json={"status": "failed"}).is_success
        told = sender.http.get("/api/health/tenant")
        said = told.json()
    assert SLUG not in told.text
    assert (said["tenant"], said["status"]) == (sender.tenant, "YELLOW")
    assert said["services"]["fundamentals"]["stale_markets"] == ["mine"]
    assert said["services"]["comps"]["markets_below_min"] == []
    assert said["metrics"]["cache_hit_ratio"] == {"mine": 1}
    assert said["metrics"]["job_failure_rate_1h"] == 0.5
    assert said["jobs"] == {
        "imports": {"completed": 1, "failed": 0, "failed_by_sender": 0},
        "programs": {"completed": 0, "failed": 1, "failed_by_sender": 0},
    }
