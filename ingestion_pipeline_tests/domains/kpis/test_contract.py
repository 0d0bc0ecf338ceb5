"""Bodies of readings and reports: what they become, and every fault of those that are refused."""

import contextlib
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestion_pipeline.domains.kpis.contract.announcements import (
    parse_analysis,
    parse_announcement,
)
from ingestion_pipeline.domains.kpis.contract.readings import Unusable, parse_readings
from ingestion_pipeline.domains.kpis.contract.reports import REDACTED, parse_report, redacted
from ingestion_pipeline.domains.kpis.land.readings import NEW
from ingestion_pipeline.domains.kpis.publish.said import of_kpis
from ingestion_pipeline.foundation.errors import ContractError
from ingestion_pipeline_tests.domains.kpis.builders import NOW, body

SHARED = Path(__file__).parents[3] / ".." / "shared"
VECTORS = SHARED / "contracts" / "vectors" / "n8n_errors.json"
CAPTURED = SHARED / "real" / "kpis" / "captured_multi_kpi.ndjson"


def faults(sent: Any) -> set[str]:
    with pytest.raises(ContractError) as refused:
        parse_readings(sent, tenant_id=1, now=NOW)
    return {error.field for error in refused.value.errors}


@pytest.mark.parametrize(
    ("camel", "snake", "other"),
    [("kpiId", "kpi_id", "eth-price"), ("traceId", "trace_id", "other"),
     ("kpiType", "kpi_type", "other"), ("kpiIds", "kpi_ids", ["eth-price"])],
)  # fmt: skip
def test_a_member_under_both_of_its_names_is_one_or_refused(
    camel: str, snake: str, other: Any
) -> None:
    sent = body(kpiIds=["btc-price"])
    assert parse_readings({**sent, snake: sent[camel]}, tenant_id=1, now=NOW).updates
    assert faults({**sent, snake: other}) == {camel}


def test_a_reading_becomes_an_update() -> None:
    sent = body(kpiIds=["btc-price", "eth-price"], metadata={"source": "n8n"})
    readings = parse_readings(sent, tenant_id=7, now=NOW, request_id="r")
    [update] = readings.updates
    assert not readings.multiple
    assert (update.tenant_id, update.kpi_id, update.value) == (7, "btc-price", 42.5)
    assert update.observed_at == NOW
    assert update.timestamp_text == sent["timestamp"]
    assert update.awaited == ("btc-price", "eth-price")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"traceId": "n8n:1:2"}, "traceId"), ({"traceId": ""}, "traceId"),
        ({"traceId": "x" * 201}, "traceId"), ({"kpiId": "a b"}, "kpiId"),
        ({"kpiId": "x" * 129}, "kpiId"), ({"kpiId": None}, "kpiId"), ({"kpiId": "ü"}, "kpiId"),
        ({"kpiType": ""}, "kpiType"), ({"kpiType": "a\0"}, "kpiType"), ({"data": []}, "data"),
        ({"data": {}}, "data"), ({"data": {"value": "x"}}, "data.value"),
        ({"metadata": "x"}, "metadata"), ({"metadata": {"a": "\0"}}, "metadata.a"),
        ({"chart": "x"}, "chart"), ({"chart": {"url": 3}}, "chart.url"),
        ({"kpiIds": []}, "kpiIds"), ({"kpiIds": ["ok", "a b"]}, "kpiIds[1]"),
        ({"timestamp": "2030-01-01T00:00:00Z"}, "timestamp"),
    ],
)  # fmt: skip
def test_each_field_at_fault_is_named(change: dict[str, Any], field: str) -> None:
    assert faults({**body(), **change}) == {field}


def test_all_fields_at_fault_are_named_at_once() -> None:
    sent = {"traceId": 1, "kpiId": 2, "timestamp": 3, "kpiType": 4, "data": 5, "metadata": 6}
    assert faults(sent) == {"traceId", "kpiId", "timestamp", "kpiType", "data", "metadata"}


def test_a_value_of_zero_is_a_value_and_an_absent_one_is_missing() -> None:
    sent = {**body(), "kpiIds": ["a", "b", "c"], "data": {"a": 0, "c": None}}
    del sent["kpiId"]
    entries = parse_readings(sent, tenant_id=1, now=NOW).entries
    missing = [each.kpi_id for each in entries if isinstance(each, Unusable)]
    assert (entries[0].kpi_id, missing) == ("a", ["b", "c"])


def test_data_of_a_kpi_that_nobody_named_was_passed_over_without_a_word() -> None:
    sent = {
        **body(),
        "kpiIds": ["a"],
        "data": {"a": 1, "b": 2, "c": None, "d": "x", "e": 0, "f": 1},
    }
    del sent["kpiId"]
    readings = parse_readings(sent, tenant_id=1, now=NOW)
    assert readings.unnamed == ("b", "d", "e", "f")
    said = of_kpis(readings, [NEW])
    assert (said["status"], said["unnamed"]) == ("success", ["b", "d", "e", "f"])
    assert said["message"] == (
        "Processed 1 KPIs; not recorded, because kpiIds does not name it: "
        "data.b, data.d, data.e and 1 more"
    )
    sent["data"] = {"a": 1}
    assert "unnamed" not in of_kpis(parse_readings(sent, tenant_id=1, now=NOW), [NEW])


@given(
    st.fixed_dictionaries(
        {},
        optional={
            name: st.none() | st.text(max_size=5) | st.integers() | st.lists(st.text(max_size=3))
            | st.dictionaries(st.text(max_size=3), st.integers() | st.text(max_size=3))
            for name in ("traceId", "kpiId", "kpiIds", "timestamp", "kpiType", "data", "chart")
        },
    )
)  # fmt: skip
def test_any_body_is_understood_or_refused_with_its_faults(sent: dict[str, Any]) -> None:
    with contextlib.suppress(ContractError):
        assert parse_readings(sent, tenant_id=1, now=NOW).entries


@pytest.mark.skipif(not CAPTURED.is_file(), reason="no captured bodies in ../shared/real/kpis")
def test_captured_bodies_give_one_update_an_id() -> None:
    for line in CAPTURED.read_text().splitlines():
        sent = json.loads(line)["body"]
        updates = parse_readings(sent, tenant_id=1, now=NOW).updates
        assert {each.kpi_id: each.value for each in updates} == sent["data"]


AXIOS = {
    "message": "401 - API key missing", "name": "AxiosError", "code": "ERR_BAD_REQUEST",
    "status": 401, "config": {"url": "https://x.example.com?api_key=hunter2&a=1",
                              "headers": {"X-API-Key": "hunter2", "Accept": "*/*"}},
}  # fmt: skip


@pytest.mark.parametrize(
    ("error", "message", "code", "type_"),
    [
        ("Connection timeout", "Connection timeout", None, None),
        ("503 - away", "503 - away", "503", None),
        (AXIOS, "401 - API key missing", "401", "AxiosError"),
        ({"errorMessage": "no luck", "errorCode": "E42"}, "no luck", "E42", None),
        ({"message": "m", "httpCode": None, "cause": {"statusCode": 503}}, "m", "503", None),
        ({"message": "", "cause": {"message": "deep"}}, "deep", None, None),
        ({"name": "OddError", "message": ""}, "OddError", None, "OddError"),
        ({"x": 1}, '{"x": 1}', None, None),
        (["first", "second"], "first", None, None),
        ([{"message": "m", "status": 404.0}], "m", "404", None),
        ([1, 2], "[1, 2]", None, None),
    ],
)  # fmt: skip
def test_message_code_and_type_of_an_error(
    error: Any, message: str, code: str | None, type_: str | None
) -> None:
    report = parse_report({"traceId": "t", "error": error}, tenant_id=1)
    assert (report.message, report.code, report.type) == (message, code, type_)


@pytest.mark.parametrize(
    ("payload", "trace_id"),
    [
        ({"execution": {"id": 5, "error": "x"}, "workflow": {"id": "w"}}, "n8n:w:5"),
        ([{"execution": {"id": "5", "error": "x"}, "workflow": {"id": "w"}}], "n8n:w:5"),
        ({"execution": {"error": "x"}, "workflow": {"id": "w"}}, "n8n:w:unsaved"),
        ({"trigger": {"error": "x"}, "workflow": {"id": "w/1"}}, "n8n:w_1:trigger"),
        ({"trigger": {"error": {"message": "x"}}, "workflow": {"id": ""}}, "n8n:unknown:trigger"),
        ({"traceId": "mine", "execution": {"id": "5", "error": "x"}}, "mine"),
    ],
)
def test_the_trace_of_n8ns_own_payload(payload: Any, trace_id: str) -> None:
    assert parse_report(payload, tenant_id=1).trace_id == trace_id


def test_no_credentials_are_kept() -> None:
    node = {"parameters": {"url": "u"}, "credentials": {"httpHeaderAuth": {"id": "hunter2"}}}
    sent = {
        "traceId": "t", "error": {**AXIOS, "node": node, "deep": [{"node": node}]},
        "password": "hunter2", "note": "Authorization: Bearer hunter2hunter2",
        "url": "https://me:hunter2@example.com/", "extra": {"kept": [1, "two"]},
    }  # fmt: skip
    report = parse_report(sent, tenant_id=1)
    assert "hunter2" not in json.dumps(report.body) + report.message
    assert report.body["extra"] == {"kept": [1, "two"]}
    assert report.body["error"]["node"] == REDACTED
    assert report.body["error"]["config"]["headers"]["Accept"] == "*/*"


def test_redaction_leaves_the_rest_alone() -> None:
    value = {"lastNodeExecuted": "HTTP Request", "tokens": 3, "node": {}, "list": [None, True]}
    assert redacted(value) == value


@pytest.mark.parametrize(
    ("sent", "field"),
    [
        ({"traceId": "t"}, "error"), ({"traceId": "t", "error": ""}, "error"),
        ({"traceId": "t", "error": " "}, "error"), ({"traceId": "t", "error": {}}, "error"),
        ({"traceId": "t", "error": 3}, "error"), ({"error": "x"}, "traceId"),
        ({"traceId": "a:b", "error": "x"}, "traceId"),
        ({"traceId": "t", "error": "x", "retryCount": -1}, "retryCount"),
        ({"traceId": "t", "error": "x", "timestamp": "now"}, "timestamp"),
        ({"traceId": "t", "error": "x", "kpiIds": ["a b"]}, "kpiIds[0]"),
        ({"traceId": "t", "error": "x\0"}, "body.error"),
    ],
)  # fmt: skip
def test_a_report_needs_a_trace_and_an_error(sent: Any, field: str) -> None:
    with pytest.raises(ContractError) as refused:
        parse_report(sent, tenant_id=1)
    assert [error.field for error in refused.value.errors] == [field]


@pytest.mark.skipif(not VECTORS.is_file(), reason="the vectors are not in ../shared/contracts")
def test_the_shared_vectors() -> None:
    for case in json.loads(VECTORS.read_text()):
        if "http" in case:
            with pytest.raises(ContractError):
                parse_report(case["payload"], tenant_id=1)
            continue
        report = parse_report(case["payload"], tenant_id=1)
        for name in ("message", "code", "type"):
            assert getattr(report, name) == case[name], case["name"]
        assert report.trace_id == case.get("traceId", report.trace_id)
        for secret in case.get("must_not_be_stored", ()):
            assert secret not in json.dumps(report.body)


def test_an_announcement() -> None:
    sent = {"trace_id": "t", "kpi_ids": ["a", "a", "b"], "timeout_seconds": 90}
    announcement = parse_announcement(sent, tenant_id=1)
    assert announcement.kpi_ids == ("a", "b")
    assert announcement.timeout == timedelta(seconds=90)
    assert parse_announcement({"traceId": "t", "kpiIds": []}, tenant_id=1).timeout is None


@pytest.mark.parametrize("seconds", [0, -1, True, "60", 10**9])
def test_a_timeout_is_a_number_of_seconds(seconds: Any) -> None:
    with pytest.raises(ContractError, match="timeoutSeconds"):
        parse_announcement({"traceId": "t", "timeoutSeconds": seconds}, tenant_id=1)


@pytest.mark.parametrize("analysis", [None, "", {}, [], 3, {"a": "\0"}])
def test_an_analysis_is_something(analysis: Any) -> None:
    sent = {"traceId": "n8n:1:2", "kpiId": "a", "analysis": analysis}
    with pytest.raises(ContractError, match="analysis"):
        parse_analysis(sent, tenant_id=1)
