"""Marts over the lake on a cluster: the answers are PostgreSQL's, also where a worker is killed."""

import json
import os
import random
import signal
import subprocess
import sysconfig
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from ingestion_pipeline.foundation.ledger import tenants
from ingestion_pipeline.foundation.storage import database, roles
from ingestion_pipeline.outlets.lake import distributed
from ingestion_pipeline.outlets.lake.catalogue import lake_at, namespace_of
from ingestion_pipeline.outlets.lake.distributed import KPI_DAILY, ORDERS_DAILY, work_out
from ingestion_pipeline.outlets.lake.sync import sync
from ingestion_pipeline.outlets.lake.tables import BY_NAME
from ingestion_pipeline_tests.outlets.marts.filling import (
    BASE,
    new_customer,
    new_order,
    new_points,
    refresh_all,
)

ZONE = "America/New_York"  # whose clock is put on within these days


@pytest.fixture(scope="module")
def there(
    shared_database_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[sa.Engine, Any]]:
    engine = database.engine(shared_database_url)
    roles.ensure(engine)
    chance = random.Random(1)
    with engine.begin() as connection:
        tenant = tenants.ensure(connection, "acme")
        connection.execute(sa.text("UPDATE tenants SET time_zone = :zone"), {"zone": ZONE})
        customer = new_customer(connection, tenant)
        for number in range(120):
            new_order(
                connection, tenant, customer,
                at=BASE + timedelta(hours=chance.randrange(24 * 60)),
                total=chance.choice([None, "0.01", "-5.00", "10.10", f"{number}.37"]),
                status=chance.choice(["paid", " Cancelled ", "refunded", "VOID"]),
                currency=chance.choice(["EUR", "JPY"]),
                discount=chance.choice([None, "0.10"]), refunded=chance.choice([None, "3.33"]),
            )  # fmt: skip
        for kpi in ("a", "b #1"):
            new_points(
                connection, tenant,
                {BASE + timedelta(hours=5 * n): chance.uniform(-1, 1) for n in range(80)}, kpi=kpi,
            )  # fmt: skip
    refresh_all(engine)
    lake = lake_at(shared_database_url, str(tmp_path_factory.mktemp("the lake #1")))
    for name in ("orders", "kpi_points"):
        assert sync(engine, lake, BY_NAME[name]).refused == []
    yield engine, lambda name: lake.table(namespace_of(tenant), name)
    engine.dispose()
    database.engine.cache_clear()


@pytest.fixture(scope="module")
def scheduler(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a scheduler in a process of its own; its workers come and go."""
    said = tmp_path_factory.mktemp("dask") / "scheduler.json"
    process = _dask("scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard",
                    "--scheduler-file", said)  # fmt: skip
    while not said.exists() or not said.read_text().rstrip().endswith("}"):
        assert process.poll() is None
        time.sleep(0.05)
    yield json.loads(said.read_text())["address"]
    process.kill()
    process.wait()


def _dask(what: str, *arguments: object) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [Path(sysconfig.get_path("scripts")) / "dask", what, *map(str, arguments)],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip


def _worker(scheduler: str) -> "subprocess.Popen[bytes]":
    return _dask("worker", scheduler, "--nthreads", 1, "--no-dashboard", "--no-nanny")


_ADDED_UP = ("points", "orders", "untold", "returns", "cancelled")


def _check(engine: sa.Engine, found: Any, mart: str, *, times: int = 1) -> None:
    """As PostgreSQL has it; each file was taken so many times."""
    by = "day, currency" if mart == "orders_daily" else "kpi_id, day"
    with engine.connect() as connection:
        asked = connection.execute(sa.text(f"SELECT * FROM {mart} ORDER BY {by}"))
        expected = asked.mappings().all()
    rows = found.to_pylist()
    assert len(rows) == len(expected) > 20
    for row, known in zip(rows, expected, strict=True):
        for name, value in row.items():
            if name == "mean":
                assert value == pytest.approx(known[name], rel=1e-12)
            elif isinstance(value, Decimal) or name in _ADDED_UP:
                assert value == known[name] * times, name
            else:
                assert value == known[name], name


def test_the_answers_of_a_cluster_are_those_of_the_database(there: Any, scheduler: str) -> None:
    engine, table = there
    workers = [_worker(scheduler) for _ in range(2)]
    try:
        with distributed.cluster(scheduler) as client:
            for mart, name in ((ORDERS_DAILY, "orders_daily"), (KPI_DAILY, "kpi_daily")):
                _check(engine, work_out(client, mart, table(mart.source), zone=ZONE), name)
    finally:
        for worker in workers:
            worker.kill()
            worker.wait()


def test_a_worker_that_is_killed_in_the_middle_changes_no_answer(
    there: Any, scheduler: str
) -> None:
    engine, table = there
    workers = [_worker(scheduler) for _ in range(2)]
    try:
        with distributed.cluster(scheduler) as client:
            client.wait_for_workers(2)
            ended = threading.Event()

            def kill() -> None:
                while not all(client.has_what().values()):  # each has worked something out
                    if ended.wait(0.01):
                        return
                os.kill(workers[0].pid, signal.SIGKILL)

            killer = threading.Thread(target=kill)
            killer.start()
            try:
                found = work_out(client, KPI_DAILY, table("kpi_points"), zone=ZONE, times=100)
            finally:
                ended.set()
                killer.join()
            assert workers[0].wait(60) == -signal.SIGKILL
            _check(engine, found, "kpi_daily", times=100)
    finally:
        for worker in workers:
            worker.kill()
            worker.wait()
