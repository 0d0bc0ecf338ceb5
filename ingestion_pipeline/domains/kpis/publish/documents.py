"""Publishing: what is pending → documents in the key-value store, one namespace a tenant.

    package:{traceId}:{kpiId}   timeseries:{kpiId}   job:{traceId}
    error:{traceId}:{instant}:{n}   processing-error:{traceId}:{instant}:{n}

Every step is a transaction: what is pending is read, its documents are made and written, and then
the flags are cleared of what has not changed since. Killed between any two lines, running it again
ends in the same documents. One publisher works at a time, so that no older document is written
over a newer one; senders never wait for it. `elsewhere` of each step are the stores of another
server than the database, where documents are there.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from urllib.parse import quote

import sqlalchemy as sa

from ingestion_pipeline.domains.kpis.contract.instants import day_bounds, instant_text
from ingestion_pipeline.domains.kpis.merge.flags import mark, publishing, settle, write
from ingestion_pipeline.domains.kpis.publish.packages import package_document, package_rows
from ingestion_pipeline.domains.kpis.publish.reading import job_documents, series_document
from ingestion_pipeline.domains.kpis.tables import errors, job_kpis, jobs, series, updates
from ingestion_pipeline.foundation.errors import TransientError
from ingestion_pipeline.foundation.storage.key_value.documents import Elsewhere

logger = logging.getLogger(__name__)

MOST_ATTEMPTS = 3


@dataclass(frozen=True)
class Published:
    """What publishing did: documents written, and rows that could not be."""

    documents: int = 0
    failures: int = 0

    def __add__(self, other: "Published") -> "Published":
        return Published(self.documents + other.documents, self.failures + other.failures)


def package_key(trace_id: str, kpi_id: str) -> str:
    """The key of a package's document."""
    return f"package:{key_safe(trace_id)}:{kpi_id}"


def series_key(kpi_id: str) -> str:
    """The key of a time series' document."""
    return f"timeseries:{kpi_id}"


def job_key(trace_id: str) -> str:
    """The key of a job's document."""
    return f"job:{key_safe(trace_id)}"


def key_safe(trace_id: str) -> str:
    """A trace id without colons, which are what keys are taken apart at (`n8n%3A1%3A231`)."""
    return quote(trace_id, safe="")


def publish_packages(
    engine: sa.Engine,
    day: date,
    *,
    late: timedelta,
    limit: int,
    elsewhere: Elsewhere | None,
    again: bool = False,
) -> Published:
    """Publish the packages of a day's pending updates; `again`: of all updates of the day."""
    start, stop = day_bounds(day)
    of_day = sa.and_(updates.c.observed_at >= start, updates.c.observed_at < stop)
    if again:
        with publishing(engine) as connection:
            mark(connection, updates, of_day, attempts=0)
    pending = (
        sa.select(updates)
        .where(updates.c.pending, of_day)
        .order_by(updates.c.update_id)
        .limit(limit)
    )
    # A row that failed stays pending for another run; this one does not come back to it.
    return _in_batches(
        engine,
        lambda connection, done: _publish_update_batch(
            connection,
            connection.execute(pending.where(updates.c.update_id > done)).all(),
            late=late,
            elsewhere=elsewhere,
        ),
    )


def publish_series(
    engine: sa.Engine,
    *,
    newest: int,
    limit: int,
    elsewhere: Elsewhere | None,
    again: bool = False,
) -> Published:
    """Publish the time series that have new points; `again`: all of them."""
    if again:
        with publishing(engine) as connection:
            mark(connection, series, sa.true())
    # A document holds many points: a batch of few series is large enough.
    size = max(1, min(limit, 100_000 // newest))
    pending = sa.select(series).where(series.c.pending).limit(size)

    def publish(connection: sa.Connection, _: int) -> "_Step":
        rows = connection.execute(pending).all()
        documents = [
            (
                row.tenant_id,
                series_key(row.kpi_id),
                series_document(
                    connection, tenant_id=row.tenant_id, kpi_id=row.kpi_id, newest=newest
                ),
            )
            for row in rows
        ]
        write(connection, documents, elsewhere=elsewhere)
        settled = settle(connection, series, rows)
        return _Step(Published(len(documents)), more=settled > 0 and len(rows) == size)

    return _in_batches(engine, publish)


def publish_jobs(
    engine: sa.Engine, *, limit: int, elsewhere: Elsewhere | None, again: bool = False
) -> Published:
    """Publish the jobs that have changed, or whose KPIs have; `again`: all of them."""
    if again:
        with publishing(engine) as connection:
            mark(connection, jobs, sa.true())

    def publish(connection: sa.Connection, _: int) -> "_Step":
        of_jobs = connection.execute(sa.select(jobs).where(jobs.c.pending).limit(limit)).all()
        of_kpis = connection.execute(
            sa.select(job_kpis).where(job_kpis.c.pending).limit(limit)
        ).all()
        keys = {(row.tenant_id, row.trace_id) for row in (*of_jobs, *of_kpis)}
        documents = [
            (tenant_id, job_key(trace_id), document)
            for (tenant_id, trace_id), document in job_documents(connection, keys).items()
        ]
        write(connection, documents, elsewhere=elsewhere)
        settled = settle(connection, jobs, of_jobs) + settle(connection, job_kpis, of_kpis)
        full = len(of_jobs) == limit or len(of_kpis) == limit
        return _Step(Published(len(documents)), more=full and settled > 0)

    return _in_batches(engine, publish)


def publish_errors(
    engine: sa.Engine, *, limit: int, elsewhere: Elsewhere | None, again: bool = False
) -> Published:
    """Publish error reports; `again`: all of them."""
    if again:
        with publishing(engine) as connection:
            connection.execute(sa.update(errors).values(pending=True))
    pending = sa.select(errors).where(errors.c.pending).order_by(errors.c.error_id).limit(limit)

    def publish(connection: sa.Connection, _: int) -> "_Step":
        rows = connection.execute(pending).all()
        documents = [(row.tenant_id, error_key(row), error_document(row)) for row in rows]
        write(connection, documents, elsewhere=elsewhere)
        published = errors.c.error_id.in_([row.error_id for row in rows])  # they never change
        connection.execute(sa.update(errors).where(published).values(pending=False))
        return _Step(Published(len(rows)), more=len(rows) == limit)

    return _in_batches(engine, publish)


def error_key(row: Any) -> str:
    """The key of an error report's document."""
    return f"error:{key_safe(row.trace_id)}:{instant_text(row.observed_at)}:{row.n}"


def error_document(row: Any) -> dict[str, Any]:
    """An error report as it is published: as sent, without secrets, and what we read in it."""
    return {
        **row.body,
        "traceId": row.trace_id,
        "kpiIds": row.kpi_ids,
        "timestamp": instant_text(row.observed_at),
        "message": row.message,
        "code": row.code,
        "type": row.type,
        "retryCount": row.retry_count,
        "receivedAt": instant_text(row.received_at),
    }


@dataclass(frozen=True)
class _Step:
    published: Published
    more: bool
    done: int = 0  # the last update that was looked at


def _in_batches(engine: sa.Engine, publish: Callable[[sa.Connection, int], _Step]) -> Published:
    total, done = Published(), 0
    while True:
        with publishing(engine) as connection:
            step = publish(connection, done)
        total += step.published
        done = step.done
        if not step.more:
            return total


def _publish_update_batch(
    connection: sa.Connection,
    rows: Sequence[Any],
    *,
    late: timedelta,
    elsewhere: Elsewhere | None,
) -> _Step:
    if not rows:
        return _Step(Published(), more=False)
    keys = {(row.tenant_id, row.trace_id, row.kpi_id) for row in rows}
    documents: list[tuple[int, str, Any]] = []
    faults: dict[tuple[int, str, str], str] = {}
    for package in package_rows(connection, keys):
        try:
            document = package_document(connection, package, late=late)
        # Whatever is wrong with this row must not keep the others back; the store is not at fault.
        except (TransientError, sa.exc.OperationalError, sa.exc.InterfaceError):
            raise
        except Exception as error:  # noqa: BLE001
            key = (package.tenant_id, package.trace_id, package.kpi_id)
            faults[key] = f"{type(error).__name__}: {error}"[:1000]
            continue
        documents.append(
            (package.tenant_id, package_key(package.trace_id, package.kpi_id), document)
        )
    bad = [row for row in rows if (row.tenant_id, row.trace_id, row.kpi_id) in faults]
    good = [row for row in rows if (row.tenant_id, row.trace_id, row.kpi_id) not in faults]
    for row in bad:
        fault = faults[row.tenant_id, row.trace_id, row.kpi_id]
        documents.append((row.tenant_id, *_processing_error(row, fault)))
        _note_failure(connection, row, fault)
    write(connection, documents, elsewhere=elsewhere)
    settle(connection, updates, good, more=", error = NULL")
    return _Step(Published(len(documents) - len(bad), len(bad)), more=True, done=rows[-1].update_id)


def _processing_error(row: Any, fault: str) -> tuple[str, dict[str, Any]]:
    attempt, instant = row.attempts + 1, instant_text(row.observed_at)
    logger.warning("update %s can't be published, attempt %s: %s", row.update_id, attempt, fault)
    return f"processing-error:{key_safe(row.trace_id)}:{instant}:{attempt}", {
        "traceId": row.trace_id,
        "kpiId": row.kpi_id,
        "timestamp": instant,
        "message": fault,
        "attempt": attempt,
        "givenUp": attempt >= MOST_ATTEMPTS,
    }


def _note_failure(connection: sa.Connection, row: Any, fault: str) -> None:
    connection.execute(
        sa.update(updates)
        .where(updates.c.update_id == row.update_id)
        .values(
            attempts=updates.c.attempts + 1,
            error=fault,
            pending=updates.c.attempts + 1 < MOST_ATTEMPTS,
        )
    )
