"""uvicorn's connection with the bounds that it has not: how long a head may take, how large it may
be, how many connections an address may have.

httptools keeps a header until its last byte has come, and uvicorn waits for a first request for
ever: a few thousand silent connections were enough to have everybody answered 503.
"""

import asyncio
from collections import Counter
from typing import ClassVar

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_SECONDS = 20.0
HEAD_BYTES = 32 * 1024


class _HeadTooLargeError(Exception):
    """Raised within the parser, which then stops."""


class BoundedProtocol(HttpToolsProtocol):
    """One connection. A head of `HEAD_BYTES` or more is answered 431; one that has not come whole
    within `HEAD_SECONDS`, of the connection's start or of its first byte, is closed.
    """

    most_of_an_address: ClassVar[int] = 1_000
    trusted: ClassVar[frozenset[str]] = frozenset()
    _of_address: ClassVar[Counter[str]] = Counter()  # of all connections of this process

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin; an address that has too many already is hung up on."""
        super().connection_made(transport)
        self._head_open, self._between, self._head_bytes, self._coming = True, False, 0, 0
        self._too_large = False
        self._deadline: asyncio.TimerHandle | None = None
        self._address = self.client[0] if self.client else ""
        self._of_address[self._address] += 1
        too_many = self._of_address[self._address] > self.most_of_an_address
        if too_many and self._address not in self.trusted:
            transport.abort()
            return
        self._start_deadline()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget it."""
        self._stop_deadline()
        self._of_address[self._address] -= 1
        if self._of_address[self._address] <= 0:
            del self._of_address[self._address]
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse what came."""
        self._between = False
        self._coming = len(data)
        super().data_received(data)
        if self._head_open and not self._between:
            self._head_bytes += len(data)
            if self._head_bytes > HEAD_BYTES and not self.transport.is_closing():
                self._too_large = True
                self.send_400_response("")
            elif self._deadline is None:
                self._start_deadline()

    def on_message_begin(self) -> None:
        """A request's first byte has come."""
        self._between = False
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header has come; behind a body there is no end to them, and none is of use."""
        if not self._head_open:
            self._too_large = True
            raise _HeadTooLargeError
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """The head is there."""
        if self._head_bytes + self._coming > HEAD_BYTES:  # its body may have come with it
            size = len(self.url) + sum(len(name) + len(value) for name, value in self.headers)
            if size > HEAD_BYTES:
                self._too_large = True
                raise _HeadTooLargeError
        self._stop_deadline()
        self._head_open = False
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """The body is there; what comes next is a head."""
        self._head_open, self._between, self._head_bytes = True, True, 0
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """Say that it is no HTTP, or too much of it, and hang up."""
        if not self._too_large:
            super().send_400_response(msg)
            return
        body = (
            b'{"status": "error", "message": "the headers must be at most %d bytes"}' % HEAD_BYTES
        )
        self.transport.write(
            b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-type: application/json\r\n"
            b"content-length: %d\r\nconnection: close\r\n\r\n%s" % (len(body), body)
        )
        self.transport.close()

    def _start_deadline(self) -> None:
        self._deadline = self.loop.call_later(HEAD_SECONDS, self.transport.abort)

    def _stop_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
