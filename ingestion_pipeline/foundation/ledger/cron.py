"""`cron_logs`: one row a tick of whatever runs by the clock, or is called as if by it."""

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from ingestion_pipeline.foundation.ledger.tables.operations import cron_logs


def start(
    connection: sa.Connection, name: str, *, trigger: str = "schedule", run_id: str | None = None
) -> int:
    """Note that a tick began; returns its number. `trigger`: `schedule`, `http`, `sensor` …"""
    statement = sa.insert(cron_logs).values(name=name, trigger=trigger, run_id=run_id)
    return int(connection.execute(statement.returning(cron_logs.c.cron_log_id)).scalar_one())


def finish(
    connection: sa.Connection,
    cron_log_id: int,
    *,
    processed: int = 0,
    succeeded: int = 0,
    failed: int = 0,
    details: Mapping[str, Any] | None = None,
    error: str | None = None,
) -> None:
    """Note how it ended; with `error`, as failed."""
    connection.execute(
        sa.update(cron_logs)
        .where(cron_logs.c.cron_log_id == cron_log_id)
        .values(
            status="failed" if error is not None else "completed",
            processed=processed,
            succeeded=succeeded,
            failed=failed,
            details=dict(details or {}),
            error=error.replace("\x00", "\\x00")[:4000] if error is not None else None,
            finished_at=sa.func.clock_timestamp(),
        )
    )
