"""A full queue drains: small reports of four platforms, several workers, limits a platform.

300 jobs; `DRAIN_JOBS=1000` makes it a thousand.
"""

import os
import threading
import time
from collections import Counter
from datetime import date, timedelta

import pytest
import sqlalchemy as sa

from ingestion_pipeline.domains.book_sales.land import queue
from ingestion_pipeline.domains.book_sales.land.queue import Report
from ingestion_pipeline.domains.book_sales.merge import claimed as work
from ingestion_pipeline.foundation.sandbox.gumroad.api import SALES
from ingestion_pipeline.foundation.settings import Settings
from ingestion_pipeline.foundation.storage.landing import Landing
from ingestion_pipeline_tests.domains.book_sales.builders import (
    D2D,
    EBOOK,
    SMASHWORDS,
    d2d,
    ebook,
    smashwords,
    text,
)
from ingestion_pipeline_tests.domains.book_sales.test_gumroad_api import configuration
from ingestion_pipeline_tests.foundation.sandbox.running import KEY

__all__ = ["configuration"]  # a fixture

JOBS = int(os.environ.get("DRAIN_JOBS", "300"))
WORKERS = 6
FIRST = date(2026, 1, 1)


def report(platform: str, number: int) -> tuple[str, bytes]:
    """A report with one sale of its own, of 1.00 and as many hundredths."""
    amount = f"{1 + number / 100:.2f}"
    if platform == "amazon_kdp":
        return "kdp.csv", text(EBOOK, [ebook(amount, asin=f"B{number:09}")])
    day = (FIRST - timedelta(days=number)).isoformat()
    if platform == "smashwords":
        row = smashwords(amount, day=f"{day} 5:18")
        return "smashwords.xls", text(SMASHWORDS, [row], delimiter="\t", end="\n")
    return "d2d.csv", text(D2D, [d2d(amount, start=day, end=day)])


def order(
    connection: sa.Connection, configuration: Settings, tenant_id: int, platform: str, number: int
) -> int:
    if platform == "gumroad":  # a window of nine days, with three sales, now and then the same
        after = FIRST + timedelta(days=9 * (number % (SALES // 3 + 1)))
        payload = {
            "access_token": KEY, "after": after.isoformat(),
            "before": (after + timedelta(days=9)).isoformat(),
        }  # fmt: skip
        return queue.land_import(
            connection, configuration, tenant_id=tenant_id, platform=platform, payload=payload
        )
    name, content = report(platform, number)
    landed = Landing(configuration.landing).write(f"acme/{number}-{name}", [content])
    known = Report(name, landed.location, landed.size, landed.sha256)
    return queue.land_report(
        connection, configuration, tenant_id=tenant_id, platform=platform, report=known,
        source="test",
    )[0]  # fmt: skip


def test_a_full_queue_drains_within_its_limits_and_every_sale_counts_once(
    engine: sa.Engine, configuration: Settings, tenant_id: int
) -> None:
    platforms = ("amazon_kdp", "gumroad", "smashwords", "draft2digital")
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        # Nothing is lost here by a crash, and the disk is shared with other tests.
        name = connection.execute(sa.text("SELECT current_database()")).scalar_one()
        connection.exec_driver_sql(f"ALTER DATABASE {name} SET synchronous_commit = off")
    engine.dispose()
    with engine.begin() as connection:
        ordered = {
            order(connection, configuration, tenant_id, platforms[number % 4], number // 4)
            for number in range(JOBS)
        }
    assert len(ordered) == JOBS

    def drain() -> None:
        while open_jobs():
            if not work.merge_claimed(engine, configuration, worker="w", limit=JOBS):
                time.sleep(0.05)  # the last ones are with others

    def open_jobs() -> bool:
        with engine.connect() as connection:
            query = sa.text("SELECT 1 FROM jobs WHERE status IN ('pending', 'processing') LIMIT 1")
            return connection.scalar(query) is not None

    workers = [threading.Thread(target=drain) for _ in range(WORKERS)]
    for worker in workers:
        worker.start()
    most = Counter[str]()  # under way at once, as every snapshot of the database has it
    under_way = sa.text(
        "SELECT platform, count(*) FROM jobs WHERE status = 'processing' GROUP BY 1"
    )
    while any(worker.is_alive() for worker in workers):
        with engine.connect() as connection:
            for platform, number in connection.execute(under_way):
                most[platform] = max(most[platform], number)
        time.sleep(0.005)
    for worker in workers:
        worker.join()
    with engine.connect() as connection:
        states = connection.execute(sa.text("SELECT status, error, attempt FROM jobs")).all()
        attempts = connection.scalar(sa.text("SELECT count(*) FROM job_attempts"))
        events = connection.execute(
            sa.text("SELECT platform, count(*) AS number, sum(amount) FROM sales_events GROUP BY 1")
        ).all()
    assert [tuple(row) for row in states] == [("completed", None, 1)] * JOBS
    assert attempts == JOBS
    assert set(most) == set(platforms)
    assert max(most.values()) <= configuration.platform_imports
    reports = JOBS // 4
    found = {row.platform: (row.number, float(row.sum)) for row in events}
    assert found.pop("gumroad")[0] == SALES + 3
    earned = pytest.approx(reports + sum(range(reports)) / 100)
    assert found == dict.fromkeys(platforms[:1] + platforms[2:], (reports, earned))
