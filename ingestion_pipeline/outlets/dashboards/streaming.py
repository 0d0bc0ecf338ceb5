"""`GET /live`: the stream of one open page, until its key, its session or the server ends.

A stream lives for ten minutes at most; browsers come back by themselves, and say how far they were.
"""

import asyncio
import time
from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from ingestion_pipeline.gateway.answers import Refusal
from ingestion_pipeline.gateway.envelope import IDLE
from ingestion_pipeline.gateway.front import gateway_of
from ingestion_pipeline.outlets.dashboards.live import Hub, Reader
from ingestion_pipeline.outlets.dashboards.rendering import with_headers
from ingestion_pipeline.outlets.dashboards.site import Site, site_of

HEARTBEAT = 15.0  # seconds without an event: proxies close what is silent for a minute
_LIFETIME = 600.0
_STALLED = 30.0  # seconds that somebody may take nothing of what is sent
_RETRY = b"retry: 2000\n\n"  # milliseconds until a browser comes back
_BEAT = b": \n\n"


async def live(request: Request) -> Response:
    """New readings of whoever is signed in, as server-sent events."""
    request.scope["route"] = route  # as requests are logged by
    site = site_of(request)
    visitor = await site.visitor(request)
    if visitor is None or visitor.is_operator:
        raise Refusal(401, "sign in first")
    request.scope["ingestion.tenant_id"] = visitor.tenant_id
    gateway = gateway_of(request)
    if wait := await gateway.wait_of(visitor.tenant_id):
        raise Refusal(429, "too many requests", retry_after=wait)
    lifetime = min(_LIFETIME, site.sessions.seconds_left(request))
    hub = hub_of(request, site)
    reader = hub.open(visitor.session, visitor.tenant_id, site.sessions.browser_of(request))
    try:
        if (last := _last_event(request.headers)) is not None:
            event = await hub.missed(visitor.tenant_id, last)
            if event is not None:
                reader.tell(event)
    except BaseException:
        hub.close(reader)
        raise
    return with_headers(Stream(hub, reader, lifetime=lifetime))


def hub_of(request: Request, site: Site) -> Hub:
    """The readers of the application that a request came to."""
    state = request.app.state
    if not hasattr(state, "live"):
        state.live = Hub(gateway_of(request), site)
        state.ending.append(state.live.stop)
    hub: Hub = state.live
    return hub


class Stream(Response):
    """The answer that does not end by itself."""

    media_type = "text/event-stream"

    def __init__(self, hub: Hub, reader: Reader, *, lifetime: float) -> None:
        # `no-transform` and `X-Accel-Buffering`: for proxies that would pack or hold it.
        super().__init__(headers={"X-Accel-Buffering": "no"})
        del self.headers["content-length"]
        self._hub = hub
        self._reader = reader
        self._until = time.monotonic() + lifetime

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send events until it is over, or nobody is there."""
        gone = asyncio.ensure_future(_gone(receive, self._reader))
        began = time.monotonic()
        try:
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            await self._send(send, _RETRY)
            while not self._reader.over and (left := self._until - time.monotonic()) > 0:
                events = await self._reader.next(seconds=min(HEARTBEAT, left))
                if gone.done():
                    return
                await self._send(send, b"".join(each.as_bytes for each in events) or _BEAT)
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        except TimeoutError:
            return  # it takes nothing: the connection is closed, and a browser comes back
        finally:
            self._hub.close(self._reader)
            gone.cancel()
            scope[IDLE] = time.monotonic() - began

    @staticmethod
    async def _send(send: Send, body: bytes) -> None:
        async with asyncio.timeout(_STALLED):
            await send({"type": "http.response.body", "body": body, "more_body": True})


async def _gone(receive: Receive, reader: Reader) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    reader.end()


def _last_event(headers: Mapping[str, str]) -> int | None:
    """Up to which reading a browser that comes back has been told."""
    text = headers.get("last-event-id", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None


route = Route("/live", live, include_in_schema=False)
