"""The part of the sandbox that fails: it stands between the connection and what would answer."""

import asyncio
import time
from collections import Counter, deque
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ingestion_pipeline.foundation.sandbox.faults import Faults

# A minute, less what a request may take from a client that counts minutes to here.
_MINUTE = 55.0


class BrokenOffError(Exception):
    """Makes the server drop the connection; raised on purpose."""


class Faulty:
    """Counts requests by path, and lets those fail that are to fail."""

    def __init__(self, app: ASGIApp, *, faults: Faults, served: Counter[str]) -> None:
        self._app = app
        self._faults = faults
        self._served = served
        self._answered: deque[float] = deque()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path = scope["path"]
        self._served[path] += 1
        silence = self._faults.take("slow", path)
        if silence is not None:
            await asyncio.sleep(float(silence))
        answer = self._instead(path)
        if answer is not None:
            await answer(scope, receive, send)
        elif self._faults.take("broken_body", path) is not None:
            await self._app(scope, receive, _breaking(send))
        else:
            await self._app(scope, receive, send)

    def _instead(self, path: str) -> Response | None:
        """The answer that is given instead of the right one."""
        wait = self._faults.take("rate_limited", path)
        if wait is not None:
            return _too_many({"Retry-After": _later() if wait == "date" else wait})
        if self._faults.take("rate_limited_without_header", path) is not None:
            return _too_many({})
        limit = self._faults.take("limited", path)
        if limit is not None and self._is_too_often(int(limit)):
            return _too_many({"Retry-After": "1"})
        status = self._faults.take("server_error", path)
        if status is not None:
            return JSONResponse({"message": "the sandbox fails on purpose"}, int(status))
        if self._faults.take("wrong_json", path) is not None:
            return Response('{"data": [{"point_name": "a', media_type="application/json")
        if self._faults.take("status_error", path) is not None:
            said = {"status": "error", "message": "backend timeout", "data": []}
            return JSONResponse(said | {"pagination": {"next_cursor": None, "has_more": False}})
        if self._faults.take("web_page", path) is not None:
            return HTMLResponse("<html><title>Maintenance</title>Back soon</html>")
        if self._faults.take("unknown_envelope", path) is not None:
            return JSONResponse({"results": [], "more": False})
        return None

    def _is_too_often(self, limit: int) -> bool:
        now = time.monotonic()
        while self._answered and self._answered[0] <= now - _MINUTE:
            self._answered.popleft()
        if len(self._answered) >= limit:
            return True
        self._answered.append(now)
        return False


def _too_many(headers: dict[str, str]) -> Response:
    return JSONResponse({"message": "too many requests"}, 429, headers)


def _later() -> str:
    return format_datetime(datetime.now(UTC) + timedelta(seconds=1), usegmt=True)


def _breaking(send: Send) -> Send:
    """Sends the head as it is and half of the body."""

    async def send_half(message: Message) -> None:
        if message["type"] == "http.response.body":
            body = message.get("body", b"")
            await send({**message, "body": body[: len(body) // 2], "more_body": True})
            raise BrokenOffError
        await send(message)

    return send_half
