"""Upload sessions are told apart, and refused rows are corrected on their page; each by its own
tenant only.
"""

import hashlib
import json
import re
from pathlib import Path
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from ingestion_pipeline_tests.domains.commerce.builders import customer, lines, load, order
from ingestion_pipeline_tests.gateway.running import CRON_SECRET
from ingestion_pipeline_tests.outlets.dashboards.serving import PagesServer, Visiting
from ingestion_pipeline_tests.outlets.receipts.test_api import load_landed

ROOT = "/api/v1/ingest"
FORM = "/receipts/corrected"


class Uploads:
    """Somebody who sends files in sessions."""

    def __init__(self, visitor: Visiting) -> None:
        self.http = visitor.http
        self.key = {"X-API-Key": visitor.api_key}

    def open(self, **files: bytes) -> str:
        declared = [
            {"file_name": f"{name}.ndjson", "size": len(content),
             "sha256": hashlib.sha256(content).hexdigest()}
            for name, content in files.items()
        ]  # fmt: skip
        answer = self.http.post(f"{ROOT}/sessions/", json={"files": declared}, headers=self.key)
        assert answer.status_code == 201, answer.text
        token: str = answer.json()["token"]
        return token

    def chunk(self, token: str, name: str, content: bytes, *, first: int = 0, total: int) -> None:
        span = f"bytes {first}-{first + len(content) - 1}/{total}"
        answer = self.http.put(
            f"{ROOT}/sessions/{token}/files/{name}.ndjson/", content=content,
            headers={**self.key, "Content-Range": span},
        )  # fmt: skip
        assert answer.is_success, answer.text

    def whole(self, token: str, name: str, content: bytes) -> None:
        answer = self.http.post(
            f"{ROOT}/comprehensive/", params={"filename": f"{name}.ndjson"}, content=content,
            headers={**self.key, "Upload-Token": token, "Idempotency-Key": name},
        )  # fmt: skip
        assert answer.status_code == 202, answer.text

    def get(self, path: str, **query: Any) -> httpx.Response:
        return self.http.get(path, params=query or None, headers=self.key)


@pytest.fixture
def uploads(visitor: Visiting) -> Uploads:
    return Uploads(visitor)


def test_two_sessions_of_an_hour_are_told_apart_and_what_is_still_coming(
    pages: PagesServer, home: Path, uploads: Uploads, visitor: Visiting
) -> None:
    customers = lines([customer(1), customer(2, name="x" * 300)])
    orders = lines([order(1, 1)])
    first = uploads.open(customers_1=customers, orders_1=orders)
    uploads.chunk(first, "customers_1", customers[:50], total=len(customers))
    uploads.chunk(first, "customers_1", customers[50:], first=50, total=len(customers))
    uploads.chunk(first, "orders_1", orders[:20], total=len(orders))
    second = uploads.open(customers_2=lines([customer(7)]))
    uploads.whole(second, "customers_2", lines([customer(7)]))
    uploads.whole(second, "customers_3", lines([customer(8)]))  # not announced
    load_landed(pages, home)

    found = uploads.get("/api/receipts/deliveries").json()
    by_name = {each["name"]: each["session"] for each in found["deliveries"]}
    assert by_name.keys() == {"customers_1.ndjson", "customers_2.ndjson", "customers_3.ndjson"}
    assert by_name["customers_2.ndjson"] == by_name["customers_3.ndjson"]
    one, two = by_name["customers_1.ndjson"], by_name["customers_2.ndjson"]
    assert one != two
    told = uploads.get("/api/receipts/deliveries", session=one).json()
    assert [each["name"] for each in told["deliveries"]] == ["customers_1.ndjson"]
    sums = told["session"]
    assert (sums["files"], sums["sent"], sums["stored"], sums["refused"]) == (1, 2, 1, 1)
    [coming] = sums["coming"]
    assert coming["what"] == "orders_1.ndjson"
    assert f"20 of {len(orders)} have come" in coming["waitsFor"]
    assert uploads.get("/api/receipts/waiting").json()["waiting"] == [coming]
    rest = uploads.get("/api/receipts/deliveries", session=two).json()
    assert (rest["session"]["files"], rest["session"]["coming"]) == (2, [])

    page = visitor.http.get(f"/receipts/session?session={one}").text
    for said in (f"Upload session {one}", "customers_1.ndjson", "orders_1.ndjson", "20 of"):
        assert said in page
    assert f"/receipts/session?session={one}" in visitor.http.get("/receipts/deliveries").text
    receipt = found["deliveries"][0]["receipt"]
    assert "upload session" in visitor.http.get(f"/receipts/one?receipt={receipt}").text

    with pages.visiting() as other:
        for http in (other.http,):
            nothing = http.get("/api/receipts/deliveries?session=999999999")
            theirs = http.get(f"/api/receipts/deliveries?session={one}")
            assert (theirs.status_code, theirs.json()) == (404, nothing.json())
            assert http.get(f"/receipts/session?session={one}").status_code == 404
            assert http.get("/api/receipts/waiting").json()["waiting"] == []

    uploads.chunk(first, "orders_1", orders[20:], first=20, total=len(orders))
    load_landed(pages, home)
    ended = uploads.get("/api/receipts/deliveries", session=one).json()
    assert (ended["session"]["files"], ended["session"]["coming"]) == (2, [])
    with pages.engine.begin() as connection:  # as when it has expired
        connection.exec_driver_sql("DELETE FROM upload_sessions")
    assert uploads.get("/api/receipts/deliveries", session=one).json()["session"]["sent"] == 3


@pytest.mark.parametrize("query", ["session=0", "session=x", "session=-1", "session=" + "9" * 30])
def test_a_session_that_is_none_is_refused(uploads: Uploads, query: str) -> None:
    assert uploads.get(f"/api/receipts/deliveries?{query}").status_code == 422
    assert uploads.http.get(f"/receipts/session?{query}").status_code == 404


@pytest.fixture
def file(pages: PagesServer, visitor: Visiting, tmp_path: Path) -> str:
    """The receipt of a file of which two lines were refused."""
    content = lines([customer(1), customer(2, name="x" * 300)]) + b"=1+1 is </textarea>no JSON\n"
    load(pages.engine, tmp_path / "a", {"customers_1.ndjson": content}, tenant=visitor.tenant)
    newest = "SELECT max(upload_id) FROM uploads WHERE tenant_id = :tenant_id"
    with pages.engine.connect() as connection:
        return f"f{connection.scalar(sa.text(newest), {'tenant_id': visitor.tenant_id})}"


def form_of(visitor: Visiting, receipt: str) -> tuple[str, list[dict[str, Any]]]:
    """The token and the rows of the form on a receipt's page."""
    import html

    page = visitor.http.get(f"/receipts/one?receipt={receipt}").text
    form = page.partition(f'action="{FORM}"')[2]
    token = re.search(r'name="token" value="([^"]+)"', form)
    rows = re.search(r"<textarea[^>]*>(.*?)</textarea>", form, re.DOTALL)
    assert token is not None
    assert rows is not None
    entries = [json.loads(line) for line in html.unescape(rows[1]).splitlines()]
    return token[1], entries


def as_form(token: str, entries: list[dict[str, Any]], *, as_file: bool = False) -> dict[str, Any]:
    """What a browser posts: its lines end as forms' lines do."""
    content = "".join(json.dumps(each) + "\r\n" for each in entries)
    file = ("rows.ndjson", content if as_file else "", "application/octet-stream")
    return {"files": {
        "token": (None, token), "rows": (None, "" if as_file else content), "file": file,
    }}  # fmt: skip


def told(page: str) -> tuple[int, ...]:
    """How many rows were taken, were known, are still wrong."""
    return tuple(int(each) for each in re.findall(r"<dd>(\d+)</dd>", page))


@pytest.mark.parametrize("as_file", [False, True])
def test_refused_rows_are_corrected_on_their_page_exactly_once(
    pages: PagesServer, home: Path, visitor: Visiting, file: str, as_file: bool
) -> None:
    token, entries = form_of(visitor, file)
    assert [each["line_number"] for each in entries] == [2, 3]
    assert entries[1]["row"] == "=1+1 is </textarea>no JSON"
    entries[0]["row"] = customer(2)
    answer = visitor.http.post(FORM, **as_form(token, entries, as_file=as_file))
    assert answer.status_code == 200, answer.text
    assert told(answer.text) == (1, 0, 1)
    assert "line 3" in answer.text
    load_landed(pages, home)
    again = visitor.http.post(FORM, **as_form(token, entries, as_file=as_file))
    assert told(again.text) == (0, 1, 1)
    stored = "SELECT count(*) FROM customers WHERE tenant_id = :tenant_id"
    with pages.engine.connect() as connection:
        assert connection.scalar(sa.text(stored), {"tenant_id": visitor.tenant_id}) == 2
    _, left = form_of(visitor, file)
    assert [each["line_number"] for each in left] == [3]


def test_no_form_of_another_session_site_or_key_is_taken(
    pages: PagesServer, visitor: Visiting, file: str
) -> None:
    token, entries = form_of(visitor, file)
    entries[0]["row"] = customer(2)
    sent = as_form(token, entries)
    with pages.visiting() as other:
        assert other.http.post(FORM, **sent).status_code == 403
        with pages.engine.connect() as connection:
            taken = "SELECT count(*) FROM rejected_rows WHERE replayed_by IS NOT NULL "
            taken += f"AND upload_id = {file[1:]}"
            assert connection.exec_driver_sql(taken).scalar_one() == 0
        mine, _ = form_of_any(other)
        nothing = other.http.post(FORM, **as_form(mine, entries))  # another's rows, own token
        assert told(nothing.text) == (0, 2, 0)
    foreign = {"sec-fetch-site": "cross-site"}
    assert visitor.http.post(FORM, **sent, headers=foreign).status_code == 403
    elsewhere = {"origin": "https://elsewhere.example"}
    assert visitor.http.post(FORM, **sent, headers=elsewhere).status_code == 403
    assert visitor.http.post(FORM, **as_form("", entries)).status_code == 403
    key = {"X-API-Key": visitor.api_key}
    assert httpx.post(pages.url + FORM, **sent, headers=key).status_code == 401
    with httpx.Client(base_url=pages.url) as operator:
        operator.post("/sign-in", data={"key": CRON_SECRET})
        assert operator.post(FORM, **sent).status_code == 404
    with pages.engine.connect() as connection:
        assert connection.exec_driver_sql(taken).scalar_one() == 0


def form_of_any(visitor: Visiting) -> tuple[str, str]:
    """A token of somebody who has no receipt: that of the form for signing out."""
    page = visitor.http.get("/receipts").text
    token = re.search(r'name="token" value="([^"]+)"', page)
    assert token is not None
    return token[1], page


@pytest.mark.parametrize("content", ["", "x", "{}", "[]"])
def test_what_is_no_file_of_refused_rows_is_said_on_a_page(visitor: Visiting, content: str) -> None:
    token, _ = form_of_any(visitor)
    answer = visitor.http.post(FORM, files={"token": (None, token), "rows": (None, content)})
    assert answer.status_code == 422
    assert "<main" in answer.text
    odd = visitor.http.post(FORM, data={"token": token, "rows": content})  # not in parts
    assert odd.status_code == 400
    headers = {"content-type": "multipart/form-data; boundary=x"}
    assert visitor.http.post(FORM, content=b"--x\r\nbroken", headers=headers).status_code in (
        400, 403,
    )  # fmt: skip
