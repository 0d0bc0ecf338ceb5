"""KPIs over real HTTP."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ingestion_pipeline_tests.domains.kpis.builders import body
from ingestion_pipeline_tests.gateway.running import RunningGateway, Sender

INSTANT = "2026-03-10T12:00:00Z"


def post(sender: Sender, document: Any, path: str = "/api/kpi-data") -> Any:
    return sender.http.post(path, json=document)


def test_a_reading_is_recorded_and_its_package_job_and_series_are_there_at_once(
    sender: Sender,
) -> None:
    chart = {"url": "https://charts.example.com/1.png", "type": "line", "timeRange": "7d"}
    answered = post(sender, body(at=INSTANT, chart=chart, metadata={"source": "n8n"}))
    assert answered.status_code == 202
    assert answered.json() == {
        "status": "success", "message": "recorded", "traceId": "trace-1", "kpiId": "btc-price",
    }  # fmt: skip
    package = sender.http.get(answered.headers["location"]).json()
    assert package["data"] == {"value": 42.5}
    assert (package["timestamp"], package["chart"], package["analysis"]) == (INSTANT, chart, None)
    assert package["metadata"]["source"] == "n8n"
    assert package["metadata"]["quality"] in ("high", "medium")
    job = sender.http.get("/api/kpi-jobs/trace-1").json()
    assert (job["status"], job["kpis"]["btc-price"]["status"]) == ("completed", "completed")
    series = sender.http.get("/api/kpis/btc-price/timeseries").json()
    assert [point["value"] for point in series["dataPoints"]] == [42.5]
    assert series["nextCursor"] is None


@pytest.mark.parametrize("text", [INSTANT, "2026-03-10T07:00:00-05:00", "2026-03-10T12:00:00"])
def test_the_same_instant_again_is_a_duplicate_however_it_is_written(
    sender: Sender, text: str
) -> None:
    assert post(sender, body(at=INSTANT)).status_code == 202
    again = post(sender, body(at=text))
    assert (again.status_code, again.json()["status"]) == (200, "duplicate")
    assert "conflict" not in again.json()
    other = post(sender, body(at=text, value=43, trace="trace-2"))
    assert (other.status_code, other.json()["conflict"]) == (200, True)
    # A retry of another trace: its package and its job are there.
    assert sender.http.get("/api/kpi-packages/trace-2/btc-price").status_code == 200
    assert sender.http.get("/api/kpi-jobs/trace-2").json()["status"] == "completed"


def test_snake_case_is_welcome(sender: Sender) -> None:
    sent = {
        "trace_id": "t", "kpi_id": "k", "timestamp": INSTANT, "kpi_type": "price",
        "data": {"value": 1}, "chart": {"url": "u", "type": "t", "time_range": "7d"},
    }  # fmt: skip
    assert post(sender, sent).status_code == 202
    package = sender.http.get("/api/kpi-packages/t/k").json()
    assert package["chart"]["timeRange"] == "7d"


def test_several_kpis_have_results_in_the_order_of_their_ids(sender: Sender) -> None:
    sent = {
        "traceId": "multi", "timestamp": INSTANT, "kpiType": "cbbi-multi",
        "kpiIds": ["c", "a", "b", "d"], "data": {"a": 1, "b": None, "c": "2.5", "d": "x"},
    }  # fmt: skip
    answered = post(sender, sent)
    assert (answered.status_code, answered.json()["status"]) == (202, "partial")
    results = [(each["kpiId"], each["status"]) for each in answered.json()["results"]]
    assert results == [("c", "success"), ("a", "success"), ("b", "missing"), ("d", "error")]
    job = sender.http.get("/api/kpi-jobs/multi").json()
    assert job["status"] == "partial"
    assert {k: v["status"] for k, v in job["kpis"].items()} == {
        "a": "completed", "b": "pending", "c": "completed", "d": "pending",
    }  # fmt: skip
    whole = post(sender, {**sent, "kpiIds": ["a", "c"]})
    assert (whole.status_code, whole.json()["status"]) == (200, "success")


def test_several_kpis_of_which_none_is_usable_are_refused_with_results(sender: Sender) -> None:
    sent = {
        "traceId": "none", "timestamp": INSTANT, "kpiType": "cmc-multi", "kpiIds": ["a"],
        "data": {},
    }  # fmt: skip
    answered = post(sender, sent)
    assert (answered.status_code, answered.json()["status"]) == (422, "error")
    assert answered.json()["results"][0]["status"] == "missing"
    assert sender.http.get("/api/kpi-jobs/none").status_code == 404


def test_every_field_at_fault_is_listed(sender: Sender) -> None:
    answered = post(sender, {"traceId": "a b", "timestamp": "yesterday", "data": 3})
    assert answered.status_code == 422
    fields = {error["field"] for error in answered.json()["errors"]}
    assert fields == {"traceId", "kpiId", "timestamp", "kpiType", "data"}


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"{", 400), (b'{"data": NaN}', 400), (b"[]", 422), (b"null", 422), (b"3", 422),
        (b'{"data": 1e999}', 400), (b"[" * 100_000, 400), (b'"\xff"', 400), (b"", 400),
    ],
)  # fmt: skip
@pytest.mark.parametrize(
    "path", ["/api/kpi-data", "/api/kpi-error", "/api/kpi-jobs", "/api/kpi-analysis"]
)
def test_what_is_no_json_or_no_object_is_refused(
    sender: Sender, path: str, content: bytes, status: int
) -> None:
    assert sender.http.post(path, content=content).status_code == status


@pytest.mark.parametrize(
    "data",
    [
        {"value": 1, "note": "\0"}, {"value": 1, "\0": 1}, {"value": 10**400}, {"value": "1e999"},
        {"value": True}, {"value": [1]}, {"a": 1, "b": 2}, {},
    ],
)  # fmt: skip
def test_data_without_one_value_that_can_be_stored_is_refused(sender: Sender, data: Any) -> None:
    sent = {**body(at=INSTANT), "data": data}
    assert post(sender, sent).status_code == 422


def test_numbers_come_back_as_they_were_sent(sender: Sender) -> None:
    data = {"value": 0.1, "wei": 2**70, "tiny": 5e-324, "text": "ü\u2028😀\\u0000"}
    sent = json.dumps({**body(at=INSTANT), "data": data})
    assert sender.http.post("/api/kpi-data", content=sent).status_code == 202
    assert sender.http.get("/api/kpi-packages/trace-1/btc-price").json()["data"] == data


def test_an_error_fails_its_kpi_until_a_late_success_and_never_after(sender: Sender) -> None:
    report = {"traceId": "job", "kpiId": "a", "error": "429 - too many", "retryCount": 3}
    assert post(sender, {"traceId": "job", "kpiIds": ["a"]}, "/api/kpi-jobs").status_code == 202
    assert post(sender, report, "/api/kpi-error").status_code == 202
    assert post(sender, report, "/api/kpi-error").json()["status"] == "duplicate"
    job = sender.http.get("/api/kpi-jobs/job").json()
    assert (job["status"], job["kpis"]["a"]["retryCount"]) == ("failed", 3)
    assert job["errors"][0]["code"] == "429"
    assert post(sender, body(trace="job", kpi="a", at=INSTANT)).status_code == 202
    assert sender.http.get("/api/kpi-jobs/job").json()["status"] == "completed"
    post(sender, {**report, "retryCount": 4}, "/api/kpi-error")
    assert sender.http.get("/api/kpi-jobs/job").json()["status"] == "completed"


def test_n8n_reports_without_a_trace(sender: Sender) -> None:
    payload = [
        {"execution": {"id": "231", "error": {"message": "no luck"}}, "workflow": {"id": "1"}}
    ]
    answered = post(sender, payload, "/api/kpi-error")
    assert answered.json()["traceId"] == "n8n:1:231"
    job = sender.http.get(answered.headers["location"]).json()
    assert (job["status"], job["errors"][0]["message"]) == ("pending", "no luck")


def test_an_analysis_is_put_and_survives_the_reading_sent_again(sender: Sender) -> None:
    analysis = {"traceId": "trace-1", "kpiId": "btc-price", "analysis": {"insight": "up"}}
    assert post(sender, analysis, "/api/kpi-analysis").status_code == 404
    post(sender, body(at=INSTANT))
    assert post(sender, analysis, "/api/kpi-analysis").status_code == 200
    post(sender, body(at=INSTANT, chart={"url": "u"}))
    package = sender.http.get("/api/kpi-packages/trace-1/btc-price").json()
    assert package["analysis"] == {"insight": "up"}
    assert package["chart"] == {"url": "u"}


def test_announcing_again_adds_kpis_and_keeps_the_first_timeout(sender: Sender) -> None:
    def announce(*kpi_ids: str, seconds: int) -> Any:
        sent = {"traceId": "job", "kpiIds": list(kpi_ids), "timeoutSeconds": seconds}
        return post(sender, sent, "/api/kpi-jobs")

    assert announce("a", seconds=60).status_code == 202
    before = sender.http.get("/api/kpi-jobs/job").json()
    assert announce("a", "b", seconds=600).status_code == 200
    after = sender.http.get("/api/kpi-jobs/job").json()
    assert set(after["kpis"]) == {"a", "b"}
    assert after["metadata"]["timeoutThreshold"] == before["metadata"]["timeoutThreshold"]


def test_a_series_is_read_in_parts(sender: Sender) -> None:
    start = datetime(2026, 3, 1, tzinfo=UTC)
    instants = [start + timedelta(minutes=n) for n in range(25)]
    for n, instant in enumerate(instants):
        post(sender, body(at=instant, value=n))
    path, seen, cursor = "/api/kpis/btc-price/timeseries", [], None
    while True:
        query = {"limit": "10", "start": instants[2].isoformat(), "end": instants[24].isoformat()}
        part = sender.http.get(path, params=query | ({"cursor": cursor} if cursor else {})).json()
        seen += [point["value"] for point in part["dataPoints"]]
        cursor = part["nextCursor"]
        if cursor is None:
            break
    assert seen == list(range(2, 24))
    unquoted = sender.http.get(f"{path}?start=2026-03-01T00:24:00+00:00").json()
    assert [point["value"] for point in unquoted["dataPoints"]] == [24]
    for wrong in (
        "limit=0",
        "limit=10001",
        "limit=000000000199999",
        "limit=x",
        "start=today",
        "cursor=%00",
        "cursor=eA",
    ):
        assert sender.http.get(f"{path}?{wrong}").status_code == 422, wrong
    assert sender.http.get("/api/kpis/unknown/timeseries").status_code == 404


def test_tenants_never_meet(gateway: RunningGateway, sender: Sender) -> None:
    post(sender, body(at=INSTANT))
    with gateway.new_sender() as other:
        for path in (
            "/api/kpi-jobs/trace-1", "/api/kpi-packages/trace-1/btc-price",
            "/api/kpis/btc-price/timeseries",
        ):  # fmt: skip
            assert other.http.get(path).status_code == 404
        assert post(other, body(at=INSTANT, value=1)).json()["status"] == "success"


def test_no_key_is_refused(gateway: RunningGateway) -> None:
    import httpx

    for method, path in (("POST", "/api/kpi-data"), ("GET", "/api/kpi-jobs/x")):
        assert httpx.request(method, gateway.url + path).status_code == 401


def test_many_senders_at_once_lose_and_double_nothing(
    gateway: RunningGateway, sender: Sender
) -> None:
    start = datetime(2026, 3, 1, tzinfo=UTC)
    barrier = threading.Barrier(20)
    created = []

    def worker(number: int) -> None:
        barrier.wait()
        for n in range(20):
            # Every reading is sent by two workers.
            instant = start + timedelta(seconds=number // 2 * 20 + n)
            answered = post(sender, body(trace=f"t{number}", at=instant, value=n))
            assert answered.status_code in (200, 202)
            created.append(answered.status_code == 202)

    with ThreadPoolExecutor(20) as pool:
        list(pool.map(worker, range(20)))
    assert sum(created) == 200
    [counts] = gateway.rows(
        "SELECT (SELECT count(*) FROM kpi_points WHERE tenant_id = :t),"
        " (SELECT count(*) FROM kpi_updates WHERE tenant_id = :t)", t=sender.tenant_id,
    )  # fmt: skip
    assert tuple(counts) == (200, 400)


def test_what_was_answered_survives_a_kill(gateway: RunningGateway, sender: Sender) -> None:
    assert post(sender, body(at=INSTANT)).status_code == 202
    gateway.kill()
    gateway.start()
    assert sender.http.get("/api/kpi-packages/trace-1/btc-price").status_code == 200


def test_openapi_shows_every_endpoint_with_its_refusals(sender: Sender) -> None:
    paths = sender.http.get("/openapi.json").json()["paths"]
    shown = {(path, method) for path, methods in paths.items() for method in methods}
    assert {
        ("/api/kpi-data", "post"), ("/api/kpi-error", "post"), ("/api/kpi-jobs", "post"),
        ("/api/kpi-analysis", "post"), ("/api/kpi-jobs/{trace_id}", "get"),
        ("/api/kpi-packages/{trace_id}/{kpi_id}", "get"), ("/api/kpis/{kpi_id}/timeseries", "get"),
    } <= shown  # fmt: skip
    assert {"202", "200", "422"} <= set(paths["/api/kpi-data"]["post"]["responses"])
