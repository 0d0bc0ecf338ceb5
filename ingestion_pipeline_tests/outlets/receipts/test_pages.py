"""The pages of receipts: what they say, whose it is, and what they do with what is no receipt."""

import json
import re
from pathlib import Path

import httpx
import pytest
import sqlalchemy as sa

from ingestion_pipeline_tests.domains.commerce.builders import customer, lines, load, order
from ingestion_pipeline_tests.domains.kpis.builders import send, update
from ingestion_pipeline_tests.domains.markets import builders as markets
from ingestion_pipeline_tests.outlets.dashboards.serving import PagesServer, Visiting

PAGES = ("/receipts", "/receipts/deliveries", "/receipts/one")


@pytest.fixture
def sent(pages: PagesServer, visitor: Visiting, tmp_path: Path) -> str:
    """A file with a refused line, one whose rows wait, readings, an event; the first's receipt."""
    bad = customer(2, name="<script>alert(1)</script>" * 20)
    files = {"customers_1.ndjson": lines([customer(1), bad]), "orders_1.ndjson": [order(1, 9)]}
    load(pages.engine, tmp_path / "sent", files, tenant=visitor.tenant)
    send(pages.engine, update(visitor.tenant_id), update(visitor.tenant_id, value=1.0))
    markets.record(pages.engine, visitor.tenant_id, markets.fundamentals_event())
    query = "SELECT min(upload_id) FROM uploads WHERE tenant_id = :id"
    with pages.engine.connect() as connection:
        return f"f{connection.scalar(sa.text(query), {'id': visitor.tenant_id})}"


def test_a_day_is_told_by_way_in(visitor: Visiting, sent: str) -> None:
    text = visitor.http.get("/receipts").text
    for said in ("Command line", "Readings", "Events and webhooks", "unexplained: should be 0"):
        assert said in text
    table = visitor.http.get("/receipts?table=days&format=json").json()
    by_sender = {row["sender"]: row for row in table}
    assert (by_sender["Command line"]["sent"], by_sender["Command line"]["waiting"]) == (3, 1)
    for row in table:
        assert row["sent"] == row["stored"] + row["refused"] + row["waiting"]


def test_every_link_leads_somewhere_and_names_what_was_refused(
    visitor: Visiting, sent: str
) -> None:
    seen, todo = set[str](), ["/receipts"]
    while todo:
        path = todo.pop()
        if path in seen or "until=" in path:
            continue
        seen.add(path)
        answer = visitor.http.get(path)
        assert answer.status_code == 200, path
        if answer.headers["content-type"].startswith("text/html"):
            found = re.findall(r'href="([^"]+)"', answer.text)
            todo += [
                each.replace("&amp;", "&") for each in found
                if each.startswith(("/receipts", "/api/receipts"))
            ]  # fmt: skip
    assert f"/api/receipts/{sent}/refused.ndjson" in seen
    text = visitor.http.get(f"/receipts/one?receipt={sent}").text
    assert "line 2" in text
    assert "<script>alert" not in text


def test_refused_rows_of_a_page_are_taken_away_with_all_their_reasons(
    visitor: Visiting, sent: str
) -> None:
    asked = {"receipt": sent, "table": "refusals", "format": "json"}
    [row] = visitor.http.get("/receipts/one", params=asked).json()
    assert (row["place"], row["field"]) == ("line 2", "name")
    assert json.loads(row["raw"])["customer_id"] == customer(2)["customer_id"]


def test_of_anothers_receipts_nothing_is_shown(
    pages: PagesServer, visitor: Visiting, sent: str
) -> None:
    rows = visitor.http.get("/receipts/deliveries?table=deliveries&format=json").json()
    names = [row["name"] for row in rows]
    with pages.engine.begin() as connection:
        for statement in RARE:
            connection.execute(sa.text(statement), {"id": visitor.tenant_id})
        theirs = [
            f"{letter}{key}" for letter, query in KINDS.items()
            for key in connection.scalars(sa.text(query), {"id": visitor.tenant_id})
        ]  # fmt: skip
    assert {each[0] for each in theirs} == set("erfxpjc")
    with pages.visiting() as other:
        for receipt in theirs:
            nobodys = receipt[0] + ("9" * 17 if receipt[0] in "rfxpj" else f"x{receipt[1:]}")
            assert visitor.http.get(f"/receipts/one?receipt={receipt}").status_code == 200
            for address in (
                "/api/receipts/{}", "/api/receipts/{}/refused.csv",
                "/api/receipts/{}/refused.ndjson", "/api/receipts/{}?after=1",
                "/receipts/one?receipt={}", "/receipts/one?receipt={}&table=refusals&format=csv",
                "/receipts/one?receipt={}&table=waiting&format=json",
            ):  # fmt: skip
                refused = other.http.get(address.format(receipt))
                unknown = other.http.get(address.format(nobodys))
                assert refused.status_code == unknown.status_code == 404, address
                assert _told(refused) == _told(unknown), address
        for path in PAGES[:2]:
            text = other.http.get(path).text
            assert not any(name in text for name in names if len(name) > 3)


# Of each kind of delivery one, and how it is known.
RARE = (
    "INSERT INTO kpi_errors (tenant_id, trace_id, code, message, sha256, kpi_ids, "
    "observed_at, n, body) VALUES (:id, 't', 'c', 'm', 'h', '{}', now(), 1, '{}')",
    "INSERT INTO gumroad_pings (tenant_id, sale_id, resource_name, fields) "
    "VALUES (:id, 's', 'sale', '{}')",
    "INSERT INTO jobs (tenant_id, kind, max_attempts) VALUES (:id, 'book_sales.import.gumroad', 3)",
    "INSERT INTO tenant_sites (tenant_id, site_name) VALUES (:id, 'their site')",
    "INSERT INTO collected_days (site_name, day, configured_points, missing_points, fetched, kept, "
    "result) VALUES ('their site', '2026-01-01', '{}', '{}', 0, 0, '{}')",
)
KINDS = {
    "e": "SELECT ingestion_id FROM ingestion_events WHERE tenant_id = :id",
    "r": "SELECT receipt_id FROM kpi_receipts WHERE tenant_id = :id",
    "f": "SELECT upload_id FROM uploads WHERE tenant_id = :id",
    "x": "SELECT error_id FROM kpi_errors WHERE tenant_id = :id",
    "p": "SELECT ping_id FROM gumroad_pings WHERE tenant_id = :id",
    "j": "SELECT job_id FROM jobs WHERE tenant_id = :id AND kind LIKE 'book_sales.%'",
    "c": "SELECT site_name || '@2026-01-01' FROM tenant_sites WHERE tenant_id = :id",
}


def _told(answer: httpx.Response) -> str:
    """What an answer says; a page's token is another one each time."""
    return answer.text.partition("<main")[2] or answer.text


@pytest.mark.parametrize("query", [
    "receipt=f0", "receipt=", "receipt=f1%00", "receipt=f1'--", "receipt=f" + "9" * 18,
    "receipt=e%F0%9F%92%A9", "receipt=c%40", "receipt=c@2026-01-01", "receipt=x-1",
])  # fmt: skip
def test_what_is_no_receipt_is_not_there(visitor: Visiting, query: str) -> None:
    assert visitor.http.get(f"/receipts/one?{query}").status_code == 404


@pytest.mark.parametrize("query", [
    "until=x", "until=0001-01-01", "until=9999-12-31", "page=-1", "page=999999999", "day=x",
    "sender=", "day=2026-02-30", "page=%00",
])  # fmt: skip
def test_an_odd_question_is_answered(visitor: Visiting, sent: str, query: str) -> None:
    for path in PAGES[:2]:
        assert visitor.http.get(f"{path}?{query}").status_code == 200


def test_a_sender_that_is_none_is_not_there(visitor: Visiting) -> None:
    assert visitor.http.get("/receipts/deliveries?sender=x").status_code == 404


def test_the_operator_sees_no_tenants_receipts(pages: PagesServer) -> None:
    from ingestion_pipeline_tests.gateway.running import CRON_SECRET

    with httpx.Client(base_url=pages.url) as http:
        http.post("/sign-in", data={"key": CRON_SECRET})
        for path in PAGES:
            assert http.get(path).status_code == 404
        assert http.get("/api/receipts").status_code == 401
