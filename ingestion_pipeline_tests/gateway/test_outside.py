"""The ledger for programs beside ours, over real HTTP."""

import threading

import httpx
import pytest

from ingestion_pipeline.domains import registry
from ingestion_pipeline.foundation.ledger import tenants
from ingestion_pipeline.foundation.settings import Settings
from ingestion_pipeline.foundation.watch import gathering as health_sources
from ingestion_pipeline.gateway.routes import ledger as outside
from ingestion_pipeline.gateway.routes import ledger_bodies as outside_bodies
from ingestion_pipeline_tests.gateway.running import RunningGateway, Sender, serving


def test_a_job_is_recorded_followed_and_seen_by_dashboards(
    sender: Sender, gateway: RunningGateway
) -> None:
    made = sender.http.post("/api/ledger/jobs", json={"kind": "predict", "payload": {"x": 1}})
    assert made.status_code == 201
    path = made.headers["location"]
    job_id = made.json()["job_id"]
    for status in ("processing", "completed"):
        body = {"status": status, "result": {"rent": 12}}
        assert sender.http.post(f"{path}/status", json=body).json() == {
            "status": status, "message": "recorded", "job_id": job_id
        }  # fmt: skip
    job = sender.http.get(path).json()
    assert (job["kind"], job["status"], job["attempt"]) == ("predict", "completed", 1)
    assert job["result"] == {"rent": 12}
    assert "payload" not in job
    rows = gateway.rows("SELECT status FROM market_jobs WHERE id = :id", id=job_id)
    assert rows == [("COMPLETED",)]
    undone = sender.http.post(f"{path}/status", json={"status": "failed"})
    assert undone.status_code == 422
    assert undone.json()["errors"][0]["field"] == "status"


def test_a_job_is_nobody_elses(sender: Sender, gateway: RunningGateway) -> None:
    path = sender.http.post("/api/ledger/jobs", json={"kind": "predict"}).headers["location"]
    with gateway.new_sender() as other:
        assert other.http.get(path).status_code == 404
        stolen = other.http.post(f"{path}/status", json={"status": "completed"})
        assert stolen.status_code == 404
    assert sender.http.get("/api/ledger/jobs/99999999999999999999").status_code == 404
    assert sender.http.get("/api/ledger/jobs/x").status_code == 404
    assert sender.http.post("/api/ledger/jobs", json={}, headers={"X-API-Key": "x"}).is_error


def test_an_event_is_recorded_once(sender: Sender, gateway: RunningGateway) -> None:
    body = {"event_type": "api.prediction", "payload": {"id": 7}, "processing_time_ms": 35}
    first = sender.http.post("/api/ledger/events", json=body)
    again = sender.http.post("/api/ledger/events", json=body)
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json()["ingestion_id"] == again.json()["ingestion_id"]
    rows = gateway.rows(
        "SELECT tenant_id, status, processing_time_ms, request_id FROM ingestion_events"
    )
    assert rows == [(sender.tenant_id, "applied", 35.0, first.headers["x-request-id"])]


def test_requests_and_lookups_are_recorded_in_batches(
    sender: Sender, gateway: RunningGateway
) -> None:
    requests = [
        {"route": "/predict", "status": 200, "duration_ms": duration, "retries": 1}
        for duration in (10, 20, 30)
    ]
    assert sender.http.post("/api/ledger/requests", json={"requests": requests}).is_success
    lookups = [
        {"service": "comps", "cache_key": "comps_miami", "outcome": outcome}
        for outcome in ("hit", "hit", "hit", "miss")
    ]
    assert sender.http.post("/api/ledger/cache-metrics", json={"metrics": lookups}).is_success
    metrics = sender.http.get("/api/health/tenant").json()["metrics"]
    assert metrics["prediction_latency_ms_p50"] == 20
    assert metrics["api_retry_count_5m"] == {"prediction": 3}
    assert metrics["cache_hit_ratio"] == {"comps": 0.75}


def test_what_programs_said_of_themselves_stood_in_the_public_document(
    sender: Sender, gateway: RunningGateway
) -> None:
    row = {"route": "/predict", "status": 200, "duration_ms": 77_000, "retries": 9}
    assert sender.http.post("/api/ledger/requests", json={"requests": [row]}).is_success
    with gateway.engine.begin() as connection:
        facts = health_sources.gather(connection, Settings(), registry.questions())
    assert facts.metrics.prediction_latency_ms_p50 is None
    assert facts.metrics.prediction_latency_ms_p95 is None
    figures = "api_latency_ms(0.5, '1 day', 'prediction'), api_retry_count(), cache_hit_ratio()"
    assert gateway.rows(f"SELECT {figures}") == [(None, 0, None)]
    assert gateway.rows("SELECT 1 FROM api_latencies() WHERE service = 'prediction'") == []
    assert gateway.rows("SELECT 1 FROM cache_hit_ratios()") == []


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("jobs", [], "body"),
        ("jobs", {"kind": ""}, "kind"),
        ("jobs", {"kind": "a\0b"}, "kind"),
        ("jobs", {"kind": "a", "payload": {"x": ["\0"]}}, "payload"),
        ("jobs", {"kind": "a", "max_attempts": "3"}, "max_attempts"),
        ("jobs/1/status", {"status": "lost"}, "status"),
        ("events", {"event_type": "e"}, "payload"),
        ("events", {"event_type": "e", "payload": {}, "job_id": 0}, "job_id"),
        ("requests", {"requests": []}, "requests"),
        ("requests", {"requests": [{"route": "/x", "status": 200}]}, "requests.0.duration_ms"),
        ("cache-metrics", {"metrics": [{"service": "s", "cache_key": "k", "outcome": "?"}]},
         "metrics.0.outcome"),
    ],
)  # fmt: skip
def test_every_fault_names_its_field(sender: Sender, path: str, body: object, field: str) -> None:
    refused = sender.http.post(f"/api/ledger/{path}", json=body)
    assert refused.status_code == 422
    assert [error["field"] for error in refused.json()["errors"]] == [field]


def test_a_megabyte_of_payload_held_everybody_up_for_a_second(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: list[str] = []

    def looked_at(shape: type[outside_bodies.B], body: object) -> outside_bodies.B:
        threads.append(threading.current_thread().name)
        return outside_bodies.parse(shape, body)

    monkeypatch.setattr(outside, "parse", looked_at)
    with serving(database_url) as running:
        with running.engine.begin() as connection:
            key = tenants.issue_key(connection, tenants.ensure(connection, "acme"))
        job = {"kind": "predict", "payload": {"many": [0] * 100_000}}
        path = f"{running.url}/api/ledger/jobs"
        made = httpx.post(path, json=job, headers={"X-API-Key": key}, timeout=60)
    assert made.status_code == 201
    assert [name.startswith("asyncio_") for name in threads] == [True]


def test_nobody_speaks_for_the_gateway(sender: Sender) -> None:
    row = {"route": "/x", "status": 200, "duration_ms": 1, "service": "gateway"}
    refused = sender.http.post("/api/ledger/requests", json={"requests": [row]})
    assert refused.status_code == 422
