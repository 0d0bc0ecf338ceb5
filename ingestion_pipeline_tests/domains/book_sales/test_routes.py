"""Book sales at the gateway, in a process of its own."""

import hashlib
import json
import logging
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
import sqlalchemy as sa

from ingestion_pipeline.domains.book_sales import routes
from ingestion_pipeline.domains.book_sales.land import pings
from ingestion_pipeline.foundation import credentials
from ingestion_pipeline.foundation.errors import ContractError
from ingestion_pipeline.foundation.ledger import tenants
from ingestion_pipeline.gateway.answers import Refusal
from ingestion_pipeline_tests.domains.book_sales.builders import EBOOK, ebook, text, workbook
from ingestion_pipeline_tests.gateway.running import CRON_SECRET, RunningGateway, Sender, serving

TOKEN = "gumroad-token-that-nobody-may-read"
GATEWAY_ENVIRONMENT = {
    "CREDENTIAL_KEYS": credentials.new_key(),
    # Nobody listens there: what fails is written down, and must not name the token.
    "GUMROAD_API_BASE_URL": "http://127.0.0.1:9/v2",
    "HTTP_BACKOFF": "0.01",
}


def cron(gateway: RunningGateway) -> dict[str, Any]:
    answer = httpx.post(
        f"{gateway.url}/api/ingestion/cron", timeout=60,
        headers={"Authorization": f"Bearer {CRON_SECRET}"},
    )  # fmt: skip
    assert answer.status_code == 200, answer.text
    document: dict[str, Any] = answer.json()
    return document


def test_upload_status_cron_tables(gateway: RunningGateway, sender: Sender) -> None:
    content = workbook({"eBook Royalty": [EBOOK, ebook(), ebook()]})
    files = {"file": ("kdp.xlsx", content)}
    first = sender.http.post("/api/ingestion/upload/kdp", files=files)
    assert first.status_code == 202
    again = sender.http.post(
        "/api/ingestion/upload/kdp", params={"filename": "kdp.xlsx"}, content=content
    )
    assert (again.status_code, again.json()["status"]) == (200, "duplicate")
    assert again.json()["jobId"] == first.json()["jobId"]
    where = first.headers["location"]
    assert sender.http.get(where).json()["status"] == "pending"
    cron(gateway)
    state = sender.http.get(where).json()
    assert (state["status"], state["result"]["inserted"]) == ("completed", 2)
    assert [attempt["outcome"] for attempt in state["attempts"]] == ["completed"]
    [[number]] = gateway.rows(
        "SELECT count(*) FROM sales_events WHERE tenant_id = :tenant", tenant=sender.tenant_id
    )
    assert number == 2
    [[units]] = gateway.rows(
        "SELECT sum(units) FROM daily_sales WHERE tenant_id = :tenant", tenant=sender.tenant_id
    )
    assert units == 2
    logs = gateway.rows("SELECT trigger, status FROM cron_logs ORDER BY cron_log_id DESC LIMIT 1")
    assert tuple(logs[0]) == ("http", "completed")


def test_an_uploaded_report_can_be_imported_again(gateway: RunningGateway, sender: Sender) -> None:
    content = text(EBOOK, [ebook()])
    sender.http.post("/api/ingestion/upload/kdp?filename=a.csv", content=content)
    cron(gateway)
    [[upload_id]] = gateway.rows(
        "SELECT upload_id FROM uploads WHERE tenant_id = :tenant", tenant=sender.tenant_id
    )
    order = {"platform": "kdp", "payload": {"upload_id": upload_id}, "priority": 3}
    key = {"Idempotency-Key": "once"}
    first = sender.http.post("/api/ingestion/manual", json=order, headers=key)
    again = sender.http.post("/api/ingestion/manual", json=order, headers=key)
    assert (first.status_code, again.status_code) == (202, 202)
    assert again.headers["idempotent-replayed"] == "true"
    assert first.json() == again.json()
    other = sender.http.post("/api/ingestion/manual", json={**order, "priority": 4}, headers=key)
    assert other.status_code == 422
    cron(gateway)
    assert sender.http.get(first.headers["location"]).json()["result"]["unchanged"] == 1


def test_somebody_elses_job_is_not_found(gateway: RunningGateway, sender: Sender) -> None:
    mine = sender.http.post(
        "/api/ingestion/upload/kdp?filename=b.csv", content=text(EBOOK, [ebook("3.00")])
    )
    with gateway.new_sender() as other:
        theirs = other.http.get(mine.headers["location"])
        unknown = other.http.get("/api/ingestion/status/999999999")
    assert (theirs.status_code, unknown.status_code) == (404, 404)
    assert theirs.json() == unknown.json()
    assert sender.http.get("/api/ingestion/status/x").status_code == 404


def test_every_fault_of_an_order_is_listed(sender: Sender) -> None:
    order = {
        "platform": "gumroad", "payload": {"after": "soon", "user": 1}, "priority": 1000,
        "scheduled_for": "later", "color": "red",
    }  # fmt: skip
    answer = sender.http.post("/api/ingestion/manual", json=order)
    assert answer.status_code == 422
    assert {fault["field"] for fault in answer.json()["errors"]} == {
        "color", "payload.user", "payload.access_token", "payload.after", "priority",
        "scheduled_for",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("manual", {"platform": "lulu", "payload": {}}),
        ("manual", {"platform": "kdp"}),
        ("platform/lulu", {"payload": {}}),
        ("manual", {"platform": "kdp", "payload": {"upload_id": 123456}}),
        ("manual", []),
        ("platform/kdp", {"platform": "kdp", "payload": {"upload_id": 1}}),
    ],
)
def test_orders_that_nobody_can_fill_are_refused(sender: Sender, path: str, body: Any) -> None:
    answer = sender.http.post(f"/api/ingestion/{path}", json=body)
    assert answer.status_code == 422
    assert answer.json()["errors"]


def test_uploads_name_a_platform_that_has_reports(sender: Sender) -> None:
    for platform in ("lulu", "gumroad"):
        answer = sender.http.post(f"/api/ingestion/upload/{platform}?filename=a.csv", content=b"x")
        assert answer.status_code == 422
        assert "kdp" in answer.json()["message"]
    named = sender.http.post("/api/ingestion/upload/kdp?filename=../a.csv", content=b"x")
    assert named.status_code == 422


def test_the_cron_endpoint_wants_its_secret(sender: Sender) -> None:
    assert sender.http.post("/api/ingestion/cron").status_code == 401


def test_a_ping_needs_its_token_and_counts_once(gateway: RunningGateway, sender: Sender) -> None:
    with gateway.engine.begin() as connection:
        token = pings.issue_token(connection, sender.tenant_id)
    body = urlencode(
        {
            "sale_id": "ping-1==", "sale_timestamp": "2026-03-01T10:00:00Z", "price": "999",
            "product_name": "Bread", "gumroad_fee": "99", "quantity": "1", "currency": "usd",
            "url_params[source_url]": "https://example.org", "email": "buyer@example.org",
        }
    )  # fmt: skip
    headers = {"Content-Type": "application/x-www-form-urlencoded"}

    def ping(path: str, content: str = body) -> httpx.Response:
        return httpx.post(
            f"{gateway.url}/api/ingestion/ping/gumroad/{path}", content=content, headers=headers
        )

    assert ping("wrong").status_code == 401
    assert [ping(token).json()["status"] for _ in range(2)] == ["accepted", "duplicate"]
    assert ping(token, "price=1").status_code == 422
    cron(gateway)
    rows = gateway.rows(
        "SELECT amount FROM sales_events WHERE tenant_id = :tenant", tenant=sender.tenant_id
    )
    assert [str(row.amount) for row in rows] == ["9.0000"]
    [[fields]] = gateway.rows(
        "SELECT fields FROM gumroad_pings WHERE tenant_id = :tenant", tenant=sender.tenant_id
    )
    assert "buyer" not in json.dumps(fields)
    assert ping(token, "x=" + "1" * 65_536).status_code == 413
    assert token not in gateway.log.read_text()
    assert not holds(gateway.engine, token)
    with gateway.engine.begin() as connection:
        assert pings.revoke_tokens(connection, sender.tenant_id) == 1
    assert ping(token).status_code == 401


@pytest.mark.parametrize(
    ("content", "field"),
    [
        (b"sale_id=a&price=900&price=1000", "price"),
        (b"sale_id=a&price=900&price=900&variants[]=x&variants[]=y", None),
        (b'{"sale_id": "a", "price": 900, "price": 1000}', "price"),
        (b'{"sale_id": "a", "price": 900}', None),
    ],
)
def test_of_a_field_that_a_ping_has_twice_the_last_value_won(
    content: bytes, field: str | None
) -> None:
    if field is None:
        assert str(routes._fields_of(content)["price"]) == "900"
        return
    with pytest.raises((Refusal, ContractError)) as refused:
        routes._fields_of(content)
    assert [fault.field for fault in refused.value.errors] == [field]


def test_a_ping_may_be_json_and_may_tell_what_is_no_money(
    gateway: RunningGateway, sender: Sender
) -> None:
    with gateway.engine.begin() as connection:
        token = pings.issue_token(connection, sender.tenant_id)
    sale = {
        "sale_id": "json-1==", "sale_timestamp": "2026-03-01T10:00:00Z", "price": 999,
        "product_name": "Bread", "gumroad_fee": 99, "quantity": 1, "currency": "eur",
        "refunded": False, "email": "buyer@example.org", "variants": {"size": "large"},
    }  # fmt: skip

    def ping(content: bytes) -> httpx.Response:
        url = f"{gateway.url}/api/ingestion/ping/gumroad/{token}"
        return httpx.post(url, content=content, headers={"Content-Type": "application/json"})

    said = [ping(json.dumps(sale).encode()).json()["status"] for _ in range(2)]
    assert said == ["accepted", "duplicate"]
    ended = ping(b'{"resource_name": "subscription_ended", "subscription_id": "s"}')
    assert (ended.status_code, ended.json()["jobId"]) == (200, None)
    for broken in (b'{"sale_id": "a"', b'{"a": ' + b"[" * 30_000, b'{"sale_id": "\xff"}'):
        assert ping(broken).status_code == 400
    assert ping(b'{"sale_id": 7}').status_code == 422
    cron(gateway)
    rows = gateway.rows(
        "SELECT amount, currency FROM sales_events WHERE tenant_id = :tenant",
        tenant=sender.tenant_id,
    )
    assert [(str(row.amount), row.currency) for row in rows] == [("9.0000", "USD")]


def test_pings_beyond_the_limits_are_refused_so_that_gumroad_sends_them_again(
    database_url: str,
) -> None:
    with serving(database_url, RATE_LIMIT=0.001, RATE_BURST=2) as running:
        with running.engine.begin() as connection:
            token = pings.issue_token(connection, tenants.ensure(connection, "acme"))

        def ping(path: str, number: int) -> httpx.Response:
            body = {"sale_id": f"s{number}"}
            return http.post(f"/api/ingestion/ping/gumroad/{path}", data=body)

        with httpx.Client(base_url=running.url, timeout=30) as http:
            known = [ping(token, number) for number in range(3)]
            assert [each.status_code for each in known] == [200, 200, 503]
            assert int(known[-1].headers["retry-after"]) > 100
            strangers = 0
            while (refused := ping("wrong", 0)).status_code == 401 and strangers < 5_000:
                strangers += 1  # one a second is forgotten meanwhile
            assert refused.status_code == 503
            assert strangers >= 200
            # Wrong tokens of one address took the valid Pings of all its tenants down.
            with running.engine.begin() as connection:
                another = pings.issue_token(connection, tenants.ensure(connection, "other"))
            assert ping(another, 1).status_code == 200


def test_a_token_in_a_payload_is_nowhere_in_clear(
    gateway: RunningGateway, sender: Sender, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    said = []
    order = {"platform": "gumroad", "payload": {"access_token": TOKEN}, "priority": 9}
    for body in (order, {**order, "payload": {"access_token": TOKEN, "after": "x"}}):
        answer = sender.http.post(
            "/api/ingestion/manual", json=body, headers={"Idempotency-Key": "token"}
        )
        said.append(answer.text)
        location = answer.headers.get("location", "")
        if location:
            said.append(json.dumps(cron(gateway)))  # it fails: nobody listens there
            said.append(sender.http.get(location).text)
    said.append(gateway.log.read_text())
    assert not any(TOKEN in each for each in said)
    assert not holds(gateway.engine, TOKEN)
    assert not holds(gateway.engine, hashlib.sha256(TOKEN.encode()).hexdigest())
    [[payload]] = gateway.rows(
        "SELECT payload FROM jobs WHERE tenant_id = :tenant", tenant=sender.tenant_id
    )
    assert list(payload["access_token"]) == ["encrypted"]


def holds(engine: sa.Engine, secret: str) -> bool:
    """Whether any row of any table and view holds a text."""
    inspector = sa.inspect(engine)
    found = False
    with engine.connect() as connection:
        for name in [*inspector.get_table_names(), *inspector.get_view_names()]:
            statement = f"SELECT count(*) FROM {name} AS r WHERE strpos(r::text, :secret) > 0"
            found |= bool(connection.execute(sa.text(statement), {"secret": secret}).scalar_one())
    return found
