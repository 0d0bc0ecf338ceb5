"""Many senders at once, cheap enough to share two cores with what they send to.

Each connection sends its next request when the last is answered. A request whose connection
breaks, or that is answered 503, is sent again by its sender, as n8n would.
"""

import asyncio
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast


@dataclass(frozen=True)
class Answered:
    """What a request was answered in the end.

    Attributes:
        seconds: from the last sending to the answer.
        sent: how often it was sent.
    """

    status: int
    body: bytes
    seconds: float
    sent: int


def post(path: str, body: bytes, *, api_key: str) -> bytes:
    """A POST as it goes over the wire."""
    head = (
        f"POST {path} HTTP/1.1\r\nHost: gateway\r\nX-API-Key: {api_key}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def send_all(
    port: int, requests: Sequence[bytes], *, connections: int = 200, patience: float = 120.0
) -> list[Answered]:
    """Send every request through so many connections; the answers in the order of the requests."""
    return asyncio.run(_send_all(port, requests, connections, patience))


async def _send_all(
    port: int, requests: Sequence[bytes], connections: int, patience: float
) -> list[Answered]:
    answers: list[Answered | None] = [None] * len(requests)
    waiting = deque(range(len(requests)))
    until = time.monotonic() + patience
    async with asyncio.TaskGroup() as senders:
        for _ in range(connections):
            senders.create_task(_sender(port, requests, waiting, answers, until))
    return cast("list[Answered]", answers)


async def _sender(
    port: int,
    requests: Sequence[bytes],
    waiting: deque[int],
    answers: list[Answered | None],
    until: float,
) -> None:
    loop = asyncio.get_running_loop()
    connection: _Connection | None = None
    while waiting:
        index = waiting.popleft()
        sent = 0
        while answers[index] is None:
            assert time.monotonic() < until, f"request {index} is not answered"
            try:
                if connection is None:
                    _, connection = await loop.create_connection(_Connection, "127.0.0.1", port)
                sent += 1
                started = time.perf_counter()
                status, body = await connection.exchange(requests[index])
            except OSError:
                connection = None
                await asyncio.sleep(0.1)
                continue
            if status == 503:
                await asyncio.sleep(0.1)
                continue
            answers[index] = Answered(status, body, time.perf_counter() - started, sent)
    if connection is not None:
        connection.close()


class _Connection(asyncio.Protocol):
    """As much of an HTTP/1.1 client as these answers need."""

    def __init__(self) -> None:
        self._received = b""
        self._answer: asyncio.Future[tuple[int, bytes]] | None = None
        self._broken = False

    def exchange(self, request: bytes) -> asyncio.Future[tuple[int, bytes]]:
        self._answer = asyncio.get_running_loop().create_future()
        if self._broken:
            self._answer.set_exception(ConnectionError("broken"))
        else:
            self._transport.write(request)
        return self._answer

    def close(self) -> None:
        self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, found, rest = self._received.partition(b"\r\n\r\n")
        if not found:
            return
        lowered = head.lower()
        at = lowered.index(b"content-length:") + 15
        length = int(lowered[at : (lowered + b"\r\n").index(b"\r\n", at)])
        if len(rest) < length:
            return
        self._received = rest[length:]
        answer, self._answer = self._answer, None
        if answer is not None and not answer.done():
            answer.set_result((int(head[9:12]), rest[:length]))

    def connection_lost(self, error: Exception | None) -> None:
        self._broken = True
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(ConnectionError("the connection broke off"))
