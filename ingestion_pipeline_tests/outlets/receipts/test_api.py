"""What became of everything, with the sender's own key, over HTTP; and nobody else's."""

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from ingestion_pipeline.domains.commerce.contract.entities import ENTITIES
from ingestion_pipeline.domains.commerce.land.claimed import land_claimed
from ingestion_pipeline.domains.commerce.merge.claimed import merge_claimed
from ingestion_pipeline.foundation.ledger.worker import Worker
from ingestion_pipeline.foundation.settings import Settings
from ingestion_pipeline.foundation.storage.landing import Landing
from ingestion_pipeline_tests.domains.commerce.builders import BOUNDS, customer, lines, load
from ingestion_pipeline_tests.domains.kpis.builders import body
from ingestion_pipeline_tests.outlets.dashboards.serving import PagesServer, Visiting

REJECTED = "/api/v1/ingest/rejected/"


@pytest.fixture
def sender(pages: PagesServer, visitor: Visiting) -> Iterator[httpx.Client]:
    """Somebody with a key, who has sent two files and some readings."""
    with httpx.Client(base_url=pages.url, headers={"X-API-Key": visitor.api_key}) as http:
        yield http


@pytest.fixture
def file(pages: PagesServer, visitor: Visiting, tmp_path: Path) -> str:
    """The receipt of a file of which three lines were refused."""
    bad = [customer(2, name="x" * 300), customer(3, email='=HYPERLINK("x")' + "x" * 300)]
    content = lines([customer(1), *bad]) + b"=1+1 is no JSON\n"
    load(pages.engine, tmp_path / "a", {"customers_1.ndjson": content}, tenant=visitor.tenant)
    newest = "SELECT max(upload_id) FROM uploads WHERE tenant_id = :tenant_id"
    with pages.engine.connect() as connection:
        return f"f{connection.scalar(sa.text(newest), {'tenant_id': visitor.tenant_id})}"


def test_days_add_up_for_each_sender(sender: httpx.Client, file: str) -> None:
    sender.post("/api/kpi-data", json=[body(), body(), body(value="x")])
    found = sender.get("/api/receipts").json()
    assert found["message"] == "everything is explained"
    [day] = found["days"]
    by_sender = {each["sender"]: each for each in day["senders"]}
    assert by_sender.keys() == {"cli", "kpi_posts"}
    for each in by_sender.values():
        assert each["sent"] == each["stored"] + each["refused"] + each["waiting"]
    assert (by_sender["cli"]["sent"], by_sender["cli"]["refused"]) == (4, 3)
    readings = by_sender["kpi_posts"]
    assert (readings["new"], readings["known"], readings["refused"]) == (1, 1, 1)
    earlier = sender.get(found["next"]).json()
    assert earlier["days"] == []


def test_a_receipt_names_each_refusal(sender: httpx.Client, file: str) -> None:
    found = sender.get(f"/api/receipts/{file}").json()
    assert [each["line"] for each in found["refusals"]] == [2, 3, 4]
    assert found["refusals"][0]["reasons"][0]["field"] == "name"
    assert sender.get(f"/api/receipts/{file[1:]}").json()["receipt"]["receipt"] == file
    after = sender.get(f"/api/receipts/{file}", params={"after": 3}).json()
    assert [each["line"] for each in after["refusals"]] == [4]


def test_refused_rows_are_safe_in_a_spreadsheet(sender: httpx.Client, file: str) -> None:
    taken = sender.get(f"/api/receipts/{file}/refused.csv")
    assert taken.headers["content-type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(taken.content.decode("utf-8-sig"))))
    assert [row["line"] for row in rows] == ["2", "3", "4"]
    assert rows[2]["row"] == "'=1+1 is no JSON"
    assert not any(cell.startswith("=") for row in rows for cell in row.values())


def test_corrected_rows_are_taken_once_and_wrong_ones_stay(
    pages: PagesServer, home: Path, sender: httpx.Client, file: str, visitor: Visiting
) -> None:
    answered = sender.get(f"/api/receipts/{file}/refused.ndjson")
    entries = [json.loads(line) for line in answered.text.splitlines()]
    assert len(entries) == 3
    entries[0]["row"], entries[2]["row"] = customer(2), customer(4)
    content = "".join(json.dumps(each) + "\n" for each in entries).encode()
    first = sender.post(REJECTED, content=content)
    assert first.status_code == 202, first.text
    assert (first.json()["taken"], len(first.json()["refused"])) == (2, 1)
    again = sender.post(REJECTED, content=content)
    assert (again.status_code, again.json()["taken"], again.json()["known"]) == (200, 0, 2)
    load_landed(pages, home)
    stored = "SELECT count(*) FROM customers WHERE tenant_id = :tenant_id"
    with pages.engine.connect() as connection:
        assert connection.scalar(sa.text(stored), {"tenant_id": visitor.tenant_id}) == 3
    taken_by = [each["takenBy"] for each in sender.get(f"/api/receipts/{file}").json()["refusals"]]
    assert taken_by == [f"f{first.json()['upload_ids'][0]}", None, taken_by[0]]
    left = sender.get(f"/api/receipts/{file}/refused.ndjson").text.splitlines()
    assert [json.loads(line)["line_number"] for line in left] == [3]
    assert sender.get("/api/receipts").json()["message"] == "everything is explained"


def load_landed(pages: PagesServer, home: Path) -> None:
    """What a run does with files that have landed."""
    worker = Worker("test", None, Settings().job_lease, Settings().job_backoff)
    landing = Landing((home / "landing").as_uri())
    for entity in ENTITIES.values():
        land_claimed(pages.engine, entity, worker=worker, landing=landing, bounds=BOUNDS, limit=9)
        merge_claimed(pages.engine, entity)


def test_of_anothers_rows_none_is_corrected_or_seen(
    pages: PagesServer, sender: httpx.Client, file: str
) -> None:
    content = sender.get(f"/api/receipts/{file}/refused.ndjson").content
    with pages.visiting() as other, httpx.Client(
        base_url=pages.url, headers={"X-API-Key": other.api_key}
    ) as http:  # fmt: skip
        taken = http.post(REJECTED, content=content)
        assert (taken.status_code, taken.json()["known"], taken.json()["refused"]) == (200, 3, [])
        for path in (file, file[1:], f"{file}/refused.csv", f"{file}/refused.ndjson"):
            assert http.get(f"/api/receipts/{path}").status_code == 404
        assert http.get("/api/receipts").json()["days"] == []
        assert http.get("/api/receipts/deliveries").json()["deliveries"] == []
        assert http.get("/api/receipts/waiting").json()["waiting"] == []


def test_deliveries_come_page_by_page(sender: httpx.Client) -> None:
    for number in range(5):
        sender.post("/api/kpi-data", json=body(value=float(number)))
    seen: list[str] = []
    asked: dict[str, Any] = {"limit": 2, "sender": "kpi_posts"}
    while True:
        page = sender.get("/api/receipts/deliveries", params=asked).json()
        seen += [each["receipt"] for each in page["deliveries"]]
        if page["next"] is None:
            break
        asked["cursor"] = page["next"]
    assert len(seen) == len(set(seen)) == 5


@pytest.mark.parametrize("query", [
    "days=0", "days=x", "days=93", "days=٣", "until=2026-13-01", "until=9999-12-31",
    "until=0001-01-01",
])  # fmt: skip
def test_days_that_are_none_are_refused(sender: httpx.Client, query: str) -> None:
    refused = sender.get(f"/api/receipts?{query}")
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["field"] == query.partition("=")[0]


@pytest.mark.parametrize("query", ["sender=x", "limit=0", "limit=501", "cursor=x", "cursor=%00"])
def test_pages_that_are_none_are_refused(sender: httpx.Client, query: str) -> None:
    assert sender.get(f"/api/receipts/deliveries?{query}").status_code == 422


@pytest.mark.parametrize(
    "receipt", ["f0", "z1", "f99999999999999999", "e%00", "f1;--", "..", "c@", "%F0%9F%92%A9"]
)
def test_what_is_no_receipt_is_not_there(sender: httpx.Client, receipt: str) -> None:
    assert sender.get(f"/api/receipts/{receipt}").status_code in (404, 422)


@pytest.mark.parametrize("content", ["", "x", "{}", '{"upload_id": 1}\n', "[]"])
def test_what_is_no_file_of_refused_rows_is_said(sender: httpx.Client, content: str) -> None:
    assert sender.post(REJECTED, content=content).status_code == 422


def test_a_session_may_download_and_a_stranger_may_not(
    pages: PagesServer, visitor: Visiting, file: str
) -> None:
    assert visitor.http.get(f"/api/receipts/{file}/refused.csv").status_code == 200
    assert httpx.get(f"{pages.url}/api/receipts/{file}/refused.csv").status_code == 401
    wrong = {"X-API-Key": "ik_wrong"}
    assert visitor.http.get(f"/api/receipts/{file}", headers=wrong).status_code == 401
