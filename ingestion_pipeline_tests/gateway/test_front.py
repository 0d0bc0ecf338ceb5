"""What every endpoint does first, over real HTTP: size, key, rate, JSON, in this order."""

import json
import socket
import time
from typing import Any

import httpx
import pytest

from ingestion_pipeline.foundation.ledger import tenants
from ingestion_pipeline_tests.gateway.running import RunningGateway, Sender

GATEWAY_ENVIRONMENT = {
    "MAX_JSON_BYTES": "2000", "BODY_TIMEOUT": "1", "RATE_LIMIT": "2", "RATE_BURST": "10",
}  # fmt: skip
PATH = "/api/kpi-data"
READING = {
    "traceId": "t", "kpiId": "k", "timestamp": "2026-01-01T00:00:00Z", "kpiType": "x",
    "data": {"value": 1},
}  # fmt: skip


def padded(size: int) -> bytes:
    body = json.dumps(READING).encode()
    return body + b" " * (size - len(body))


def raw(gateway: RunningGateway, request: bytes, *, wait: float = 0) -> bytes:
    """Send bytes as they are; what comes back."""
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=20) as connection:
        connection.sendall(request)
        time.sleep(wait)
        return connection.recv(65536)


def shape(answer: httpx.Response) -> set[str]:
    document: dict[str, Any] = answer.json()
    return set(document)


def test_a_body_of_exactly_the_limit_is_taken_and_one_byte_more_is_413(sender: Sender) -> None:
    assert sender.http.post(PATH, content=padded(2000)).status_code == 202
    refused = sender.http.post(PATH, content=padded(2001))
    assert refused.status_code == 413
    assert shape(refused) == {"status", "message", "errors"}


def test_a_body_that_does_not_say_how_long_it_is_is_counted(sender: Sender) -> None:
    def pieces(number: int) -> Any:
        for _ in range(number):
            yield b" " * 100
        yield json.dumps(READING).encode()

    assert sender.http.post(PATH, content=pieces(3)).status_code == 202
    assert sender.http.post(PATH, content=pieces(30)).status_code == 413


def test_a_large_body_is_refused_before_the_key_is_looked_at(gateway: RunningGateway) -> None:
    assert httpx.post(gateway.url + PATH, content=padded(5000)).status_code == 413


def test_who_sends_megabytes_that_nobody_wants_still_reads_the_answer(sender: Sender) -> None:
    assert sender.http.post(PATH, content=padded(8_000_000)).status_code == 413


@pytest.mark.parametrize(
    "headers",
    [
        {}, {"X-API-Key": ""}, {"X-API-Key": "ik_wrong"}, {"Authorization": "Bearer"},
        {"Authorization": "Basic aWs6"}, {"Authorization": "Bearer ik_wrong"},
        {"X-API-Key": "k\xe4se"}, {"X-API-Key": "x" * 5000},
    ],
)  # fmt: skip
def test_every_wrong_key_gets_the_same_401(
    gateway: RunningGateway, headers: dict[str, str]
) -> None:
    encoded = {name: value.encode("latin-1") for name, value in headers.items()}
    answer = httpx.post(gateway.url + PATH, content=b"not even JSON", headers=encoded)
    message = "a valid API key is needed: X-API-Key, or Authorization: Bearer"
    assert answer.status_code == 401
    assert answer.json() == {"status": "error", "message": message, "errors": []}


def test_both_ways_to_send_a_key_work(gateway: RunningGateway, sender: Sender) -> None:
    bearer = {"Authorization": f"bearer {sender.api_key}"}
    assert httpx.post(gateway.url + PATH, json=READING, headers=bearer).status_code == 202
    assert sender.http.post(PATH, json=READING).status_code == 200


def test_a_revoked_key_is_refused_from_then_on(gateway: RunningGateway, sender: Sender) -> None:
    assert sender.http.post(PATH, json=READING).status_code == 202
    with gateway.engine.begin() as connection:
        tenants.revoke_keys(connection, sender.tenant_id)
    assert sender.http.post(PATH, json=READING).status_code == 401


def test_who_sends_too_much_is_told_when_to_come_again(
    gateway: RunningGateway, sender: Sender
) -> None:
    statuses = [sender.http.post(PATH, json=READING).status_code for _ in range(15)]
    assert statuses[:10] == [202] + [200] * 9
    assert 429 in statuses[10:]
    answer = sender.http.post(PATH, json=READING)
    while answer.status_code != 429:
        answer = sender.http.post(PATH, json=READING)
    assert int(answer.headers["retry-after"]) >= 1
    with gateway.new_sender() as other:
        assert other.http.post(PATH, json=READING).status_code == 202
    time.sleep(float(answer.headers["retry-after"]))
    assert sender.http.post(PATH, json=READING).status_code == 200


def test_the_rate_is_looked_at_before_the_body(sender: Sender) -> None:
    statuses = {sender.http.post(PATH, content=b"no JSON").status_code for _ in range(15)}
    assert statuses == {400, 429}


def test_an_encoded_json_body_is_415(sender: Sender) -> None:
    answer = sender.http.post(PATH, content=b"x", headers={"Content-Encoding": "gzip"})
    assert answer.status_code == 415


def test_a_sender_that_falls_silent_is_408(gateway: RunningGateway) -> None:
    head = f"POST {PATH} HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n".encode()
    assert b" 408 " in raw(gateway, head + b"{").split(b"\r\n")[0]


def test_who_waits_to_be_told_to_go_on_is_refused_without_sending(gateway: RunningGateway) -> None:
    head = (
        f"POST {PATH} HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n"
        "Content-Length: 3000000\r\n\r\n"
    )
    assert b" 413 " in raw(gateway, head.encode()).split(b"\r\n")[0]


@pytest.mark.parametrize("request_", [b"\x00\x01\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"A" * 9000])
def test_what_is_no_http_ends_nothing_but_its_connection(
    gateway: RunningGateway, sender: Sender, request_: bytes
) -> None:
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=20) as connection:
        connection.sendall(request_)
    assert sender.http.get("/livez").status_code == 200


def test_logs_hold_no_secret(gateway: RunningGateway, sender: Sender) -> None:
    sender.http.post(PATH, content=b"{}")
    sender.http.post(PATH, content=b"no JSON", headers={"Authorization": "Bearer s3cret-thing"})
    log = gateway.log.read_text()
    assert '"route":"/api/kpi-data"' in log
    assert sender.api_key not in log
    assert "s3cret-thing" not in log
