"""A gateway's connections, over raw sockets: what holds them for ever is cut."""

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
import uvicorn

from ingestion_pipeline.cli.local.services import free_port
from ingestion_pipeline.gateway import protocol
from ingestion_pipeline.gateway.protocol import HEAD_BYTES, BoundedProtocol
from ingestion_pipeline_tests.gateway.running import serving

REQUEST = b"GET / HTTP/1.1\r\nhost: here\r\n\r\n"


async def answering(scope: Any, receive: Any, send: Any) -> None:
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body"})


@contextlib.contextmanager
def listening(kind: type[BoundedProtocol]) -> Iterator[int]:
    port = free_port()
    server = uvicorn.Server(
        uvicorn.Config(answering, port=port, http=kind, ws="none", lifespan="off", log_config=None)
    )
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield port
    server.should_exit = True
    thread.join()


@pytest.fixture
def port(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    monkeypatch.setattr(protocol, "HEAD_SECONDS", 1.0)
    with listening(BoundedProtocol) as listens_on:
        yield listens_on


def dial(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=60)


def port_of(url: str) -> int:
    return int(url.rpartition(":")[2])


def is_closed(peer: socket.socket) -> bool:
    try:
        return peer.recv(1) == b""
    except ConnectionResetError:
        return True


@pytest.mark.parametrize("sent", [b"", b"GET / HT", REQUEST[:-2], b"\r\n", b"\r\n\r\nG"])
def test_a_head_that_never_ends_was_waited_for_without_end(port: int, sent: bytes) -> None:
    with dial(port) as peer:
        peer.sendall(sent)
        assert is_closed(peer)


@pytest.mark.parametrize("drip", [b"x", b"\r\n"])
def test_a_head_that_trickles_in_held_its_connection(port: int, drip: bytes) -> None:
    with dial(port) as peer:
        peer.sendall(REQUEST)
        assert peer.recv(100).startswith(b"HTTP/1.1 204")

        def trickle() -> None:
            for _ in range(300):  # each byte is in time, their whole is not
                peer.sendall(drip)
                time.sleep(0.1)

        with pytest.raises(ConnectionError):
            trickle()


def test_a_connection_that_rests_between_requests_is_kept(port: int) -> None:
    with dial(port) as peer:
        for _ in range(3):
            peer.sendall(REQUEST)
            assert peer.recv(100).startswith(b"HTTP/1.1 204")
            time.sleep(1.2)  # longer than a head may take
        peer.sendall(REQUEST + REQUEST)  # pipelined
        said = b""
        while said.count(b"HTTP/1.1 204") < 2:
            said += peer.recv(100)


@pytest.mark.parametrize(
    "head",
    [
        b"GET / HTTP/1.1\r\nx: " + b"1" * HEAD_BYTES * 20,
        b"GET /" + b"1" * HEAD_BYTES * 20,
        b"GET / HTTP/1.1\r\nx: " + b"1" * HEAD_BYTES + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"x: 1\r\n" * HEAD_BYTES + b"\r\n",
        b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n" + b"x: 1\r\n" * 9 + b"\r\n",
    ],
)
def test_a_header_without_end_was_kept_until_its_end(port: int, head: bytes) -> None:
    with dial(port) as peer:
        with contextlib.suppress(OSError):
            peer.sendall(head)
        with contextlib.suppress(ConnectionResetError):
            said = peer.recv(100)
            assert said == b"" or said.startswith(b"HTTP/1.1 431")
            while peer.recv(10_000):
                pass


def test_a_large_body_in_one_piece_with_its_head_is_no_large_head(port: int) -> None:
    with dial(port) as peer:
        body = b"1" * HEAD_BYTES * 3
        peer.sendall(b"POST / HTTP/1.1\r\ncontent-length: %d\r\n\r\n" % len(body) + body)
        assert peer.recv(100).startswith(b"HTTP/1.1 204")


@pytest.mark.parametrize("trusted", [frozenset[str](), frozenset({"127.0.0.1"})])
def test_one_address_took_all_connections(trusted: frozenset[str]) -> None:
    class Three(BoundedProtocol):
        most_of_an_address = 3

    Three.trusted = trusted
    with listening(Three) as port, contextlib.ExitStack() as stack:
        peers = [stack.enter_context(dial(port)) for _ in range(5)]
        answered = 0
        for peer in peers:
            with contextlib.suppress(OSError):
                peer.sendall(REQUEST)
                answered += peer.recv(100).startswith(b"HTTP/1.1 204")
        assert answered == (5 if trusted else 3)
        for peer in peers:
            peer.close()
        while BoundedProtocol._of_address:
            time.sleep(0.01)  # who has gone makes room
        with dial(port) as peer:
            peer.sendall(REQUEST)
            assert peer.recv(100).startswith(b"HTTP/1.1 204")


def test_a_body_that_trickles_in_held_its_connection(database_url: str) -> None:
    with serving(database_url, BODY_TIMEOUT=2) as running, dial(port_of(running.url)) as peer:
        peer.sendall(b"POST /api/kpi-data HTTP/1.1\r\nhost: x\r\ncontent-length: 900\r\n\r\n")
        peer.settimeout(0.3)
        said = b""
        for _ in range(900):
            peer.sendall(b" ")  # never silent for two seconds
            with contextlib.suppress(TimeoutError):
                said = peer.recv(1000)
                break
        peer.settimeout(10)
        while b"\r\n\r\n{" not in said:  # head and body come apart on a busy machine
            said += peer.recv(1000)
        assert said.startswith(b"HTTP/1.1 408")
        assert b"slower than" in said
