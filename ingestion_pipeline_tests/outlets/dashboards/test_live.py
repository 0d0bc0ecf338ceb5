"""Who has a page open hears of new readings within a second; and nobody of another's."""

import asyncio
import json
import re
import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from ingestion_pipeline.foundation.ledger import tenants
from ingestion_pipeline.foundation.sealing import cipher_for
from ingestion_pipeline.foundation.settings import Settings
from ingestion_pipeline.outlets.dashboards import live
from ingestion_pipeline.outlets.dashboards.live import QUEUE, Event, Reader
from ingestion_pipeline.outlets.dashboards.sessions import Session
from ingestion_pipeline_tests.domains.kpis.builders import body, send, update
from ingestion_pipeline_tests.gateway.running import CRON_SECRET, RunningGateway
from ingestion_pipeline_tests.outlets.dashboards.serving import (
    KEYS,
    PagesServer,
    Visiting,
    pages_url,
)

SESSION = Session("tenant", b"x" * 32)


class Listener:
    """A page that is open: what it was told, and when."""

    def __init__(self, client: httpx.Client, **headers: str) -> None:
        self.told: list[tuple[float, str, Any]] = []
        self.ids: list[int] = []
        self.ended = threading.Event()
        self.open = threading.Event()
        self._client, self._headers = client, headers
        self._socket: Any = None
        self._thread = threading.Thread(target=self._listen)

    def _listen(self) -> None:
        try:
            with self._client.stream("GET", "/live", headers=self._headers) as answer:
                assert answer.status_code == 200
                self._socket = answer.extensions["network_stream"].get_extra_info("socket")
                assert answer.headers["content-type"].startswith("text/event-stream")
                name = ""
                for line in answer.iter_lines():
                    self.open.set()  # `retry` has come
                    key, _, value = line.partition(": ")
                    if key == "event":
                        name = value
                    elif key == "id":
                        self.ids.append(int(value))
                    elif key == "data":
                        self.told.append((time.monotonic(), name, json.loads(value)))
        except httpx.TransportError:
            pass  # the test has closed it
        finally:
            self.ended.set()

    def leave(self) -> None:
        """Close the page."""
        if not self.ended.is_set():
            self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join(30)
        assert self.ended.is_set()

    def readings(self) -> list[dict[str, Any]]:
        return [each for _, name, data in self.told if name == "readings" for each in data]

    def wait_for(self, number: int, *, seconds: float = 60) -> None:
        deadline = time.monotonic() + seconds
        while len(self.told) < number:
            assert time.monotonic() < deadline, self.told
            time.sleep(0.01)


@contextmanager
def listening(pages: PagesServer, visitor: Visiting, **headers: str) -> Iterator[Listener]:
    with httpx.Client(base_url=pages.url, cookies=dict(visitor.http.cookies), timeout=60) as client:
        listener = Listener(client, **headers)
        listener._thread.start()
        assert listener.open.wait(30)
        time.sleep(1.2)  # the first look
        try:
            yield listener
        finally:
            listener.leave()


def test_a_reading_that_is_posted_is_on_the_open_page(
    pages: PagesServer, visitor: Visiting
) -> None:
    key = {"X-API-Key": visitor.api_key}
    with listening(pages, visitor) as page:
        for number in range(3):
            posted = body(kpi="mrr", at=f"2026-03-10T12:0{number}:00Z", value=1234.5 + number)
            assert visitor.http.post("/api/kpi-data", json=posted, headers=key).is_success
            page.wait_for(number + 1)
        assert [(each["kpi"], each["value"]) for each in page.readings()] == [
            ("mrr", 1234.5), ("mrr", 1235.5), ("mrr", 1236.5),
        ]  # fmt: skip
        assert page.readings()[0]["text"] == "1,234.5"
        again = visitor.http.post("/api/kpi-data", json=posted, headers=key)
        assert again.json()["status"] == "duplicate"
        corrected = {**posted, "data": {"value": 9}, "correct": True}
        visitor.http.post("/api/kpi-data", json=corrected, headers=key)
        page.wait_for(4)
        assert [name for _, name, _ in page.told] == ["readings"] * 3 + ["changed"]


def test_nobody_hears_of_anothers_readings(pages: PagesServer, visitor: Visiting) -> None:
    with pages.visiting() as other, listening(pages, visitor) as mine, listening(
        pages, other
    ) as theirs:  # fmt: skip
        send(pages.engine, update(visitor.tenant_id, kpi="mine", value=1.0))
        send(pages.engine, update(other.tenant_id, kpi="theirs", value=2.0))
        mine.wait_for(1)
        theirs.wait_for(1)
        time.sleep(1)
        assert {each["kpi"] for each in mine.readings()} == {"mine"}
        assert {each["kpi"] for each in theirs.readings()} == {"theirs"}


def test_who_comes_back_is_told_what_was_missed_and_not_more(
    pages: PagesServer, visitor: Visiting
) -> None:
    with listening(pages, visitor) as page:
        send(pages.engine, update(visitor.tenant_id, kpi="first", value=1.0))
        page.wait_for(1)
    send(pages.engine, update(visitor.tenant_id, kpi="missed", value=2.0))
    with listening(pages, visitor, **{"Last-Event-ID": str(page.ids[-1])}) as again:
        again.wait_for(1)
        assert {each["kpi"] for each in again.readings()} == {"missed"}
    for odd in ("x", "-1", "9" * 30, "0; DROP"):
        with listening(pages, visitor, **{"Last-Event-ID": odd}) as strange:
            assert strange.told == []


def test_a_revoked_key_ends_the_stream(pages: PagesServer, visitor: Visiting) -> None:
    with listening(pages, visitor) as page:
        with pages.engine.begin() as connection:
            tenants.revoke_keys(connection, visitor.tenant_id)
        assert page.ended.wait(60)


def test_a_stranger_and_the_operator_hear_nothing(pages: PagesServer) -> None:
    assert httpx.get(f"{pages.url}/live").status_code == 401
    with httpx.Client(base_url=pages.url) as http:
        http.post("/sign-in", data={"key": CRON_SECRET})
        assert http.get("/live").status_code == 401


def test_too_many_pages_of_a_tenant_are_refused(
    pages: PagesServer, visitor: Visiting, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "MOST_OF_TENANT", 1)
    with listening(pages, visitor), pages.visiting() as other:
        refused = visitor.http.get("/live")
        assert refused.status_code == 429
        assert int(refused.headers["retry-after"]) > 0
        with listening(pages, other):
            pass
    with listening(pages, visitor):  # the place is free again
        pass


def test_one_browser_shuts_out_no_other_of_its_tenant(
    pages: PagesServer, visitor: Visiting, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "MOST_OF_BROWSER", 1)
    with httpx.Client(base_url=pages.url, timeout=60) as http:
        assert http.post("/sign-in", data={"key": visitor.api_key}).status_code == 303
        colleague = replace(visitor, http=http)
        with listening(pages, visitor):
            assert visitor.http.get("/live").status_code == 429
            with listening(pages, colleague):
                assert http.get("/live").status_code == 429
                key = {"X-API-Key": visitor.api_key}
                with httpx.stream("GET", f"{pages.url}/live", headers=key) as answer:
                    assert answer.status_code == 200


def test_when_many_are_open_who_has_few_gets_the_last_places(
    pages: PagesServer, visitor: Visiting, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "CROWDED", 2)
    monkeypatch.setattr(live, "FEW", 1)
    monkeypatch.setattr(live, "MOST", 3)
    with listening(pages, visitor), listening(pages, visitor):
        assert visitor.http.get("/live").status_code == 503
        with pages.visiting() as other, listening(pages, other):
            assert other.http.get("/live").status_code == 503


def test_strangers_take_no_place(
    pages: PagesServer, visitor: Visiting, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "MOST", 1)
    with httpx.Client(base_url=pages.url) as stranger:
        for headers in ({}, {"X-API-Key": "ik_wrong"}, {"Cookie": "ingestion=gAAAAAB"}):
            for _ in range(3):
                assert stranger.get("/live", headers=headers).status_code == 401
    with listening(pages, visitor):
        pass


def test_signing_out_ends_the_other_pages_of_the_browser_only(
    pages: PagesServer, visitor: Visiting
) -> None:
    with httpx.Client(base_url=pages.url, timeout=60) as http:
        http.post("/sign-in", data={"key": visitor.api_key})
        colleague = replace(visitor, http=http)
        with listening(pages, visitor) as mine, listening(pages, colleague) as theirs:
            token = re.search(r'name="token" value="([^"]+)"', visitor.http.get("/morning").text)
            assert token is not None
            cookies = dict(visitor.http.cookies)
            visitor.http.post("/sign-out", data={"token": token[1]})
            assert mine.ended.wait(60)
            assert not theirs.ended.is_set()
            visitor.http.cookies.update(cookies)


def test_a_session_that_expires_ends_the_stream(pages: PagesServer, visitor: Visiting) -> None:
    configuration = Settings(CREDENTIAL_KEYS=KEYS)  # type: ignore[call-arg]
    cipher = cipher_for(configuration, "dashboards: sessions")
    lifetime = int(configuration.session_lifetime.total_seconds())
    content = b"tenant:" + tenants.key_hash(visitor.api_key)
    old = cipher.encrypt_at_time(content, int(time.time()) - lifetime + 4).decode()
    with httpx.Client(base_url=pages.url, cookies={"ingestion": old}, timeout=60) as http:
        with http.stream("GET", "/live") as answer:
            assert answer.status_code == 200
            assert answer.read().startswith(b"retry")  # until its end
        time.sleep(1.5)  # a cookie's time is in whole seconds
        assert http.get("/live").status_code == 401


def test_a_stream_is_no_slow_request_of_ours(pages: PagesServer, visitor: Visiting) -> None:
    with listening(pages, visitor):
        pass
    query = "SELECT duration_ms FROM api_requests WHERE route = '/live' AND tenant_id = {}"
    deadline = time.monotonic() + 60
    while True:
        with pages.engine.connect() as connection:
            found = connection.exec_driver_sql(query.format(visitor.tenant_id)).scalars().all()
        if found:
            break
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert all(each < 1_000 for each in found)  # it was open for longer


def test_a_slow_reader_loses_the_oldest_and_is_told() -> None:
    async def slow() -> list[str]:
        reader = Reader(SESSION, 1)
        for number in range(1_000):
            reader.tell(Event("readings", [number], number))
        return [f"{each.name}{each.id or ''}" for each in await reader.next(seconds=1)]

    told = asyncio.run(slow())
    assert told == ["lost", *(f"readings{number}" for number in range(1_000 - QUEUE, 1_000))]


def test_a_reader_that_is_told_nothing_beats() -> None:
    async def silent() -> Any:
        return await Reader(SESSION, 1).next(seconds=0.01)

    assert asyncio.run(silent()) == ()


def test_a_name_can_not_forge_an_event() -> None:
    event = Event("readings", [{"kpi": "x\n\nevent: lost\ndata: {}"}], 7)
    assert event.as_bytes.count(b"\n") == 4


def test_a_server_that_stops_ends_the_streams_at_once(
    pages: PagesServer, shared_database_url: str, tmp_path: Path
) -> None:
    environment = {
        "CREDENTIAL_KEYS": KEYS, "DASHBOARDS_DATABASE_URL": pages_url(pages.engine),
    }  # fmt: skip
    running = RunningGateway(shared_database_url, tmp_path, environment)
    try:
        _, api_key = pages.new_tenant()
        with httpx.Client(base_url=running.url, timeout=60) as http:
            http.post("/sign-in", data={"key": api_key})
            with http.stream("GET", "/live") as answer:
                lines = answer.iter_lines()
                assert next(lines).startswith("retry")
                running.process.send_signal(signal.SIGTERM)
                assert all(line in ("", ":", ": ") for line in lines)  # until its end
        began = time.monotonic()
        assert running.process.wait(60) == 0
        assert time.monotonic() - began < 20  # and not the 30 seconds of what does not end
    finally:
        running.kill()
        running.engine.dispose()
