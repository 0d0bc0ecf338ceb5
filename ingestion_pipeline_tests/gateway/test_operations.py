"""What operators ask the gateway, over real HTTP."""

from ingestion_pipeline_tests.gateway.running import CRON_SECRET, RunningGateway, Sender


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
