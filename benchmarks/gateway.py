"""The gateway's accept, side by side with the bare server and with the design that it avoids.

    bare         the same server and parser, no store: what HTTP in Python costs
    ours         the gateway: key, contract, point, package and job in PostgreSQL, group commit
    rewrite      read-modify-write: each update reads its KPI's whole document and writes it back

200 connections of one sender process, on the cores that the server and PostgreSQL have too. 50
KPIs; a fifth of the updates are duplicates; their times are in four time zones.

    python -m benchmarks.gateway [--updates 20000] [--connections 200]
"""

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import httpx
import msgspec
import sqlalchemy as sa

from ingestion_pipeline.cli.local.services import free_port
from ingestion_pipeline.foundation.ledger import tenants
from ingestion_pipeline.foundation.storage import database, schema
from ingestion_pipeline.foundation.storage.embedded import EmbeddedServer
from ingestion_pipeline.foundation.storage.key_value.postgresql import PostgreSQLKeyValue
from ingestion_pipeline_tests.gateway.running import RunningGateway
from ingestion_pipeline_tests.senders import Answered, post, send_all

KPIS = 50
DUPLICATES = 0.2
_ZONES = [UTC, *(timezone(timedelta(hours=hours)) for hours in (-5, 2, 5.5))]


def updates(number: int, *, seed: int = 1) -> list[bytes]:
    """Bodies of `/api/kpi-data`; a fifth repeat an earlier one, often in another time zone."""
    chance = random.Random(seed)
    start = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=6)
    distinct = int(number * (1 - DUPLICATES))
    made = [
        (f"trace-{index // 200}", f"kpi-{index % KPIS}", start + timedelta(seconds=index // KPIS))
        for index in range(distinct)
    ]
    made += chance.choices(made, k=number - distinct)
    chance.shuffle(made)
    return [
        json.dumps(
            {
                "traceId": trace, "kpiId": kpi, "kpiType": "benchmark",
                "timestamp": instant.astimezone(chance.choice(_ZONES)).isoformat(),
                "data": {"value": (hash((kpi, instant.timestamp())) % 100_000) / 100},
                "metadata": {"source": "benchmark"},
            }
        ).encode()
        for trace, kpi, instant in made
    ]  # fmt: skip


async def bare(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """An ASGI application that parses the body and stores nothing."""
    if scope["type"] != "http":
        return
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            break
    update = msgspec.json.decode(body) if body else {}
    await _answer(send, {"status": "success", "kpiId": update.get("kpiId")})


async def rewrite(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Get the KPI's document, append, put: what grows with the series and loses updates."""
    import asyncio

    if scope["type"] != "http":
        return
    message = await receive()
    update = msgspec.json.decode(message["body"]) if message.get("body") else {}
    if update:
        await asyncio.to_thread(_append, update)
    await _answer(send, {"status": "success", "kpiId": update.get("kpiId")})


def _append(update: dict[str, Any]) -> None:
    store = PostgreSQLKeyValue(database.engine(os.environ["DATABASE_URL"]), "benchmark")
    key = f"timeseries:{update['kpiId']}"
    found = store.get(key)
    points = found.value if found else []
    instant = datetime.fromisoformat(update["timestamp"]).timestamp()
    if all(point[0] != instant for point in points):
        store.put(key, [*points, [instant, update["data"]["value"]]])


async def _answer(send: Any, document: dict[str, Any]) -> None:
    body = msgspec.json.encode(document)
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


@contextmanager
def served(name: str, url: str) -> Iterator[int]:
    """One of the applications of this module on the same server as ours, in its own process."""
    port = free_port()
    command = [
        sys.executable, "-m", "uvicorn", f"benchmarks.gateway:{name}", "--port", str(port),
        "--loop", "asyncio", "--http", "httptools", "--no-access-log", "--lifespan", "off",
        "--log-level", "error", "--backlog", "2048",
    ]  # fmt: skip
    process = subprocess.Popen(command, env={**os.environ, "DATABASE_URL": url})
    try:
        for _ in range(300):
            try:
                httpx.get(f"http://127.0.0.1:{port}/", timeout=1)
                break
            except httpx.TransportError:
                time.sleep(0.1)
        yield port
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def measure(port: int, requests: list[bytes], connections: int) -> dict[str, float]:
    """Updates a second and percentiles in milliseconds."""
    started = time.perf_counter()
    answers = send_all(port, requests, connections=connections)
    seconds = time.perf_counter() - started
    return {"rate": len(answers) / seconds, **percentiles(answers)}


def percentiles(answers: list[Answered]) -> dict[str, float]:
    """p50, p95, p99 and the slowest, in milliseconds."""
    ordered = sorted(answer.seconds for answer in answers)
    at = {"p50": 0.5, "p95": 0.95, "p99": 0.99, "max": 1.0}
    return {
        name: 1000 * ordered[min(len(ordered) - 1, int(share * len(ordered)))]
        for name, share in at.items()
    }


def main() -> None:
    """Run the contenders in turn and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--updates", type=int, default=20_000)
    parser.add_argument("--connections", type=int, default=200)
    parser.add_argument("--only", default="bare,ours,rewrite")
    arguments = parser.parse_args()
    bodies = updates(arguments.updates)
    with tempfile.TemporaryDirectory(prefix="ingestion-bench-") as folder:
        home = Path(folder)
        server = EmbeddedServer(home / "home")
        url = server.url()
        try:
            schema.upgrade(database.engine(url))
            rows: dict[str, dict[str, float]] = {}
            for name in arguments.only.split(","):
                if name == "ours":
                    rows[name] = _ours(url, home, bodies, arguments.connections)
                else:
                    with served(name, url) as port:
                        requests = [post("/api/kpi-data", body, api_key="none") for body in bodies]
                        # The document design takes minutes for the whole.
                        share = requests if name == "bare" else requests[: len(requests) // 5]
                        rows[name] = measure(port, share, arguments.connections)
                    if name == "rewrite":
                        rows[name]["kept"] = _kept(url, bodies[: len(bodies) // 5])
            _show(rows)
        finally:
            server.stop()


def _ours(url: str, home: Path, bodies: list[bytes], connections: int) -> dict[str, float]:
    with database.engine(url).begin() as connection:
        api_key = tenants.issue_key(connection, tenants.ensure(connection, "benchmark"))
    gateway = RunningGateway(url, home)
    try:
        requests = [post("/api/kpi-data", body, api_key=api_key) for body in bodies]
        found = measure(gateway.port, requests, connections)
    finally:
        gateway.stop()
    with database.engine(url).connect() as connection:
        points = connection.scalar(sa.text("SELECT count(*) FROM kpi_points"))
    return found | {"kept": points / len(_instants(bodies))}


def _kept(url: str, bodies: list[bytes]) -> float:
    store = PostgreSQLKeyValue(database.engine(url), "benchmark")
    found = [store.get(key) for key in store.list("timeseries:")]
    kept = sum(len(document.value) for document in found if document is not None)
    return kept / len(_instants(bodies))


def _instants(bodies: list[bytes]) -> set[tuple[str, float]]:
    decoded = map(msgspec.json.decode, bodies)
    return {(u["kpiId"], datetime.fromisoformat(u["timestamp"]).timestamp()) for u in decoded}


def _show(rows: dict[str, dict[str, float]]) -> None:
    print("|  | updates/s | of the bare server | p50 ms | p95 ms | p99 ms | max ms | points kept |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    bare_rate = rows.get("bare", {}).get("rate")
    for name, row in rows.items():
        share = f"{row['rate'] / bare_rate:.0%}" if bare_rate else ""
        kept = f"{row['kept']:.1%}" if "kept" in row else ""
        times = " | ".join(f"{row[p]:.0f}" for p in ("p50", "p95", "p99", "max"))
        print(f"| {name} | {row['rate']:,.0f} | {share} | {times} | {kept} |")


if __name__ == "__main__":
    main()
