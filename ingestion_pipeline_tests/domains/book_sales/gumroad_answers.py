"""An API of Gumroad that serves what a test gives it, in pages, filtered as the real one does."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

_PAGE = 10


@dataclass
class Api:
    """What it serves, and what it was asked."""

    url: str = ""
    sales: list[Any] = field(default_factory=list)
    asked: list[dict[str, str]] = field(default_factory=list)
    breaks_at: int | None = None  # the page that is a 401

    def answer(self, asked: dict[str, str]) -> tuple[int, dict[str, Any]]:
        self.asked.append(asked)
        start = int(asked.get("page_key", 0))
        if self.breaks_at is not None and start >= self.breaks_at * _PAGE:
            return 401, {"error": "The access token is invalid."}
        found = [sale for sale in self.sales if _within(sale, asked)]
        page: dict[str, Any] = {"success": True, "sales": found[start : start + _PAGE]}
        if start + _PAGE < len(found):
            page["next_page_key"] = str(start + _PAGE)
        return 200, page


def _within(sale: Any, asked: dict[str, str]) -> bool:
    if not isinstance(sale, dict):
        return True
    day = sale["created_at"][:10]
    return asked.get("after", "") <= day and day < asked.get("before", "9999")


@contextmanager
def serving_gumroad() -> Iterator[Api]:
    """It, on a port of its own."""
    api = Api()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, document = api.answer(dict(parse_qsl(urlsplit(self.path).query)))
            body = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        api.url = f"http://127.0.0.1:{server.server_address[1]}"
        try:
            yield api
        finally:
            server.shutdown()
            thread.join()
