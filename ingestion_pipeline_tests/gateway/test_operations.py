"""What operators ask the gateway, over real HTTP; every endpoint asks for its credential."""

import httpx
import pytest

from ingestion_pipeline_tests.gateway.running import CRON_SECRET, RunningGateway, Sender

GATEWAY_ENVIRONMENT = {"WEBHOOK_SECRETS": "a secret"}

# As the contract has them.
KEY, CRON, SIGNATURE, TOKEN, NOBODY = "key", "cron", "signature", "token", "none"
ENDPOINTS = [
    ("POST", "/api/kpi-data", KEY),
    ("POST", "/api/kpi-error", KEY),
    ("POST", "/api/kpi-jobs", KEY),
    ("POST", "/api/kpi-analysis", KEY),
    ("GET", "/api/kpi-jobs/{traceId}", KEY),
    ("GET", "/api/kpi-packages/{traceId}/{kpiId}", KEY),
    ("GET", "/api/kpis/{kpiId}/timeseries", KEY),
    ("GET", "/api/kpis/{kpiId}/points/{instant}", KEY),
    ("PUT", "/api/kpis/{kpiId}/points/{instant}", KEY),
    ("POST", "/api/ingest/webhook", SIGNATURE),
    ("GET", "/api/ingest/events/{ingestion_id}", KEY),
    ("GET", "/api/markets/{slug}/fundamentals", KEY),
    ("GET", "/api/markets/{slug}/comps", KEY),
    ("GET", "/api/macro", KEY),
    ("GET", "/api/health/data", NOBODY),
    ("POST", "/api/cron/cache-warming", CRON),
    ("POST", "/api/v1/ingest/comprehensive/", KEY),
    ("POST", "/api/v1/ingest/orders/", KEY),
    ("POST", "/api/v1/ingest/sessions/", KEY),
    ("GET", "/api/v1/ingest/sessions/{token}/status/", KEY),
    ("POST", "/api/v1/ingest/sessions/{token}/resume/", KEY),
    ("POST", "/api/ingestion/manual", KEY),
    ("POST", "/api/ingestion/platform/{platform}", KEY),
    ("POST", "/api/ingestion/upload/{platform}", KEY),
    ("POST", "/api/ingestion/ping/gumroad/{token}", TOKEN),
    ("GET", "/api/ingestion/status/{jobId}", KEY),
    ("POST", "/api/ingestion/cron", CRON),
    ("GET", "/livez", NOBODY),
    ("GET", "/readyz", NOBODY),
    ("GET", "/metrics", CRON),
    ("GET", "/docs", NOBODY),
    ("GET", "/openapi.json", NOBODY),
]


def test_it_is_alive_and_ready(sender: Sender) -> None:
    assert sender.http.get("/livez").json() == {"status": "ok", "message": "alive"}
    assert sender.http.get("/readyz").json() == {"status": "ok", "message": "ready"}


def test_metrics_need_the_cron_secret(sender: Sender) -> None:
    assert sender.http.get("/metrics").status_code == 401
    sender.http.get("/livez")
    for headers in (
        {"Authorization": f"Bearer {CRON_SECRET}"},
        {"x-cron-secret": CRON_SECRET},
        {"x-vercel-cron-secret": CRON_SECRET},
    ):
        answer = sender.http.get("/metrics", headers=headers)
        assert answer.status_code == 200
    counted = 'ingestion_requests_total{method="GET",route="/livez",status="200"}'
    assert counted in answer.text


def test_an_unknown_path_and_a_wrong_method_are_refused_in_the_usual_shape(sender: Sender) -> None:
    missing = sender.http.get("/api/nothing")
    assert missing.status_code == 404
    assert missing.json() == {"status": "error", "message": "Not Found", "errors": []}
    assert sender.http.delete("/livez").status_code == 405


def test_the_request_id_is_taken_over_made_returned_and_stored(
    sender: Sender, gateway: RunningGateway
) -> None:
    taken_over = sender.http.get("/livez", headers={"X-Request-ID": "mine-1"})
    assert taken_over.headers["x-request-id"] == "mine-1"
    made = sender.http.get("/livez", headers={"X-Request-ID": "no spaces, please"})
    assert len(made.headers["x-request-id"]) == 32
    assert gateway.stop() == 0  # which writes what is not written yet
    rows = gateway.rows(
        "SELECT method, route, status, duration_ms > 0 FROM api_requests "
        "WHERE request_id = 'mine-1'"
    )
    assert rows == [("GET", "/livez", 200, True)]
    gateway.start()


@pytest.mark.parametrize(("method", "path", "credential"), ENDPOINTS)
def test_every_endpoint_of_the_contract_asks_for_its_credential(
    gateway: RunningGateway, method: str, path: str, credential: str
) -> None:
    url = gateway.url + path.replace("{", "").replace("}", "")
    wrong = {"X-API-Key": "ik_wrong", "X-Signature": "sha256=0", "x-cron-secret": "wrong"}
    for headers in ({}, wrong):
        answer = httpx.request(method, url, headers=headers, timeout=30)
        if credential == NOBODY:
            assert answer.status_code == 200
        else:
            assert answer.status_code == 401, answer.text
            assert set(answer.json()) >= {"status", "message"}
            assert answer.headers["x-request-id"]
