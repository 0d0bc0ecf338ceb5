"""Live: who has a page open hears of new readings within a second, by server-sent events.

    kpi_receipts ─ one look a process, every half second ─▶ tenants with news
        └▶ those that somebody listens for: one read as the tenant's viewer ─▶ a queue of 8 a reader

Nobody is waited for: a reader that is slow loses the oldest events, and is told that it did. When
nobody listens, nothing is asked. The look sees numbers of tenants only, and what was sent is read
as the tenant's own viewer. LISTEN/NOTIFY is not used: any login may listen.

Ids are given before a commit, so a smaller one may come to be seen after a larger: looks overlap,
and what was told already is left out. What takes longer than `_OVERLAP` to commit is on the page
when that is loaded the next time.
"""

import asyncio
import logging
import time
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import msgspec
import sqlalchemy as sa

from ingestion_pipeline.foundation.errors import ConfigurationError
from ingestion_pipeline.gateway.answers import Refusal
from ingestion_pipeline.gateway.errors import OUTAGES
from ingestion_pipeline.gateway.front import Gateway
from ingestion_pipeline.outlets.dashboards import telling
from ingestion_pipeline.outlets.dashboards.sessions import Session
from ingestion_pipeline.outlets.dashboards.site import Site

logger = logging.getLogger(__name__)

QUEUE = 8  # events that wait for a reader
MOST_OF_TENANT, MOST = 1_000, 1_500  # streams; a gateway has 2,000 connections, for senders too
MOST_OF_BROWSER = 100  # of one sign-in: whoever has taken a cookie shuts nobody else out
# The last streams of a gateway are for tenants that have few: two can't hold all of them.
CROWDED, FEW = 1_000, 50
MOST_KPIS = 200  # in an event: who has more news reloads
_EVERY, _OVERLAP = 0.5, 3.0  # seconds between looks, and by which they overlap
_SESSIONS_EVERY = 5.0  # seconds until it is seen that a key is revoked
_BACK = 10_000  # readings of all tenants that one who comes back may have missed

_NEWEST = sa.text("""
    SELECT coalesce((SELECT max(receipt_id) FROM kpi_receipts), 0) AS receipt,
           coalesce((SELECT max(update_id) FROM kpi_updates), 0) AS reading
""")
_NEWS = sa.text("""
    SELECT receipt_id, tenant_id, stored, corrected FROM kpi_receipts
    WHERE receipt_id > :receipt ORDER BY receipt_id LIMIT 5000
""")
_READINGS = sa.text("""
    SELECT update_id, kpi_id, observed_at, value FROM kpi_updates
    WHERE update_id > :reading AND tenant_id = :tenant_id
    ORDER BY update_id DESC LIMIT 5000
""")


@dataclass(frozen=True)
class Event:
    """Something to be told.

    Attributes:
        name: readings; changed: values were corrected; lost: some events are not told.
        data: as JSON has it.
        id: the newest reading that is told of: where one goes on who comes back.
    """

    name: str
    data: Any
    id: int | None = None

    @cached_property
    def as_bytes(self) -> bytes:
        """As the wire has it (<https://html.spec.whatwg.org/multipage/server-sent-events.html>)."""
        head = b"" if self.id is None else b"id: %d\n" % self.id
        return head + f"event: {self.name}\n".encode() + b"data: " + _encode(self.data) + b"\n\n"


_encode = msgspec.json.Encoder().encode
LOST = Event("lost", {})


@dataclass(eq=False)
class Reader:
    """One open page.

    Attributes:
        browser: tells sign-ins apart.
        over: whether no more will come, because the key is revoked or the server stops.
    """

    session: Session
    tenant_id: int
    browser: bytes = b""
    over: bool = False
    _events: deque[Event] = field(default_factory=deque)
    _woken: asyncio.Event = field(default_factory=asyncio.Event)
    _lost: bool = False

    def tell(self, event: Event) -> None:
        """Let it have an event; where too many wait for it, the oldest goes."""
        if len(self._events) >= QUEUE:
            self._events.popleft()
            self._lost = True
        self._events.append(event)
        self._woken.set()

    def end(self) -> None:
        """Let it have no more."""
        self.over = True
        self._woken.set()

    async def next(self, *, seconds: float) -> Sequence[Event]:
        """What is to be told: at once, or when it comes; nothing after so many seconds."""
        if not self._events and not self.over:
            try:
                await asyncio.wait_for(self._woken.wait(), seconds)
            except TimeoutError:
                return ()
        self._woken.clear()
        found = [*([LOST] if self._lost else []), *self._events]
        self._lost = False
        self._events.clear()
        return found


class Hub:
    """All readers of a process."""

    def __init__(self, gateway: Gateway, site: Site) -> None:
        self._site = site
        self._gateway = gateway
        self._engine = gateway.engine.execution_options(isolation_level="AUTOCOMMIT")
        self._readers: dict[int, set[Reader]] = {}
        self._task: asyncio.Task[None] | None = None
        self._stopped = False
        self._receipt = 0  # up to which all is told
        self._seen: dict[int, float] = {}  # receipts beyond that, and when they were seen
        self._readings: deque[tuple[float, int]] = deque()  # the newest reading at a time
        self._told: dict[int, set[int]] = {}  # by tenant, readings within the overlap

    @property
    def number(self) -> int:
        """How many pages are open."""
        return sum(map(len, self._readers.values()))

    def open(self, session: Session, tenant_id: int, browser: bytes = b"") -> Reader:
        """Begin to listen.

        Raises:
            Refusal: 429 too many pages of the browser or the tenant are open, 503 too many of all.
        """
        readers = self._readers.get(tenant_id, set())
        if self._stopped or self.number >= MOST or (
            self.number >= CROWDED and len(readers) >= FEW
        ):  # fmt: skip
            raise Refusal(503, "too many pages are open", retry_after=60)
        if len(readers) >= MOST_OF_TENANT:
            raise Refusal(429, "too many pages of this tenant are open", retry_after=60)
        if sum(each.browser == browser for each in readers) >= MOST_OF_BROWSER:
            raise Refusal(429, "too many pages of this browser are open", retry_after=60)
        reader = Reader(session, tenant_id, browser)
        self._readers.setdefault(tenant_id, readers).add(reader)
        if self._task is None:
            self._task = asyncio.create_task(self._watch())
        return reader

    def close(self, reader: Reader) -> None:
        """Listen no more."""
        readers = self._readers.get(reader.tenant_id, set())
        readers.discard(reader)
        if not readers:
            self._readers.pop(reader.tenant_id, None)

    def end_of(self, browser: bytes) -> None:
        """End the streams of a browser that has signed out."""
        for readers in self._readers.values():
            for reader in readers:
                if reader.browser == browser:
                    reader.end()

    def stop(self) -> None:
        """End all streams, and take no more: the server stops."""
        self._stopped = True
        for readers in self._readers.values():
            for reader in readers:
                reader.end()

    async def missed(self, tenant_id: int, last: int) -> Event | None:
        """What somebody has missed who comes back and had been told of readings up to `last`."""
        async with self._engine.connect() as connection:
            newest = (await connection.execute(_NEWEST)).one()
        if last >= newest.reading:
            return None
        if last < newest.reading - _BACK:
            return LOST
        rows = await self._read(tenant_id, last)
        return _event_of(rows) if rows else None

    async def _watch(self) -> None:
        """Look for news until nobody listens."""
        try:
            await self._watch_until_nobody_listens()
        finally:
            self._task = None
            self._seen.clear()
            self._readings.clear()
            self._told.clear()

    async def _watch_until_nobody_listens(self) -> None:
        begun, sessions_at, is_well = False, time.monotonic() + _SESSIONS_EVERY, True
        while self._readers:
            try:
                if begun:
                    await self._look()
                else:
                    await self._begin()
                    begun = True
                if time.monotonic() >= sessions_at:
                    await self._end_sessions()
                    sessions_at = time.monotonic() + _SESSIONS_EVERY
                is_well = True
            except (*OUTAGES, ConfigurationError) as error:
                if is_well:
                    logger.warning("no live news: %s", str(error).partition("\n")[0])
                is_well = False
            await asyncio.sleep(_EVERY)

    async def _begin(self) -> None:
        async with self._engine.connect() as connection:
            newest = (await connection.execute(_NEWEST)).one()
        self._receipt = newest.receipt
        self._readings.append((time.monotonic(), newest.reading))

    async def _look(self) -> None:
        now = time.monotonic()
        async with self._engine.connect() as connection:
            found = (await connection.execute(_NEWS, {"receipt": self._receipt})).all()
            if not found and len(self._readings) == 1:
                return
            newest = (await connection.execute(_NEWEST)).one()
        new = [row for row in found if row.receipt_id not in self._seen]
        self._seen |= dict.fromkeys((row.receipt_id for row in new), now)
        news = Counter[int]()
        corrected = set[int]()
        for row in new:
            news[row.tenant_id] += row.stored
            if row.corrected:
                corrected.add(row.tenant_id)
        floor = self._readings[0][1]
        for tenant_id in list(self._readers):
            if news[tenant_id]:
                await self._tell_readings(tenant_id, floor)
            if tenant_id in corrected:
                self._tell(tenant_id, Event("changed", {}))
        self._forget(now, newest.reading)

    async def _tell_readings(self, tenant_id: int, floor: int) -> None:
        rows = await self._read(tenant_id, floor)
        told = self._told.setdefault(tenant_id, set())
        fresh = [row for row in rows if row.update_id not in told]
        told.update(row.update_id for row in fresh)
        if fresh:
            self._tell(tenant_id, _event_of(fresh))

    async def _read(self, tenant_id: int, floor: int) -> Sequence[sa.Row[Any]]:
        def read() -> Sequence[sa.Row[Any]]:
            with self._site.views.of_tenant(tenant_id) as connection:
                values = {"tenant_id": tenant_id, "reading": floor}
                return connection.execute(_READINGS, values).all()

        return await self._site.views.run(read)

    def _tell(self, tenant_id: int, event: Event) -> None:
        for reader in self._readers.get(tenant_id, ()):
            reader.tell(event)

    def _forget(self, now: float, newest: int) -> None:
        """Let go what lies behind the overlap."""
        old = [receipt for receipt, at in self._seen.items() if at < now - _OVERLAP]
        for receipt in old:
            self._receipt = max(self._receipt, receipt)
            del self._seen[receipt]
        if newest != self._readings[-1][1]:
            self._readings.append((now, newest))
        while len(self._readings) > 1 and self._readings[1][0] < now - _OVERLAP:
            self._readings.popleft()
        floor = self._readings[0][1]
        for tenant_id, told in self._told.items():
            self._told[tenant_id] = {reading for reading in told if reading > floor}

    async def _end_sessions(self) -> None:
        """End the streams whose keys are not in force any more."""
        everybody = [reader for readers in self._readers.values() for reader in readers]
        sessions = list({reader.session for reader in everybody})
        visitors = await asyncio.gather(*map(self._site.known, sessions))
        ended = {each for each, who in zip(sessions, visitors, strict=True) if who is None}
        for reader in everybody:
            if reader.session in ended:
                reader.end()


def _event_of(rows: Sequence[sa.Row[Any]]) -> Event:
    """The newest reading of each KPI; of too many KPIs only that there is news."""
    newest: dict[str, Mapping[str, Any]] = {}
    for row in sorted(rows, key=lambda row: (row.observed_at, row.update_id)):
        newest[row.kpi_id] = {
            "kpi": row.kpi_id, "at": row.observed_at.isoformat(), "value": row.value,
            "text": telling.number(row.value),
        }  # fmt: skip
    last = max(row.update_id for row in rows)
    if len(newest) > MOST_KPIS:
        return Event("lost", {}, last)
    return Event("readings", list(newest.values()), last)
