"""Pages that are open all the while: each hears of new readings, and comes back when it is cut off.

As a browser does: signed in with a cookie, two seconds until it tries again, from where it was
(`Last-Event-ID`); a page that has lost news, or begins, is loaded.
"""

import asyncio
import itertools
import json
import threading
import time
from collections import Counter
from dataclasses import dataclass, field

import httpx

_LOADED = ("/morning", "/kpis", "/receipts", "/receipts/deliveries", "/commerce", "/buildings")
_OF_SESSION = 25  # pages of a browser
_BACK_AFTER = 2.0  # seconds, as `retry` says
_SILENT = 60.0  # seconds without a beat: the connection is dead


@dataclass
class OpenPages:
    """So many pages of one tenant, in a thread of their own.

    Attributes:
        happened: what was seen, by its name: opened, beats, events, reasons of breaks.
        heard: KPIs of which something was heard.
        open: pages that listen now.
    """

    url: str
    api_key: str
    number: int
    happened: Counter[str] = field(default_factory=Counter)
    heard: set[str] = field(default_factory=set)
    open: int = 0
    most_open: int = 0
    error: BaseException | None = None
    _over: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._addresses = itertools.cycle(_LOADED)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Close them all.

        Raises:
            BaseException: what ended one of them early.
        """
        self._over.set()
        self._thread.join()
        if self.error is not None:
            raise self.error

    def wait_until_open(self, *, seconds: float = 300) -> None:
        """Wait until every page listens."""
        deadline = time.monotonic() + seconds
        while self.open < self.number:
            assert self.error is None, self.error
            assert time.monotonic() < deadline, (self.open, self.happened)
            time.sleep(0.2)

    def _run(self) -> None:
        try:
            asyncio.run(self._all())
        except BaseException as error:  # noqa: BLE001  raised again by `stop`
            self.error = error

    async def _all(self) -> None:
        sessions = -(-self.number // _OF_SESSION)
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=0)
        clients = [
            httpx.AsyncClient(base_url=self.url, timeout=_SILENT, limits=limits)
            for _ in range(sessions)
        ]
        over = asyncio.create_task(self._until_over())
        pages = [
            asyncio.create_task(self._page(clients[number % sessions]))
            for number in range(self.number)
        ]
        try:
            done, _ = await asyncio.wait((over, *pages), return_when=asyncio.FIRST_COMPLETED)
            for each in done:
                each.result()
        finally:
            for each in (over, *pages):
                each.cancel()
            await asyncio.gather(over, *pages, return_exceptions=True)
            for client in clients:
                await client.aclose()

    async def _until_over(self) -> None:
        while not self._over.is_set():
            await asyncio.sleep(0.1)

    async def _page(self, client: httpx.AsyncClient) -> None:
        last, load = "", True
        while True:
            try:
                if load:
                    await self._load(client)
                    load = False
                last, load = await self._listen(client, last)
            except httpx.TransportError as error:
                self.happened[type(error).__name__] += 1
            await asyncio.sleep(_BACK_AFTER)

    async def _load(self, client: httpx.AsyncClient) -> None:
        answer = await client.get(next(self._addresses))
        if answer.status_code == 303:  # to sign in
            signed_in = await client.post("/sign-in", data={"key": self.api_key})
            assert signed_in.status_code in (303, 401, 429, 503), signed_in.status_code
            answer = await client.get(next(self._addresses))
        assert answer.status_code in (200, 303, 429, 503), (answer.url, answer.status_code)
        self.happened[f"loaded: {answer.status_code}"] += 1

    async def _listen(self, client: httpx.AsyncClient, last: str) -> tuple[str, bool]:
        """Hear news until the stream ends; where it was, and whether the page must be loaded."""
        headers = {"Last-Event-ID": last} if last else {}
        stale, name, counted = False, "", False
        try:
            async with client.stream("GET", "/live", headers=headers) as answer:
                self.happened[f"live: {answer.status_code}"] += 1
                assert answer.status_code in (200, 401, 429, 503), answer.status_code
                if answer.status_code != 200:
                    return last, answer.status_code == 401
                async for line in answer.aiter_lines():
                    if not counted:
                        counted = True
                        self.open += 1
                        self.most_open = max(self.most_open, self.open)
                    key, _, value = line.partition(": ")
                    if key == "event":
                        name = value
                        self.happened[name] += 1
                        stale |= name != "readings"
                    elif key == "id":
                        last = value
                    elif key == "data" and name == "readings":
                        self.heard |= {each["kpi"] for each in json.loads(value)}
                    if stale:
                        return last, True
        finally:
            self.open -= counted
        return last, False
