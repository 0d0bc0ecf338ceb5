"""Gateway and runs do all of their work with the roles that are made for them."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from ingestion_pipeline.cli.local import demo
from ingestion_pipeline.cli.local.services import free_port, running
from ingestion_pipeline.cli.local.stand_ins import sandbox, upstreams
from ingestion_pipeline.domains import registry
from ingestion_pipeline.domains.book_sales.land.pings import issue_token
from ingestion_pipeline.domains.book_sales.sample import sample_reports
from ingestion_pipeline.domains.commerce.land.sweep import sweep
from ingestion_pipeline.foundation.credentials import new_key
from ingestion_pipeline.foundation.environment import settings
from ingestion_pipeline.foundation.ledger import jobs, tenants, viewers
from ingestion_pipeline.foundation.ledger.retention import forget_all
from ingestion_pipeline.foundation.settings import Settings
from ingestion_pipeline.foundation.storage import database, roles
from ingestion_pipeline.foundation.storage.landing import Landing
from ingestion_pipeline.foundation.storage.privileges import GATEWAY, RUNS
from ingestion_pipeline.foundation.watch.alerts import Condition, note
from ingestion_pipeline.foundation.watch.gathering import gather
from ingestion_pipeline_tests.domains.commerce.uploading import (
    CUSTOMERS,
    NAME,
    open_session,
    post_raw,
    put_chunk,
    status,
)
from ingestion_pipeline_tests.domains.markets.builders import SECRET, fundamentals_event, signed
from ingestion_pipeline_tests.gateway.running import CRON_SECRET, RunningGateway, Sender

pytestmark = pytest.mark.slow

CRON = {"Authorization": f"Bearer {CRON_SECRET}"}


def url_as(engine: sa.Engine, group: str, name: str) -> str:
    roles.ensure(engine)
    with engine.begin() as connection:
        password = roles.make_login(connection, name, group=group, acts_as_group=True)
    return roles.url_of(engine, name, password)


@contextmanager
def gateway_as_its_role(engine: sa.Engine, home: Path) -> Iterator[RunningGateway]:
    environment = {
        "WEBHOOK_SECRETS": f"acme:{SECRET}", "CREDENTIAL_KEYS": new_key(),
        "GUMROAD_API_BASE_URL": "http://127.0.0.1:9/v2", "HTTP_BACKOFF": "0.01",
        "FRED_API_BASE_URL": "http://127.0.0.1:9/fred", "FRED_API_KEY": "k",
    }  # fmt: skip
    made = RunningGateway(url_as(engine, GATEWAY, "gateway_of_a_test"), home, environment)
    its_own, made.engine = made.engine, engine
    its_own.dispose()
    try:
        yield made
    finally:
        made.stop()


def test_the_gateway_serves_every_domain_as_its_role(engine: sa.Engine, tmp_path: Path) -> None:
    with gateway_as_its_role(engine, tmp_path) as gateway, gateway.new_sender() as sender:
        with engine.begin() as connection:
            token = issue_token(connection, sender.tenant_id)
        commerce(sender)
        kpis(sender)
        markets(gateway, sender)
        book_sales(gateway, sender, token)
        ledger(sender)
        for path in ("/livez", "/readyz", "/docs", "/openapi.json"):
            assert sender.http.get(path).status_code == 200, path
        assert sender.http.get("/metrics", headers=CRON).status_code == 200
        health = sender.http.get("/api/health/data").json()
        problems = [service.get("problem") for service in health["services"].values()]
        assert "its tables can't be read in time" not in problems
        gateway.stop()
        assert "permission denied" not in gateway.log.read_text()
        assert "not known" not in gateway.log.read_text()
    with engine.connect() as connection:
        logged = connection.exec_driver_sql("SELECT count(*) FROM api_requests").scalar()
        assert logged
        worst = connection.exec_driver_sql("SELECT max(status) FROM api_requests").scalar()
        assert worst in (200, 201, 202, 503)  # 503: health is RED, FRED is away


def ok(answer: httpx.Response, *statuses: int) -> Any:
    assert answer.status_code in (statuses or (200, 201, 202)), answer.text
    return answer.json()


def commerce(sender: Sender) -> None:
    ok(post_raw(sender, key="one"))
    ok(post_raw(sender, key="one"))
    token = open_session(sender, {NAME: CUSTOMERS})
    ok(put_chunk(sender, token, CUSTOMERS, first=0, last=len(CUSTOMERS) - 1))
    assert status(sender, token)["upload_id"]


def kpis(sender: Sender) -> None:
    http = sender.http
    ok(http.post("/api/kpi-jobs", json={"traceId": "t", "kpiIds": ["a"], "timeoutSeconds": 60}))
    reading = {"traceId": "t", "kpiId": "a", "timestamp": "2026-01-31T12:00:00Z", "kpiType": "x"}
    for value, expected in ((1, 202), (1, 200), (2, 200)):
        ok(http.post("/api/kpi-data", json={**reading, "data": {"value": value}}), 200, expected)
    error = {"traceId": "t", "kpiId": "a", "error": {"message": "no"}}
    ok(http.post("/api/kpi-error", json=error))
    ok(http.post("/api/kpi-analysis", json={"traceId": "t", "kpiId": "a", "analysis": "calm"}))
    for path in ("/api/kpi-jobs/t", "/api/kpi-packages/t/a", "/api/kpis/a/timeseries"):
        ok(http.get(path))


def markets(gateway: RunningGateway, sender: Sender) -> None:
    body = json.dumps(fundamentals_event("austin")).encode()
    accepted = httpx.post(
        f"{gateway.url}/api/ingest/webhook", content=body, headers=signed(body), timeout=30
    )
    ok(accepted)
    ok(sender.http.get("/api/markets/austin/fundamentals"), 404)
    ok(sender.http.get("/api/markets/austin/comps"), 404)
    ok(sender.http.get("/api/macro"), 503)
    ok(sender.http.get("/api/macro?as_of=2026-01-01"))
    ok(sender.http.post("/api/cron/cache-warming", headers=CRON))


def book_sales(gateway: RunningGateway, sender: Sender, token: str) -> None:
    http = sender.http
    order = {"platform": "gumroad", "payload": {"access_token": "secret"}}
    job = ok(http.post("/api/ingestion/manual", json=order, headers={"Idempotency-Key": "m"}))
    for platform, (name, content) in sample_reports().items():
        path = f"/api/ingestion/upload/{platform}"
        ok(http.post(path, params={"filename": name}, content=content))
    sale = {"sale_id": "1", "sale_timestamp": "2026-01-01T00:00:00Z", "price": "100",
            "quantity": "1", "currency": "usd", "product_name": "p"}  # fmt: skip
    ok(http.post(f"/api/ingestion/ping/gumroad/{token}", data=sale))
    outcomes = ok(http.post("/api/ingestion/cron", headers=CRON))["jobs"]
    assert "completed" in {outcome["status"] for outcome in outcomes}
    ok(http.get(f"/api/ingestion/status/{job['jobId']}"))
    [[events]] = gateway.rows("SELECT count(*) FROM daily_sales")
    assert events > 0


def ledger(sender: Sender) -> None:
    http = sender.http
    job = ok(http.post("/api/ledger/jobs", json={"kind": "predict", "payload": {}}))["job_id"]
    for state in ("processing", "completed"):
        ok(http.post(f"/api/ledger/jobs/{job}/status", json={"status": state}))
    ok(http.get(f"/api/ledger/jobs/{job}"))
    ok(http.post("/api/ledger/events", json={"event_type": "api.x", "payload": {"a": 1}}))


@pytest.fixture
def engines_of_this_test(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Whatever connects within the test is disconnected after it."""
    made: list[sa.Engine] = []
    create = sa.create_engine

    def noted(*arguments: Any, **options: Any) -> sa.Engine:
        made.append(create(*arguments, **options))
        return made[-1]

    monkeypatch.setattr(sa, "create_engine", noted)
    yield
    for each in made:
        each.dispose()


def test_runs_materialize_every_asset_as_their_role(
    configured: Settings,
    engine: sa.Engine,
    engines_of_this_test: None,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    url = url_as(engine, RUNS, "runs_of_a_test")
    with engine.begin() as connection:
        tenants.ensure(connection, demo.TENANT)
    assert viewers.ensure(engine).lacking is None  # as `tenants create` does: runs make no roles
    port = free_port()
    changes = {
        **upstreams(Settings(), port), "DATABASE_URL": url, "CREDENTIAL_KEYS": new_key(),
        "LAKE_URL": str(tmp_path / "lake"),
        "COLLECT_WINDOW": "PT12H", "POLARS_ICEBERG_PLANNER": "pyiceberg",
        "GUMROAD_API_BASE_URL": f"http://127.0.0.1:{port}/gumroad/v2",
    }  # fmt: skip
    for name, value in changes.items():
        monkeypatch.setenv(name, value)
    settings.cache_clear()
    database.engine(settings()).dispose()
    database.engine.cache_clear()
    assert os.environ["DATABASE_URL"] == url
    stand_ins = sandbox(settings(), port=port, points=5, interval_seconds=600)
    with running([stand_ins]):
        stand_ins.wait_until_ready()
        result = demo._materialize()
    assert result.all_well, [
        asset for asset in result.assets if asset.failed_checks or not asset.materialized
    ]
    as_runs = database.engine(settings())
    assert as_runs.url.username == "runs_of_a_test"
    swept = forget_all(as_runs, ledger=timedelta(0), metrics=timedelta(0))
    assert None not in swept.values()
    sweep(as_runs, Landing(configured.landing), idempotency_retention=timedelta(0))
    with as_runs.begin() as connection:
        jobs.release_run(connection, "of a run that died", reason="it died")
        gather(connection, settings(), registry.questions())
        note(connection, [Condition("test", True, "it is a test")])
