"""Loads what waits for mappings, until nothing does: a process that is meant to be killed.

python -m ingestion_pipeline_tests.foundation.loading.killed MAPPING…
"""

import sys
import time
from datetime import timedelta
from pathlib import Path

import sqlalchemy as sa

from ingestion_pipeline.domains import registry
from ingestion_pipeline.foundation.environment import settings
from ingestion_pipeline.foundation.ledger.jobs import OPEN
from ingestion_pipeline.foundation.ledger.tables.jobs import jobs
from ingestion_pipeline.foundation.ledger.worker import Worker
from ingestion_pipeline.foundation.loading.claimed import load_waiting
from ingestion_pipeline.foundation.loading.known import KIND, known_of
from ingestion_pipeline.foundation.mapping.parsing import read_mapping
from ingestion_pipeline.foundation.storage import database


def main(*files: str) -> None:
    """Load until no job is open."""
    engine = database.engine(settings())
    sinks = registry.sinks()
    mapped = [
        read_mapping(Path(each), Path(each).read_text(), registry.targets()) for each in files
    ]
    worker = Worker("killed", None, timedelta(seconds=1), timedelta(seconds=0))
    waiting = sa.select(sa.func.count()).where(
        jobs.c.kind.like(f"{KIND}%"), jobs.c.status.in_(OPEN)
    )
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    while True:
        for each in mapped:
            list(load_waiting(engine, settings(), known_of(each, sinks), worker))
        with engine.connect() as connection:
            if connection.scalar(waiting) == 0:
                return
        time.sleep(0.2)  # the lease of one that was killed has still to lapse


if __name__ == "__main__":
    main(*sys.argv[1:])
