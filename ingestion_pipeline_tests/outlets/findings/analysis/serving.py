"""A small server of the chat wire: it really listens, and each test says what it answers."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answering = Callable[["Handler", dict[str, Any]], None]


class Handler(BaseHTTPRequestHandler):
    """Answers as the test's function does; remembers what it was asked."""

    server: "ChatServer"

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers["content-length"]))
        self.server.asked.append((self.path, dict(self.headers), raw.decode()))
        request = json.loads(raw)
        messages = request.get("messages")
        said = json.loads(messages[-1]["content"]) if messages else request
        self.server.answering(self, said)

    def say(self, content: str, *, tokens: int | None = 250, status: int = 200) -> None:
        """An answer of the wire."""
        body: dict[str, Any] = {"choices": [{"message": {"role": "assistant", "content": content}}]}
        if tokens is not None:
            body["usage"] = {"total_tokens": tokens}
        self.send(json.dumps(body).encode(), status=status)

    def send(self, body: bytes, *, status: int = 200) -> None:
        """Any answer."""
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


class ChatServer(ThreadingHTTPServer):
    """`asked`: (path, headers, body) of each request; `over`: set when the test has ended."""

    daemon_threads = True

    def __init__(self, answering: Answering) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answering = answering
        self.asked: list[tuple[str, dict[str, str], str]] = []
        self.over = threading.Event()

    @property
    def url(self) -> str:
        """Its base URL."""
        return f"http://127.0.0.1:{self.server_port}/v1"


@contextmanager
def serving(answering: Answering) -> Iterator[ChatServer]:
    """A server in a thread of its own."""
    with ChatServer(answering) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        try:
            yield server
        finally:
            server.over.set()
            server.shutdown()
