"""Live pages: how soon a reading that is posted is on them, and what a thousand cost.

    python -m benchmarks.live
    python -m benchmarks.live --pages 200 --readings 10 --idle 10     # a smoke test

A gateway in a process of its own; pages are connections that read `/live`, of as many sign-ins as
browsers would have, half of one tenant and half of another. The limits: from the answer to a POST
until the page has the event, 1 s (median); a thousand pages of which nothing happens, 10 % of a
core. Of a machine that others keep busy the CPU time is the figure, the seconds are upper bounds.
"""

import argparse
import asyncio
import json
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import httpx
import psutil
import sqlalchemy as sa

from ingestion_pipeline.foundation.ledger import tenants, viewers
from ingestion_pipeline.foundation.storage import schema
from ingestion_pipeline.foundation.storage.embedded import EmbeddedServer
from ingestion_pipeline_tests.gateway.running import RunningGateway
from ingestion_pipeline_tests.outlets.dashboards.serving import KEYS, pages_url

LATENCY_SECONDS, IDLE_SHARE = 1.0, 0.10
OF_BROWSER = 50  # pages of a sign-in
_ADDRESSES = 8  # from which they come: a gateway takes 1,000 connections of each


@dataclass(eq=False)
class Page:
    """An open page; `told` is when it was told of which value."""

    told: dict[float, float] = field(default_factory=dict)
    lost: int = 0
    writer: asyncio.StreamWriter | None = None

    async def listen(self, port: int, cookie: str, address: str) -> None:
        """Open it, and read until it ends."""
        reader, self.writer = await asyncio.open_connection(
            "127.0.0.1", port, local_addr=(address, 0)
        )
        request = f"GET /live HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nCookie: {cookie}\r\n\r\n"
        self.writer.write(request.encode())
        head = await reader.readline()
        if b" 200 " not in head:
            raise RuntimeError(head.decode())
        while line := await reader.readline():
            if line.startswith(b"data: ["):
                now = time.monotonic()
                self.told |= dict.fromkeys((each["value"] for each in json.loads(line[6:])), now)
            self.lost += line.startswith(b"event: lost")

    def close(self) -> None:
        """Close it."""
        if self.writer is not None:
            self.writer.close()


@dataclass
class Tenant:
    """A tenant with its key, and cookies of several browsers."""

    api_key: str
    cookies: list[str]

    @classmethod
    def make(cls, gateway: RunningGateway, name: str, browsers: int) -> "Tenant":
        """One that has signed in so many times."""
        with gateway.engine.begin() as connection:
            api_key = tenants.issue_key(connection, tenants.ensure(connection, name))
        viewers.ensure(gateway.engine)
        cookies = []
        for _ in range(browsers):
            with httpx.Client(base_url=gateway.url, timeout=60) as http:
                http.post("/sign-in", data={"key": api_key})
                cookies.append("; ".join(f"{k}={v}" for k, v in http.cookies.items()))
        return cls(api_key, cookies)


def main() -> int:
    """Print a line a figure; 1 where a limit is missed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--pages", type=int, default=1_000)
    parser.add_argument("--readings", type=int, default=30)
    parser.add_argument("--idle", type=float, default=30.0, help="seconds in which nothing happens")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="benchmark-live-") as home:
        server = EmbeddedServer(Path(home))
        engine = sa.create_engine(server.url())
        try:
            schema.upgrade(engine)
            environment = {"CREDENTIAL_KEYS": KEYS, "DASHBOARDS_DATABASE_URL": pages_url(engine),
                           "RATE_LIMIT": "10000", "RATE_BURST": "10000"}  # fmt: skip
            gateway = RunningGateway(server.url(), Path(home), environment)
            try:
                return _measure(gateway, given)
            finally:
                gateway.kill()
                gateway.engine.dispose()
        finally:
            engine.dispose()
            server.stop()


def _measure(gateway: RunningGateway, given: argparse.Namespace) -> int:
    browsers = -(-given.pages // 2 // OF_BROWSER)
    both = [Tenant.make(gateway, name, browsers) for name in ("first", "second")]
    return asyncio.run(_open(gateway, both, given))


async def _open(gateway: RunningGateway, both: Sequence[Tenant], given: argparse.Namespace) -> int:
    process = psutil.Process(gateway.process.pid)
    missed = 0
    print(f"{'':34} {'figure':>10} {'of limit':>9}")

    def say(name: str, value: float, unit: str, limit: float | None = None) -> None:
        nonlocal missed
        ratio = "" if limit is None else f"{value / limit:9.2f}"
        missed += limit is not None and value > limit
        print(f"{name:34} {value:8.3f} {unit:2}{ratio}", flush=True)

    say("CPU, no page, of a core", await _share(process, given.idle), "")
    pages: list[Page] = []
    listening: list[asyncio.Task[None]] = []
    for number in range(given.pages):
        tenant = both[number % 2]
        cookie = tenant.cookies[number // 2 // OF_BROWSER]
        page, address = Page(), f"127.0.0.{2 + number % _ADDRESSES}"
        pages.append(page)
        listening.append(asyncio.create_task(page.listen(gateway.port, cookie, address)))
        if number % 50 == 49:
            await asyncio.sleep(0.1)
    await asyncio.sleep(5)
    for task in listening:
        if task.done():
            task.result()
    say("memory, resident", process.memory_info().rss / 2**20, "MB")
    name = f"CPU, {given.pages} pages, of a core"
    say(name, await _share(process, given.idle), "", IDLE_SHARE * given.pages / 1_000)
    mine, theirs = pages[0::2], pages[1::2]
    before = _cpu(process)
    took = await _posted(gateway, both[0].api_key, mine, given.readings)
    spent = (_cpu(process) - before) / given.readings
    say("posted → on a page, median", statistics.median(took), "s", LATENCY_SECONDS)
    say("posted → on a page, 95 %", statistics.quantiles(took, n=20)[-1], "s")
    say(f"CPU of a reading, {len(mine)} pages", spent, "s")
    heard = sum(len(page.told) for page in mine) / len(mine) / given.readings
    say("of the readings, on a page", heard, "")
    wrong = sum(len(page.told) for page in theirs)
    say("of another tenant's, on a page", wrong, "", 0.5)
    began = time.monotonic()
    gateway.process.send_signal(signal.SIGTERM)
    await asyncio.to_thread(gateway.process.wait, 60)
    say("stopping with all of them open", time.monotonic() - began, "s")
    for page in pages:
        page.close()
    await asyncio.gather(*listening, return_exceptions=True)
    return int(missed > 0)


async def _posted(
    gateway: RunningGateway, api_key: str, pages: Sequence[Page], number: int
) -> list[float]:
    """Seconds from each answer until each page was told."""
    answered: dict[float, float] = {}
    async with httpx.AsyncClient(base_url=gateway.url, timeout=60) as http:
        for value in range(1, number + 1):
            reading = {
                "traceId": "benchmark", "kpiId": "live", "kpiType": "count",
                "timestamp": datetime.now(UTC).isoformat(), "data": {"value": value},
            }  # fmt: skip
            answer = await http.post("/api/kpi-data", json=reading, headers={"X-API-Key": api_key})
            answer.raise_for_status()
            answered[float(value)] = time.monotonic()
            await asyncio.sleep(0.731 + value % 7 / 10)  # in no step with the looks
    await asyncio.sleep(3)
    return [at - answered[value] for page in pages for value, at in page.told.items()]


async def _share(process: psutil.Process, seconds: float) -> float:
    """CPU seconds of a process a second."""
    before, began = _cpu(process), time.monotonic()
    await asyncio.sleep(seconds)
    return (_cpu(process) - before) / (time.monotonic() - began)


def _cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


if __name__ == "__main__":
    sys.exit(main())
