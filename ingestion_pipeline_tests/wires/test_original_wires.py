"""Every request that the replaced services' documents print works here as printed.

`original_wires.json` lists them; a text in angle brackets there stands for a kind of value.
"""

import json
import re
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
import sqlalchemy as sa

from ingestion_pipeline.foundation import credentials
from ingestion_pipeline.foundation.ledger import readers
from ingestion_pipeline.foundation.ledger.job_ids import job_id_of
from ingestion_pipeline.foundation.storage import roles
from ingestion_pipeline_tests.domains.book_sales.builders import EBOOK, ebook, text
from ingestion_pipeline_tests.gateway.running import CRON_SECRET, RunningGateway, Sender

WIRES = {wire["name"]: wire for wire in json.loads(
    (Path(__file__).parent / "original_wires.json").read_text()
)}  # fmt: skip
MANUAL = "manual import as the originals print it"
EMPTY = "manual import with an empty payload is queued and then fails with a reason"
TOKEN = "platform import with the token at the top"
SQL = "operators' queries"
GATEWAY_ENVIRONMENT = {
    "CREDENTIAL_KEYS": credentials.new_key(),
    "GUMROAD_API_BASE_URL": "http://127.0.0.1:9/v2",
    "HTTP_BACKOFF": "0.01",
    "HEALTH_INTERVAL": "0.1",
}


def _is_instant(value: object) -> bool:
    return isinstance(value, str) and datetime.fromisoformat(value).tzinfo is not None


_KINDS: dict[str, Any] = {
    "instant": _is_instant,
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "n": lambda value: isinstance(value, int),
    "boolean": lambda value: isinstance(value, bool),
    "text": lambda value: isinstance(value, str) and bool(value),
    "array": lambda value: isinstance(value, list),
    "uuid": lambda value: str(UUID(value)) == value,
    "jobId": lambda value: str(UUID(value)) == value,
    "null": lambda value: value is None,
}


def _fits(expected: Any, got: Any, at: str = "$") -> None:
    """Whether an answer holds all that is printed; it may hold more."""
    if isinstance(expected, dict):
        for name, value in expected.items():
            assert name in got, f"{at}.{name}"
            _fits(value, got[name], f"{at}.{name}")
    elif isinstance(expected, str) and (kinds := re.fullmatch(r"<(.*)>", expected)):
        chosen = re.split(r" or |\|", kinds[1])
        assert any(
            _KINDS[kind.split(" ")[0]](got) if kind.split(" ")[0] in _KINDS else got == kind
            for kind in chosen
        ), (at, expected, got)
    elif isinstance(expected, str) and "<n>" in expected:
        assert re.fullmatch(expected.replace("<n>", r"\d+"), got), (at, expected, got)
    else:
        assert expected == got, (at, expected, got)


def _send(
    gateway: RunningGateway, sender: Sender, wire: dict[str, Any], **of_path: object
) -> httpx.Response:
    request = wire["request"]
    path = request["path"]
    for name, value in of_path.items():
        path = path.replace(f"<{name}>", str(value))
    headers = {
        name: value.replace("<cron secret>", CRON_SECRET)
        for name, value in request.get("headers", {}).items()
    }
    body = {"json": request["json"]} if "json" in request else {}
    ask = sender.http.request if request.get("auth") == "key" else httpx.request
    answered = ask(request["method"], gateway.url + path, headers=headers, timeout=60, **body)
    status = str(wire["answer"]["status"])
    allowed = status.replace("2xx", "200 202").replace("or", " ").split()
    assert str(answered.status_code) in allowed, answered.text
    _fits(wire["answer"].get("json", {}), answered.json())
    return answered


def _cron(gateway: RunningGateway, sender: Sender) -> None:
    _send(gateway, sender, WIRES["cron with the header of the originals"])


def _state(gateway: RunningGateway, sender: Sender, job_id: object) -> dict[str, Any]:
    found: dict[str, Any] = _send(gateway, sender, WIRES["status"], jobId=job_id).json()
    return found


def test_a_report_by_its_path_is_imported(gateway: RunningGateway, sender: Sender) -> None:
    stored = gateway.home / "landing" / sender.tenant / "uploads"
    stored.mkdir(parents=True)
    (stored / "kdp-report.csv").write_bytes(text(EBOOK, [ebook("2.00")]))
    queued = _send(gateway, sender, WIRES[MANUAL]).json()
    before = _state(gateway, sender, queued["jobId"])
    assert before["executedAt"] is None
    assert _state(gateway, sender, job_id_of(queued["jobId"])) == before  # as it was told before
    _cron(gateway, sender)
    state = _state(gateway, sender, queued["jobId"])
    assert (state["status"], state["errorMessage"]) == ("completed", None), state
    assert _is_instant(state["executedAt"])
    assert state["result"]["inserted"] == 1


def test_an_empty_payload_was_refused_in_place_of_failing_with_a_reason(
    gateway: RunningGateway, sender: Sender
) -> None:
    queued = _send(gateway, sender, WIRES[EMPTY]).json()
    _cron(gateway, sender)
    state = _state(gateway, sender, queued["jobId"])
    assert state["status"] == "failed"
    assert "storagePath" in state["errorMessage"]
    assert state["scheduledFor"] == state["createdAt"]  # it was told of a wait that never came
    assert len(state["attempts"]) == WIRES[EMPTY]["then"]["attempts"]


def test_a_token_beside_no_payload_was_refused_and_is_never_shown(
    gateway: RunningGateway, sender: Sender
) -> None:
    answered = _send(gateway, sender, WIRES[TOKEN])
    [secret] = WIRES[TOKEN]["never_contains"]
    _cron(gateway, sender)
    state = _state_of_gumroad(sender, answered.json()["jobId"])
    told = [answered.text, state]
    told += [str(row) for row in gateway.rows("SELECT * FROM jobs")]
    told += [str(row) for row in gateway.rows("SELECT * FROM ingestion_jobs")]
    assert secret not in "".join(told)
    wrong = {"accessToken": secret, "access_token": 5, "color": secret}
    refused = sender.http.post("/api/ingestion/platform/gumroad", json=wrong)
    assert refused.status_code == 422
    assert secret not in refused.text
    assert secret not in gateway.log.read_text()


def _state_of_gumroad(sender: Sender, job_id: object) -> str:
    return sender.http.get(f"/api/ingestion/status/{job_id}").text


@pytest.mark.parametrize("name", ["warming", "health"])
def test_the_others_work_as_printed(gateway: RunningGateway, sender: Sender, name: str) -> None:
    _send(gateway, sender, WIRES[name])


def test_a_reading_and_the_same_again(gateway: RunningGateway, sender: Sender) -> None:
    for name in ("one reading", "the same reading again"):
        _send(gateway, sender, WIRES[name])


@pytest.mark.parametrize(
    "path",
    [
        "../other/a.csv", "/etc/passwd", "uploads/../../a.csv", "file:///etc/passwd", "a//b.csv",
        "..%2fother%2fa.csv", "%2e%2e/a.csv", "..\\a.csv", "a\0b", "./a.csv", "", " ", "a/", 5,
        None,        "s3://bucket/a", "simplecache::file:///etc/passwd", "a" * 2000, "zip://a.csv::b.zip",
        "a\nb.csv",
    ],
)  # fmt: skip
def test_a_path_that_leaves_the_tenants_part_is_refused(sender: Sender, path: object) -> None:
    order = {"platform": "amazon_kdp", "payload": {"storagePath": path}}
    refused = sender.http.post("/api/ingestion/manual", json=order)
    assert refused.status_code == 422, refused.text
    assert [fault["field"] for fault in refused.json()["errors"]] == ["payload.storagePath"]


def test_a_link_out_of_the_tenants_part_is_refused(gateway: RunningGateway, sender: Sender) -> None:
    mine = gateway.home / "landing" / sender.tenant
    mine.mkdir(parents=True, exist_ok=True)
    (mine / "out").symlink_to("/etc")
    order = {"platform": "amazon_kdp", "payload": {"storagePath": "out/passwd"}}
    refused = sender.http.post("/api/ingestion/manual", json=order)
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["field"] == "payload.storagePath"


def test_a_path_into_another_tenants_part_was_queued_and_failed_later(
    gateway: RunningGateway, sender: Sender
) -> None:
    theirs = gateway.home / "landing" / f"not-{sender.tenant}"
    mine = gateway.home / "landing" / sender.tenant
    for folder in (theirs, mine / "reports"):
        folder.mkdir(parents=True)
        (folder / "x.csv").write_text("no report")
    for path, status in (
        (f"{theirs.name}/x.csv", 422),
        ("nobody/x.csv", 422),  # so the answer does not tell which tenants there are
        (f"{sender.tenant}/uploads/x.csv", 422),
        ("reports/x.csv", 202),
        ("uploads/x.csv", 202),
        ("x.csv", 202),
    ):
        order = {"platform": "amazon_kdp", "payload": {"storagePath": path}}
        said = sender.http.post("/api/ingestion/manual", json=order)
        assert said.status_code == status, path
        if status == 422:
            [fault] = said.json()["errors"]
            assert fault["field"] == "payload.storagePath"
            assert path.split("/")[0] in fault["message"]


def test_operators_queries_run_as_printed_and_show_no_other_domain(
    gateway: RunningGateway, sender: Sender
) -> None:
    queued = _send(gateway, sender, WIRES[EMPTY]).json()
    sender.http.post("/api/ledger/jobs", json={"kind": "predict", "payload": {"token": "x"}})
    _cron(gateway, sender)
    wire = WIRES[SQL]
    for statement in wire["sql"]:
        rows = gateway.rows(statement.replace("<jobId>", str(queued["jobId"])))
        [table] = [name for name in wire["columns"] if name in statement]
        assert rows
        assert set(wire["columns"][table]) <= set(rows[0]._mapping), table
    statuses = {row[0] for row in gateway.rows("SELECT DISTINCT status FROM cron_logs")}
    assert statuses <= {"started", "completed", "failed"}
    kinds = {row[0] for row in gateway.rows("SELECT DISTINCT kind FROM ingestion_jobs")}
    assert {kind.rpartition(".")[0] for kind in kinds} == {"book_sales.import"}


def test_a_tenant_may_ask_what_is_its_own(gateway: RunningGateway, sender: Sender) -> None:
    queued = _send(gateway, sender, WIRES[EMPTY]).json()
    roles.ensure(gateway.engine)
    with gateway.engine.begin() as connection:
        login = readers.issue_reader(connection, sender.tenant)
    url = gateway.engine.url.set(username=login.role, password=login.password)
    engine = sa.create_engine(url)
    with engine.connect() as connection:
        found = connection.exec_driver_sql(
            "SELECT id, profile_id, platform, payload FROM ingestion_jobs"
        ).all()
    engine.dispose()
    job = UUID(queued["jobId"])
    assert found == [(job, sender.tenant_id, "amazon_kdp", {"platform": "amazon_kdp"})]


def test_the_openapi_document_describes_both_spellings(gateway: RunningGateway) -> None:
    document = httpx.get(f"{gateway.url}/openapi.json", timeout=30).json()
    paths = {wire["request"]["path"] for wire in WIRES.values() if "request" in wire}
    for path in paths:
        template = path.replace("<jobId>", "{job_id}").replace("/gumroad", "/{platform}")
        assert template in document["paths"], template
    described = json.dumps(document)
    for name in (
        "accessToken", "access_token", "storagePath", "storage_path", "upload_id", "uploadId",
        "scheduled_for", "scheduledFor", "amazon_kdp", "jobsProcessed", "processed",
        "errorMessage", "executedAt", "jobId",
    ):  # fmt: skip
        assert f'"{name}"' in described, name
