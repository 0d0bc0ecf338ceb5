"""Scans of the drop folder, each killed at one line further, and what the next scan makes of it.

python -m ingestion_pipeline_tests.foundation.loading.killed_drop commerce|book_sales|mapped
"""

import itertools
import json
import os
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import sqlalchemy as sa

from ingestion_pipeline.domains.book_sales.receive import drop_folder as reports
from ingestion_pipeline.domains.commerce.receive import drop_folder as orders
from ingestion_pipeline.foundation.environment import settings
from ingestion_pipeline.foundation.ledger import dropping, tenants
from ingestion_pipeline.foundation.ledger.dropping import Dropped
from ingestion_pipeline.foundation.loading import dropped as mapped
from ingestion_pipeline.foundation.loading import recording
from ingestion_pipeline.foundation.loading.choosing import Mappings
from ingestion_pipeline.foundation.storage import dropped, landing
from ingestion_pipeline.foundation.storage.landing import Landing
from ingestion_pipeline_tests.foundation.loading.running import Shelf, known
from ingestion_pipeline_tests.foundation.loading.test_loading import MAPPING
from ingestion_pipeline_tests.killing import killed

PLACES = {
    "commerce": "customers_{}.ndjson",
    "book_sales": "smashwords/{}.csv",
    "mapped": "kiosk/sales/{}.csv",
}
MODULES = [reports, orders, dropping, mapped, recording, dropped, landing]


def _scan(wing: str) -> Dropped:
    """A scan with connections of its own: it may be that of a forked process."""
    configuration = settings().model_copy(update={"drop_settle": timedelta(0)})
    engine = sa.create_engine(configuration.database_url.get_secret_value())
    store, until = Landing(configuration.landing), datetime.now(UTC) + timedelta(minutes=5)
    try:
        if wing == "commerce":
            return orders.receive_dropped(
                engine, drop_url=configuration.drop, landing=store, settle=timedelta(0),
                attempts=3, keeps=configuration.tenant_landed_bytes, until=until,
            )  # fmt: skip
        if wing == "book_sales":
            return reports.receive_dropped(
                engine, configuration, drop_url=configuration.drop, landing=store, until=until
            )
        found = Mappings([known(MAPPING, Shelf())])
        return mapped.receive_dropped(engine, configuration, found, landing=store, until=until)
    finally:
        engine.dispose()


def _put(wing: str, number: int) -> Path:
    file = Path(settings().drop.removeprefix("file://"), "acme", PLACES[wing].format(number))
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"one of its own: {number}\n")
    return file


def main(wing: str) -> None:
    """Print how many lines a scan was killed at, one after the other."""
    url = settings().database_url.get_secret_value()
    engine = sa.create_engine(url, poolclass=sa.NullPool)  # nothing is open when it forks
    with engine.begin() as connection:
        tenants.ensure(connection, "acme")
    work: Callable[[], object] = partial(_scan, wing)
    step = int(os.environ.get("KILL_EVERY", "1"))
    for number in itertools.count(1):
        file = _put(wing, number)
        was_killed = killed(work, at=1 + step * (number - 1), within=MODULES)
        _scan(wing)
        assert not file.exists(), f"{number}: it is still there"
        with engine.connect() as connection:
            query = sa.text(
                "SELECT location, count(*) OVER (), (SELECT count(*) FROM jobs WHERE jobs.job_id = "
                "uploads.job_id) FROM uploads WHERE file_name = :name"
            )
            [(location, uploads, jobs)] = connection.execute(query, {"name": file.name}).all()
        assert (uploads, jobs) == (1, 1), f"{number}: {uploads} uploads, {jobs} jobs"
        store = Landing(settings().landing)
        with store.open(location) as kept:
            assert kept.read() == f"one of its own: {number}\n".encode()
        if not was_killed:
            sys.stdout.write(json.dumps({"killed": number - 1}))
            return


if __name__ == "__main__":
    main(*sys.argv[1:])
