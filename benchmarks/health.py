"""The health document over a ledger of ten million rows: computed, and from memory.

cold      a gateway's first, right after the rows were written: no VACUUM, no ANALYZE
computed  the following ones, each after HEALTH_INTERVAL
cached    in between
busy      the same with a million requests more within the last five minutes

python -m benchmarks.health [--rows 10000000]
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import sqlalchemy as sa

from ingestion_pipeline.foundation.storage import schema
from ingestion_pipeline.foundation.storage.embedded import EmbeddedServer
from ingestion_pipeline.foundation.watch.gathering import FINISHED, LOOKUPS, REPEATED, REQUESTS
from ingestion_pipeline_tests.gateway.running import RunningGateway

PATH = "/api/health/data"
# Rows of thirty days, oldest first; `mod` and not `%`, which the driver takes for a placeholder.
_REQUESTS = """
    INSERT INTO api_requests (requested_at, request_id, method, route, status, duration_ms,
                              request_bytes, response_bytes, service)
    SELECT now() - interval '{span}' * (1 - n / {rows}.0), n, 'POST', '/api/kpi-data', 202,
           mod(n, 997) / 10.0, 300, 90,
           CASE WHEN mod(n, 10) = 0 THEN 'prediction' ELSE 'gateway' END
    FROM generate_series(1, {rows}) AS n
"""
_LOOKUPS = """
    INSERT INTO cache_metrics (recorded_at, service, cache_key, outcome, duration_ms)
    SELECT now() - interval '30 days' * (1 - n / {rows}.0),
           (ARRAY['macro', 'fundamentals', 'comps'])[1 + mod(n, 3)], 'key',
           CASE WHEN mod(n, 10) = 0 THEN 'miss' ELSE 'hit' END, 0.4
    FROM generate_series(1, {rows}) AS n
"""
_JOBS = """
    INSERT INTO jobs (kind, max_attempts, attempt, status, created_at, updated_at)
    SELECT 'load', 3, 1, CASE WHEN mod(n, 50) = 0 THEN 'failed' ELSE 'completed' END, moment, moment
    FROM generate_series(1, {rows}) AS n,
         LATERAL (SELECT now() - interval '30 days' * (1 - n / {rows}.0)) AS at (moment)
"""
_ATTEMPTS = """
    INSERT INTO job_attempts (job_id, attempt, started_at, finished_at, worker, outcome)
    SELECT job_id, 1 + CAST(mod(job_id, 20) = 0 AS integer), created_at, updated_at, 'w',
           'completed' FROM jobs
"""


def fill(engine: sa.Engine, rows: int) -> None:
    """Half of the rows are requests, three tenths cache lookups, the rest jobs and attempts."""
    parts = [
        (_REQUESTS, rows * 5 // 10),
        (_LOOKUPS, rows * 3 // 10),
        (_JOBS, rows // 10),
        (_ATTEMPTS, rows // 10),
    ]
    for statement, number in parts:
        with engine.begin() as connection:
            connection.exec_driver_sql(statement.format(rows=number, span="30 days"))


@contextmanager
def empty_gateway() -> Iterator[RunningGateway]:
    """A gateway on a database of its own."""
    with tempfile.TemporaryDirectory(prefix="bench") as folder:
        server = EmbeddedServer(Path(folder) / "home")
        try:
            schema.upgrade(sa.create_engine(server.url()))
            gateway = RunningGateway(
                server.url(), Path(folder), {"RATE_LIMIT": "1000000", "HEALTH_INTERVAL": "1"}
            )
            try:
                yield gateway
            finally:
                gateway.stop()
        finally:
            server.stop()


def asked(http: httpx.Client, number: int, *, pause: float = 0.0) -> list[float]:
    """Milliseconds of each answer."""
    took = []
    for _ in range(number):
        time.sleep(pause)
        started = time.perf_counter()
        answer = http.get(PATH)
        took.append((time.perf_counter() - started) * 1000)
        assert answer.json()["services"], answer.text
    return took


def show(name: str, took: list[float]) -> None:
    """A line of the table."""
    print(f"{name:<18} median {statistics.median(took):7.1f} ms   worst {max(took):7.1f} ms")


def measure(gateway: RunningGateway, suffix: str) -> None:
    """Cold, computed and cached."""
    gateway.stop()
    gateway.start()
    with httpx.Client(base_url=gateway.url, timeout=60) as http:
        http.get("/livez")
        show(f"cold {suffix}", asked(http, 1))
        show(f"computed {suffix}", asked(http, 10, pause=1.1))
        show(f"cached {suffix}", asked(http, 200))
    for name, statement in {
        "requests": REQUESTS, "lookups": LOOKUPS, "jobs": FINISHED, "attempts": REPEATED
    }.items():  # fmt: skip
        with gateway.engine.connect() as connection:
            plan = connection.execute(sa.text(f"EXPLAIN (ANALYZE) {statement.text}")).scalars()
            lines = [line.strip() for line in plan]
        scans = [line.partition("  (")[0] for line in lines if "Scan" in line and "->" in line]
        print(f"    {name:<10} {lines[-1]:<28} {'; '.join(scans)}")


def main() -> None:
    """Fill, measure, fill the last minutes, measure again."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000_000)
    rows = parser.parse_args().rows
    with empty_gateway() as gateway:
        started = time.perf_counter()
        fill(gateway.engine, rows)
        print(f"{rows:,} rows in {time.perf_counter() - started:.0f} s")
        measure(gateway, "")
        with gateway.engine.begin() as connection:
            connection.exec_driver_sql(_REQUESTS.format(rows=max(1, rows // 10), span="5 minutes"))
        measure(gateway, "busy")


if __name__ == "__main__":
    main()
