"""A year of three sites, backfilled over one Celery worker and over three, one of which is killed.

    one      a worker with one process
    three    three of these
    killed   three, one of which is killed with `kill -9` when a quarter of the days is there, and
             started again by nobody

Each in a production of its own (`ingestion_pipeline_tests/soak/cluster.py`): PostgreSQL, Valkey,
code server, daemon, webserver, workers. The upstream is the sandbox, which waits `--latency`
seconds before it answers: what one worker waits for, others use. Days have few points, hourly, so
that requests and runs are measured, not the writing of samples: that is `benchmarks.buildings`.

    python -m benchmarks.backfill [--days 365] [--latency 0.5] [--only one,three]
"""

import argparse
import os
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import httpx

from ingestion_pipeline_tests.soak.cluster import Cluster

SITES = ("demo-site-1", "demo-site-2", "demo-site-3")
FIRST = date(2025, 1, 1)
WORKERS = {"one": 1, "three": 3, "killed": 3}

_DONE = """
    SELECT count(*), COALESCE(sum(CAST(result->'counts'->>'kept' AS bigint)), 0)
    FROM collected_days
"""


@dataclass(frozen=True)
class Result:
    """What a backfill took, and what it brought."""

    seconds: float
    days: int
    samples: int
    runs: int
    failed_runs: int
    cpu_seconds: float


def backfill(name: str, days: Sequence[date], *, latency: float, home: Path) -> Result:
    """Start a production, backfill the days of all sites, count."""
    cluster = Cluster(
        home, workers=WORKERS[name], gateways=0,
        environment={"COLLECT_SINCE": FIRST.isoformat(), "COLLECT_WINDOW": "86400"},
        sandbox=("--points", "16", "--interval-seconds", "3600"),
    )  # fmt: skip
    try:
        cluster.start()
        slow = {"name": "slow", "argument": str(latency), "path": "/ace/"}
        faults = f"http://127.0.0.1:{cluster.sandbox_port}/faults"
        httpx.post(faults, json=slow).raise_for_status()
        started, cpu = time.monotonic(), cluster.cpu_seconds()
        partitions = [f"{day}|{site}" for site in SITES for day in days]
        backfill_id = cluster.backfill(partitions)
        victim = "worker 1" if name == "killed" else None
        while not (status := cluster.backfill_status(backfill_id)).startswith("COMPLETED"):
            time.sleep(1)
            if victim is not None and cluster.rows(_DONE)[0][0] >= len(partitions) / 4:
                cluster.members.pop(victim).stop()  # with kill -9, and all of its processes
                print(
                    f"    {victim} is killed after {time.monotonic() - started:.0f} s", flush=True
                )
                victim = None
        seconds = time.monotonic() - started
        print(f"    {status} after {seconds:.0f} s", flush=True)
        [(collected, samples)] = cluster.rows(_DONE)
        runs = cluster.run_counts()
        assert collected == len(partitions), f"{collected} of {len(partitions)} days"
        return Result(
            seconds, collected, samples, sum(runs.values()), runs.get("FAILURE", 0),
            cluster.cpu_seconds() - cpu,
        )  # fmt: skip
    finally:
        cluster.stop()


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--days", type=int, default=365)
    parser.add_argument("--latency", type=float, default=0.5)
    parser.add_argument("--only", default=",".join(WORKERS))
    arguments = parser.parse_args()
    days = [FIRST + timedelta(days=number) for number in range(arguments.days)]
    results: dict[str, Result] = {}
    for name in arguments.only.split(","):
        print(f"{name} …", flush=True)
        with tempfile.TemporaryDirectory(prefix="backfill-") as folder:
            results[name] = backfill(
                name, days, latency=arguments.latency, home=Path(folder) / "home"
            )
    print(f"\n{len(days)} days of {len(SITES)} sites, {arguments.latency} s a request, "
          f"{os.cpu_count()} cores\n")  # fmt: skip
    print("| workers | seconds | CPU s | days/s | runs | of which failed | samples |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    for name, result in results.items():
        print(f"| {name} | {result.seconds:.0f} | {result.cpu_seconds:.0f} | "
              f"{result.days / result.seconds:.1f} | {result.runs} | {result.failed_runs} | "
              f"{result.samples} |")  # fmt: skip
    if {"one", "three"} <= results.keys():
        ratio = results["one"].seconds / results["three"].seconds
        print(f"\nthree workers are {ratio:.2f} times as fast as one")
    counts = {(result.days, result.samples) for result in results.values()}
    assert len(counts) == 1, f"not the same: {counts}"


if __name__ == "__main__":
    main()
