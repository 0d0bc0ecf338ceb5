"""How long the ledger remembers: what is older goes, in batches, each a transaction of its own.

Only what is over goes: jobs that are still to be done, open incidents and events that are not
applied yet stay, however old they are. Receipts of readings are what posting leaves of itself: the
readings stay.
"""

import logging
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from ingestion_pipeline.foundation.ledger.tables.events import ingestion_events
from ingestion_pipeline.foundation.ledger.tables.jobs import jobs
from ingestion_pipeline.foundation.ledger.tables.operations import alerts, cache_metrics, cron_logs
from ingestion_pipeline.foundation.ledger.tables.requests import api_requests
from ingestion_pipeline.foundation.ledger.tables.tenants import tenants
from ingestion_pipeline.foundation.ledger.tables.uploads import uploads

logger = logging.getLogger(__name__)

BATCH = 5_000
# A wing's table, which is known here by its name only; its index is by tenant first.
_kpi_receipts = sa.table("kpi_receipts", sa.column("tenant_id"), sa.column("received_at"))
_OF_ANYBODY = _kpi_receipts.c.tenant_id == sa.any_(
    sa.func.array(sa.select(tenants.c.tenant_id).scalar_subquery())
)


@dataclass(frozen=True)
class Rule:
    """What may go of a table, by age of a column.

    Attributes:
        over: what else must hold of a row.
        oldest_first: where an index has the rows in that order; else they would be sorted for each
            batch.
    """

    table: sa.TableClause
    age_of: str
    keep: timedelta
    over: sa.ColumnElement[bool] | None = None
    oldest_first: bool = True


def rules(*, ledger: timedelta, metrics: timedelta) -> list[Rule]:
    """The rules of all tables."""
    finished = sa.and_(
        jobs.c.status.in_(("completed", "failed", "dead")),  # as the index has it
        # An upload is kept with its job.
        ~sa.exists().where(uploads.c.job_id == jobs.c.job_id),
    )
    return [
        Rule(api_requests, "requested_at", metrics),
        Rule(cache_metrics, "recorded_at", metrics),
        Rule(cron_logs, "started_at", ledger),
        Rule(
            ingestion_events, "received_at", ledger,
            ingestion_events.c.status.in_(("applied", "failed")),
        ),
        Rule(alerts, "resolved_at", ledger, alerts.c.resolved_at.is_not(None)),
        Rule(jobs, "updated_at", ledger, finished),  # their attempts go with them
        Rule(_kpi_receipts, "received_at", ledger, _OF_ANYBODY, oldest_first=False),
    ]  # fmt: skip


def forget(engine: sa.Engine, rule: Rule) -> int:
    """Delete what a rule lets go; returns how many rows."""
    table = rule.table
    old = table.c[rule.age_of] < sa.func.now() - rule.keep
    row_id: sa.ColumnElement[Any] = sa.literal_column(f"{table.name}.ctid")
    chosen: sa.Select[Any] = (
        sa.select(sa.literal_column(f"{table.name}.ctid"))
        .select_from(table)
        .where(old if rule.over is None else sa.and_(old, rule.over))
        .limit(BATCH)
    )
    if rule.oldest_first:
        chosen = chosen.order_by(table.c[rule.age_of])
    these = sa.func.array(chosen.scalar_subquery())
    statement = sa.delete(table).where(row_id == sa.func.any(these))
    deleted = 0
    while True:
        with engine.begin() as connection:
            number = connection.execute(statement).rowcount
        deleted += number
        if number < BATCH:
            return deleted


def forget_all(
    engine: sa.Engine, *, ledger: timedelta, metrics: timedelta
) -> dict[str, int | None]:
    """Apply all rules; rows deleted by table, None where that failed, which is logged."""
    deleted: dict[str, int | None] = {}
    for rule in rules(ledger=ledger, metrics=metrics):
        try:
            deleted[rule.table.name] = forget(engine, rule)
        except sa.exc.SQLAlchemyError as error:
            logger.warning("%s not swept: %s", rule.table.name, str(error).partition("\n")[0])
            deleted[rule.table.name] = None
    return deleted
