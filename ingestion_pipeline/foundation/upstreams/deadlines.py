"""How long a request and its whole answer may take, the answer's head included.

The timeouts of httpx are for silence: a server that sends a byte now and then is never silent. Its
connections are therefore made to look at the clock at each of their steps, which are all in the
thread of the request.
"""

import math
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from ssl import SSLContext
from typing import Any

import httpcore
import httpx

_UNTIL: ContextVar[float] = ContextVar("until", default=math.inf)
_TOO_SLOW = "the answer does not end"


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Requests of `bounded` clients in this block end before so many seconds have gone; what takes
    longer raises httpx.TimeoutException."""
    before = _UNTIL.set(min(_UNTIL.get(), time.monotonic() + seconds))
    try:
        yield
    finally:
        _UNTIL.reset(before)


def bounded(client: httpx.Client) -> httpx.Client:
    """The client, with connections that keep to `within`, also those to a proxy.

    httpx has no public way to the network of its connection pools, httpcore's has one.
    """
    for transport in (client._transport, *client._mounts.values()):
        if isinstance(transport, httpx.HTTPTransport):
            pool = transport._pool
            pool._network_backend = _Network(pool._network_backend)
    return client


def _left(timeout: float | None, error: type[httpcore.TimeoutException]) -> float | None:
    """Seconds that a step may take; raises when there are none left."""
    left = _UNTIL.get() - time.monotonic()
    if left <= 0:
        raise error(_TOO_SLOW)
    least = min(left, math.inf if timeout is None else timeout)
    return None if math.isinf(least) else least


class _Network(httpcore.NetworkBackend):
    def __init__(self, network: httpcore.NetworkBackend) -> None:
        self._network = network

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        left = _left(timeout, httpcore.ConnectTimeout)
        return _Stream(self._network.connect_tcp(host, port, left, local_address, socket_options))

    def connect_unix_socket(
        self, path: str, timeout: float | None = None, socket_options: Iterable[Any] | None = None
    ) -> httpcore.NetworkStream:
        left = _left(timeout, httpcore.ConnectTimeout)
        return _Stream(self._network.connect_unix_socket(path, left, socket_options))

    def sleep(self, seconds: float) -> None:
        self._network.sleep(seconds)


class _Stream(httpcore.NetworkStream):
    def __init__(self, stream: httpcore.NetworkStream) -> None:
        self._stream = stream

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        left = _left(timeout, httpcore.ReadTimeout)
        try:
            return self._stream.read(max_bytes, left)
        except httpcore.ReadTimeout:
            _left(timeout, httpcore.ReadTimeout)  # it may be that the whole took too long
            raise

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, _left(timeout, httpcore.WriteTimeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self,
        ssl_context: SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        left = _left(timeout, httpcore.ConnectTimeout)
        return _Stream(self._stream.start_tls(ssl_context, server_hostname, left))

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)
