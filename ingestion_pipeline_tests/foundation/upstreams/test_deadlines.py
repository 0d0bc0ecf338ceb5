"""A server that sends a byte now and then: the client ends it, wherever the answer stands."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import timedelta

import httpx
import pytest
import sqlalchemy as sa

from ingestion_pipeline.foundation.errors import UpstreamUnavailableError
from ingestion_pipeline.foundation.upstreams.client import Patience, Upstream
from ingestion_pipeline.foundation.upstreams.deadlines import bounded, within
from ingestion_pipeline.foundation.watch import alerts

Serve = Callable[[socket.socket], None]
PATIENCE = Patience(
    backoff=timedelta(milliseconds=1),
    retry_after_cap=timedelta(seconds=1),
    breaker_failures=100,
    breaker_cooldown=timedelta(minutes=1),
)
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


@contextmanager
def listening(serve: Serve) -> Iterator[str]:
    """A server that hands each connection to `serve`, until the block ends."""

    def accept() -> None:
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            threading.Thread(target=run, args=(connection,), daemon=True).start()

    def run(connection: socket.socket) -> None:
        with closing(connection):
            try:
                while connection.recv(65_536):
                    serve(connection)
            except OSError:
                return  # the client has gone, as it should

    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=accept, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.getsockname()[1]}"
        finally:
            server.shutdown(socket.SHUT_RDWR)


def drip(beginning: bytes) -> Serve:
    def serve(connection: socket.socket) -> None:
        connection.sendall(beginning)
        while True:
            connection.sendall(b"y")
            time.sleep(0.02)

    return serve


def upstream(engine: sa.Engine, url: str) -> Upstream:
    return Upstream(
        engine, name="slow", base_url=url, headers={}, requests_per_minute=60_000,
        timeout=timedelta(seconds=0.05), patience=PATIENCE, attempts=1,
    )  # fmt: skip


@pytest.mark.parametrize(
    "beginning",
    [b"", b"HTTP/1.1 200 OK\r\nx: ", b"HTTP/1.1 200 OK\r\ncontent-length: 999999\r\n\r\n"],
    ids=["status line", "head", "body"],
)
def test_an_answer_that_trickled_went_on_for_ever(engine: sa.Engine, beginning: bytes) -> None:
    with (
        listening(drip(beginning)) as url,
        upstream(engine, url) as slow,
        pytest.raises(UpstreamUnavailableError, match="does not end"),
    ):
        slow.get("/")


def test_a_connection_that_was_used_before_keeps_to_the_next_deadline(engine: sa.Engine) -> None:
    answers = iter([lambda each: each.sendall(OK), drip(b"HTTP/1.1 200 OK\r\nx: ")])
    with (
        listening(lambda connection: next(answers)(connection)) as url,
        bounded(httpx.Client(timeout=20)) as http,
    ):
        with within(20):
            assert http.get(url).text == "ok"
        with within(0.2), pytest.raises(httpx.ReadTimeout, match="does not end"):
            http.get(url)


def test_a_deadline_within_another_is_never_later() -> None:
    with (
        listening(drip(b"")) as url,
        bounded(httpx.Client(timeout=20)) as http,
        within(0.1),
        within(600),
        pytest.raises(httpx.TimeoutException),
    ):
        http.get(url)


def test_a_deadline_that_has_gone_sends_nothing() -> None:
    def serve(_: socket.socket) -> None:
        raise AssertionError("nothing was to be sent")

    with (
        listening(serve) as url,
        bounded(httpx.Client()) as http,
        within(0),
        pytest.raises(httpx.ConnectTimeout),
    ):
        http.get(url)


def test_a_proxy_of_the_environment_keeps_to_it_too(monkeypatch: pytest.MonkeyPatch) -> None:
    with listening(drip(b"HTTP/1.1 200 OK\r\nx: ")) as url:
        monkeypatch.setenv("http_proxy", url)
        with (
            bounded(httpx.Client(timeout=20)) as http,
            within(0.2),
            pytest.raises(httpx.ReadTimeout, match="does not end"),
        ):
            http.get("http://nowhere.invalid/")


def test_without_a_deadline_nothing_changes() -> None:
    with listening(lambda each: each.sendall(OK)) as url, bounded(httpx.Client()) as http:
        assert http.get(url).text == "ok"


def test_a_target_of_alerts_that_trickles_holds_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alerts, "_LONGEST_SECONDS", 0.2)
    with listening(drip(b"HTTP/1.1 200 OK\r\nx: ")) as url, alerts.client() as http:
        assert alerts.post(http, url, {"incident": "1", "state": "firing"}) == "ReadTimeout"
