"""The signed webhook and the cached reads, in a gateway process."""

import hashlib
import hmac
import json
import secrets
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
import sqlalchemy as sa
from standardwebhooks.webhooks import Webhook

from ingestion_pipeline.domains.markets.contract.events import COMPS, FUNDAMENTALS
from ingestion_pipeline.foundation.errors import ConfigurationError
from ingestion_pipeline.foundation.ledger import tenants
from ingestion_pipeline.foundation.settings import Settings
from ingestion_pipeline.gateway.app import create_app
from ingestion_pipeline_tests.domains.markets.builders import (
    SECRET,
    apply_all,
    comparable,
    comps_event,
    fundamentals_event,
    send,
    signed,
)
from ingestion_pipeline_tests.gateway.running import (
    CRON_SECRET,
    RunningGateway,
    Sender,
    ServingGateway,
    serving,
)

STANDARD = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
NEXT = "the next secret"
GATEWAY_ENVIRONMENT = {"WEBHOOK_SECRETS": f"{SECRET}, {NEXT},{STANDARD},other:another secret"}
WEBHOOK = "/api/ingest/webhook"


def post(
    gateway: RunningGateway | ServingGateway, body: bytes, headers: dict[str, str]
) -> httpx.Response:
    return httpx.post(f"{gateway.url}{WEBHOOK}", content=body, headers=headers, timeout=30)


def unique(event: dict[str, Any]) -> bytes:
    return json.dumps({**event, "nonce": str(uuid.uuid4())}).encode()


def key_of(gateway: RunningGateway | ServingGateway, tenant: str = "default") -> dict[str, str]:
    with gateway.engine.begin() as connection:
        return {"X-API-Key": tenants.issue_key(connection, tenants.ensure(connection, tenant))}


def test_a_signed_event_is_recorded_and_can_be_followed(gateway: RunningGateway) -> None:
    body = unique(fundamentals_event("austin"))
    answered = post(gateway, body, signed(body))
    assert answered.status_code == 202
    document = answered.json()
    assert document["status"] == "accepted"
    assert document["job_id"] > 0
    location = answered.headers["location"]
    assert location == f"/api/ingest/events/{document['ingestion_id']}"
    with httpx.Client(base_url=gateway.url, headers=key_of(gateway), timeout=30) as reader:
        assert reader.get(location).json()["status"] == "received"
        apply_all(gateway.engine, FUNDAMENTALS)
        state = reader.get(location).json()
        assert (state["status"], state["cache_invalidated"]) == (
            "applied", ["fundamentals_austin"],
        )  # fmt: skip
        found = reader.get("/api/markets/austin/fundamentals").json()
        assert found["data"]["vacancy_rate_pct"] == 7.5
        assert (found["cached"], found["stale"]) == (False, False)
        assert reader.get("/api/markets/austin/fundamentals").json()["cached"] is True
    somebody = httpx.get(f"{gateway.url}{location}", headers=key_of(gateway, "stranger"))
    assert somebody.status_code == 404


def test_the_answer_said_nothing_of_what_was_rejected(gateway: RunningGateway) -> None:
    sent = comps_event(
        comparable(1), comparable(2, sale_date="05/01/2026"), comparable(3, cap_rate_pct=0.065)
    )
    body = unique(sent)
    first = post(gateway, body, signed(body))
    document = first.json()
    assert (first.status_code, document["status"], document["accepted"]) == (202, "accepted", 1)
    assert [(each["index"], each["errors"][0]["field"]) for each in document["rejected"]] == [
        (1, "data.comparables[1].sale_date"), (2, "data.comparables[2].cap_rate_pct"),
    ]  # fmt: skip
    assert "2 of 3 comparables" in document["message"]
    assert post(gateway, body, signed(body)).json() == document
    whole = unique(fundamentals_event())
    document = post(gateway, whole, signed(whole)).json()
    assert (document["accepted"], document["rejected"]) == (1, [])


def test_a_replay_gives_the_first_answer_again(gateway: RunningGateway) -> None:
    body = unique(fundamentals_event())
    first = post(gateway, body, signed(body))
    again = post(gateway, body, signed(body, at=time.time() - 100))
    assert (first.status_code, again.status_code) == (202, 200)
    assert again.json()["ingestion_id"] == first.json()["ingestion_id"]
    assert again.json()["status"] == "accepted"
    assert again.headers["idempotent-replayed"] == "true"


def test_twenty_of_the_same_at_once_are_one_event(gateway: RunningGateway) -> None:
    body = unique(fundamentals_event())
    headers = signed(body)
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda _: post(gateway, body, headers), range(20)))
    assert sorted(each.status_code for each in answers) == [200] * 19 + [202]
    assert len({each.json()["ingestion_id"] for each in answers}) == 1


def test_two_secrets_rotate_without_a_gap(gateway: RunningGateway) -> None:
    for secret in (SECRET, NEXT):
        body = unique(fundamentals_event())
        assert post(gateway, body, signed(body, secret=secret)).status_code == 202
    body = unique(fundamentals_event())
    old, new = signed(body, secret="revoked"), signed(body, secret=NEXT)
    both = {**new, "X-Signature": f"{old['X-Signature']},{new['X-Signature']}"}
    assert post(gateway, body, both).status_code == 202


def test_standard_webhooks_are_accepted_and_known_by_their_id(gateway: RunningGateway) -> None:
    def send_as(webhook_id: str, body: bytes) -> httpx.Response:
        at = datetime.now(UTC).replace(microsecond=0)
        headers = {"webhook-id": webhook_id, "webhook-timestamp": f"{at.timestamp():.0f}"}
        signature = Webhook(STANDARD).sign(webhook_id, at, body.decode())
        return post(gateway, body, {**headers, "webhook-signature": signature})

    webhook_id = f"msg_{uuid.uuid4()}"
    first = send_as(webhook_id, unique(fundamentals_event()))
    assert first.status_code == 202, first.text
    again = send_as(webhook_id, unique(fundamentals_event()))
    assert (again.status_code, again.json()["ingestion_id"]) == (
        200, first.json()["ingestion_id"],
    )  # fmt: skip


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-API-Key": "no signature"},
        {"X-Timestamp": "1642261200", "X-Signature": "sha256=" + "0" * 64},
        {"X-Timestamp": "", "X-Signature": ""},
        {"webhook-id": "x", "webhook-timestamp": "y", "webhook-signature": "v1,"},
    ],
)
def test_what_is_not_signed_is_refused(gateway: RunningGateway, headers: dict[str, str]) -> None:
    refused = post(gateway, unique(fundamentals_event()), headers)
    assert refused.status_code == 401
    assert refused.json()["message"] == "a valid signature of now is needed"


def test_a_stale_or_a_body_only_signature_is_refused(gateway: RunningGateway) -> None:
    body = unique(fundamentals_event())
    assert post(gateway, body, signed(body, at=time.time() - 302)).status_code == 401
    assert post(gateway, body, signed(body, at=time.time() + 302)).status_code == 401
    right = signed(body)
    alone = "sha256=" + hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    assert post(gateway, body, {**right, "X-Signature": alone}).status_code == 401
    assert post(gateway, body + b" ", right).status_code == 401


def test_size_comes_before_signature_and_signature_before_json(gateway: RunningGateway) -> None:
    large = b" " * (2**20 + 1)
    assert post(gateway, large, {}).status_code == 413
    assert post(gateway, b"{", {}).status_code == 401
    assert post(gateway, b"{", signed(b"{")).status_code == 400
    assert post(gateway, b"", signed(b"")).status_code == 400
    body = unique({**fundamentals_event(), "event_type": "unknown"})
    refused = post(gateway, body, signed(body))
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["field"] == "event_type"


def test_a_secret_speaks_for_its_tenant_only(gateway: RunningGateway) -> None:
    body = unique(comps_event(comparable(1), slug="reno"))
    posted = post(gateway, body, signed(body, secret="another secret"))
    assert posted.status_code == 202
    apply_all(gateway.engine, COMPS)
    path = f"{gateway.url}/api/markets/reno/comps"
    assert httpx.get(path, headers=key_of(gateway, "other")).json()["count"] == 1
    assert httpx.get(path, headers=key_of(gateway)).status_code == 404


def test_without_a_secret_webhooks_are_refused(database_url: str) -> None:
    with serving(database_url) as running:
        body = unique(fundamentals_event())
        assert post(running, body, signed(body)).status_code == 503


@pytest.mark.parametrize("wrong", ["whsec_not base64", "acme:", ":secret", "acme:whsec_!"])
def test_a_wrong_secret_is_said_at_the_start_and_not_repeated(wrong: str) -> None:
    with pytest.raises(ConfigurationError, match="WEBHOOK_SECRETS") as refused:
        create_app(Settings(webhook_secrets=wrong))  # type: ignore[arg-type]
    assert "not base64" not in str(refused.value)


@pytest.mark.parametrize("path", ["/api/markets/nowhere/comps", "/api/markets/A%00/fundamentals"])
def test_a_market_that_is_not_there_is_not_found(sender: Sender, path: str) -> None:
    assert sender.http.get(path).status_code == 404
    assert sender.http.get("/api/ingest/events/none").status_code == 404


def test_without_a_key_of_fred_there_is_no_macro_data(sender: Sender) -> None:
    answered = sender.http.get("/api/macro")
    assert (answered.status_code, answered.json()["message"]) == (
        404, "FRED_API_KEY is not set, so there is no macro data",
    )  # fmt: skip


def test_no_read_after_applied_returns_the_old_value(
    gateway: RunningGateway, sender: Sender
) -> None:
    """Twenty threads read while two hundred updates are applied by another process."""
    applied = 0
    stop = threading.Event()
    wrong: list[str] = []
    reads = 0

    def update(number: int) -> None:
        nonlocal applied
        event = fundamentals_event("race", inventory_sf=number)
        send(gateway.engine, sender.tenant_id, event)
        applied = number

    def read() -> None:
        nonlocal reads
        with httpx.Client(base_url=gateway.url, headers=sender.http.headers, timeout=60) as http:
            while not stop.is_set():
                at_least = applied
                found = http.get("/api/markets/race/fundamentals").json()
                reads += 1
                time.sleep(0.01)  # the updates need the processor, too
                if found["data"]["inventory_sf"] < at_least:
                    wrong.append(f"{found['data']['inventory_sf']} after {at_least}")

    update(1)
    readers = [threading.Thread(target=read) for _ in range(20)]
    for reader in readers:
        reader.start()
    try:
        for number in range(2, 202):
            update(number)
    finally:
        stop.set()
        for reader in readers:
            reader.join()
    assert wrong == []
    assert reads > 200


def test_reads_are_in_the_metrics_and_in_the_request_log(
    gateway: RunningGateway, sender: Sender
) -> None:
    send(gateway.engine, sender.tenant_id, fundamentals_event("metrics"))
    for _ in range(3):
        assert sender.http.get("/api/markets/metrics/fundamentals").status_code == 200
    query = "SELECT outcome FROM cache_metrics WHERE tenant_id = :tenant ORDER BY recorded_at"
    deadline = time.monotonic() + 10
    outcomes: list[str] = []
    while len(outcomes) < 4 and time.monotonic() < deadline:
        outcomes = [row[0] for row in gateway.rows(query, tenant=sender.tenant_id)]
        time.sleep(0.1)
    assert outcomes == ["invalidation", "miss", "hit", "hit"]


def test_losing_cache_metrics_and_request_log_fails_no_read(database_url: str) -> None:
    with serving(database_url, WEBHOOK_SECRETS=SECRET) as running:
        with running.engine.begin() as connection:
            for table in ("key_value", "cache_metrics", "api_requests"):
                connection.execute(sa.text(f"DROP TABLE {table} CASCADE"))
        body = unique(fundamentals_event("lost"))
        assert post(running, body, signed(body)).status_code == 202
        apply_all(running.engine, FUNDAMENTALS)
        for _ in range(3):
            headers = key_of(running)
            found = httpx.get(f"{running.url}/api/markets/lost/fundamentals", headers=headers)
            assert (found.status_code, found.json()["cached"]) == (200, False)


def test_warming_is_ordered_once_at_a_time(gateway: RunningGateway) -> None:
    def order(secret: str = CRON_SECRET) -> httpx.Response:
        headers = {"Authorization": f"Bearer {secret}"}
        return httpx.post(f"{gateway.url}/api/cron/cache-warming", headers=headers, timeout=30)

    assert order(secrets.token_hex()).status_code == 401
    first, second = order(), order()
    assert (first.status_code, second.status_code) == (202, 200)
    assert second.json()["ingestion_id"] == first.json()["ingestion_id"]
    assert second.json()["message"] == "already running"
