"""A TCP proxy that cuts connections: after so many bytes of a request, as often as it is told."""

import contextlib
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager


class BreakingProxy:
    """Passes bytes on; when the next of `cuts` bytes have come from clients, all is cut."""

    def __init__(self, port: int, cuts: Sequence[int]) -> None:
        self._port = port
        self._cuts = sorted(cuts, reverse=True)
        self._received = 0
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.breaks = 0

    def serve(self) -> None:
        with contextlib.suppress(OSError):  # closed
            while True:
                client, _ = self._listener.accept()
                try:
                    server = socket.create_connection(("127.0.0.1", self._port))
                except OSError:
                    client.close()
                    continue
                with self._lock:
                    self._open |= {client, server}
                for source, sink, counted in ((client, server, True), (server, client, False)):
                    threading.Thread(
                        target=self._pass_on, args=(source, sink, counted), daemon=True
                    ).start()

    def close(self) -> None:
        self._listener.close()
        self._cut()

    def _pass_on(self, source: socket.socket, sink: socket.socket, counted: bool) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65_536):
                if counted and self._is_due(len(data)):
                    self._cut()
                    return
                sink.sendall(data)
        for end in (source, sink):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def _is_due(self, size: int) -> bool:
        with self._lock:
            self._received += size
            if not self._cuts or self._received < self._cuts[-1]:
                return False
            self._cuts.pop()
            self.breaks += 1
            return True

    def _cut(self) -> None:
        with self._lock:
            victims, self._open = self._open, set()
        for victim in victims:
            with contextlib.suppress(OSError):
                victim.shutdown(socket.SHUT_RDWR)
            victim.close()


@contextmanager
def breaking_proxy(port: int, cuts: Sequence[int]) -> Iterator[BreakingProxy]:
    """A proxy before a port of this machine."""
    proxy = BreakingProxy(port, cuts)
    thread = threading.Thread(target=proxy.serve, daemon=True)
    thread.start()
    try:
        yield proxy
    finally:
        proxy.close()
