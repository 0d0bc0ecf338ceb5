"""`kill -9` at any moment of a load: the next run finishes it, and nothing is left behind."""

import os
import random
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
import sqlalchemy as sa

from ingestion_pipeline.foundation.settings import Settings
from ingestion_pipeline_tests.domains.commerce.builders import (
    all_counts,
    assert_sound,
    customer,
    finals,
    number,
    order,
    order_item,
    product,
    staged_rows,
    statuses,
    write_files,
)

KILLS = 20


@pytest.mark.slow
def test_a_load_that_is_killed_twenty_times_ends_as_if_it_never_was(
    configured: Settings, engine: sa.Engine, tmp_path: Path
) -> None:
    folder = write_files(
        tmp_path / "data",
        {
            "customers_1.ndjson": map(customer, range(3_000)),
            "customers_2.ndjson": (customer(n, name="second") for n in range(0, 3_000, 5)),
            "products_1.ndjson": map(product, range(1_000)),
            "orders_1.ndjson": (order(n, n % 3_000) for n in range(6_000)),
            "orders_2.ndjson": (
                order(n, n % 3_000, order_status="new") for n in range(0, 6_000, 9)
            ),
            "order_items_1.ndjson": (order_item(n, n % 6_000, n % 1_000) for n in range(9_000)),
        },
    )
    chance = random.Random(20)
    for tenant in ("measured", "measured-again"):
        started = time.monotonic()
        assert _ingest(folder, tenant).wait(timeout=600) == 0
        usual = time.monotonic() - started

    killed = list[int]()
    tenants = ["acme-1"]
    while len(killed) < KILLS:
        process = _ingest(folder, tenants[-1])
        time.sleep(chance.uniform(0.1, 1.0) * usual)
        if process.poll() is None:
            process.kill()
            killed.append(process.pid)
        else:  # nothing is left to do for this one, so the next kill is another one's
            tenants.append(f"acme-{len(tenants) + 1}")
        assert process.wait() in (0, -signal.SIGKILL)
        assert_sound_so_far(engine)
        assert len(tenants) <= 2 * KILLS, "most of the kills came too late to matter"

    expected = {"customers": 3_000, "products": 1_000, "orders": 6_000, "order_items": 9_000}
    for tenant in tenants:
        assert _ingest(folder, tenant).wait(timeout=600) == 0
        found = finals(engine, tenant)
        assert {name: len(rows) for name, rows in found.items()} == expected
        assert found == finals(engine, "measured")
        assert found["customers"][number(1, 5)]["name"] == "second"
    assert statuses(engine) == {"loaded"}
    assert staged_rows(engine) == 0
    assert_sound(engine)
    _assert_nobody_is_left(engine, killed)


def _ingest(folder: Path, tenant: str) -> "subprocess.Popen[bytes]":
    command = ["-m", "ingestion_pipeline.cli", "ingest", "--data-dir", str(folder), "--json"]
    return subprocess.Popen(
        [sys.executable, *command, "--tenant", tenant],
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )


def assert_sound_so_far(engine: sa.Engine) -> None:
    """What holds even right after a kill: a file is recorded with its rows, or not at all."""
    assert statuses(engine) <= {"staged", "loaded"}
    with engine.connect() as connection:
        loaded = connection.exec_driver_sql("SELECT upload_id FROM uploads WHERE status = 'loaded'")
        ids = set(loaded.scalars())
    assert all(counts.add_up for upload, counts in all_counts(engine).items() if upload in ids)


def _assert_nobody_is_left(engine: sa.Engine, killed: list[int]) -> None:
    """No backend of a killed process, no lock of one, and no process of its session."""
    others = (
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
        " AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
    )
    locks_held = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"
    engine.dispose()
    deadline = time.monotonic() + 10
    while True:
        with engine.connect() as connection:
            left = connection.exec_driver_sql(others).scalar()
            locks = connection.exec_driver_sql(locks_held).scalar()
        if (left, locks) == (0, 0):
            break
        assert time.monotonic() < deadline, f"{left} backends, {locks} advisory locks"
        time.sleep(0.1)
    for pid in psutil.pids():
        with suppress(ProcessLookupError):
            assert os.getsid(pid) not in killed
