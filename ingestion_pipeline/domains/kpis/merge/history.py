"""Files of KPI history → points, packages, jobs: what `kpis import` does.

Readings go the way of the gateway's, some hundreds a transaction, so that a killed import leaves
whole readings; done again, it finds them there. Dagster publishes them, a stretch of days a run.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from ingestion_pipeline.domains.kpis.land.readings import land_readings
from ingestion_pipeline.domains.kpis.land.receipts import (
    MOST_KEPT,
    Channel,
    Refusals,
    land_refusals,
)
from ingestion_pipeline.domains.kpis.sources.dump import (
    Fault,
    Imported,
    Item,
    JobRecord,
    PassedOver,
    items_of,
)
from ingestion_pipeline.domains.kpis.sources.history_files import entries_of
from ingestion_pipeline.foundation.errors import ContractError, TransientError
from ingestion_pipeline.foundation.ledger import tenants
from ingestion_pipeline.foundation.storage.file_kinds import Limits
from ingestion_pipeline.foundation.storage.json_rows import encode_json

BytesRead = Callable[[Path, int], None]
Transaction = Callable[[], AbstractContextManager[sa.Connection]]

_TOGETHER = 500  # readings and jobs of a transaction
_SHOWN_FAULTS = 100
_LABELS, _OTHER_REASONS = 1_000, "other reasons"  # a reason may name what it is about
_DEADLOCK, _DEADLOCKS = "40P01", 5  # with a gateway that records the same jobs
_OUTAGES = (TransientError, OSError, sa.exc.OperationalError, sa.exc.InterfaceError)

_JOB = sa.text("""
    INSERT INTO kpi_jobs AS known (tenant_id, trace_id, created_at, announced_at, timeout_at,
                                   expired_at)
    VALUES (:tenant_id, :trace_id, :created_at, :created_at, :timeout_at,
            CASE WHEN :timeout_at <= now() AND NOT :waiting THEN :timeout_at END)
    ON CONFLICT (tenant_id, trace_id) DO UPDATE SET
        created_at = excluded.created_at, pending = true, changed = known.changed + 1
    WHERE known.created_at > excluded.created_at
""").bindparams(
    sa.bindparam("created_at", type_=sa.DateTime(timezone=True)),
    sa.bindparam("timeout_at", type_=sa.DateTime(timezone=True)),
)
# What is known of a KPI is newer than what a dump says.
_JOB_KPIS = sa.text("""
    INSERT INTO kpi_job_kpis (tenant_id, trace_id, kpi_id, status, completed_at, error,
                              retry_count)
    SELECT :tenant_id, :trace_id, kpi_id, status, completed_at, error, retry_count
    FROM json_to_recordset(CAST(:kpis AS json)) AS sent
        (kpi_id text, status text, completed_at timestamptz, error text, retry_count integer)
    ORDER BY kpi_id
    ON CONFLICT DO NOTHING
""")
_ANALYSIS = sa.text("""
    INSERT INTO kpi_analyses (tenant_id, trace_id, kpi_id, analysis)
    VALUES (:tenant_id, :trace_id, :kpi_id, CAST(:analysis AS jsonb))
    ON CONFLICT DO NOTHING
""")


@dataclass
class Counts:
    """What became of the readings of a file: read = new + duplicates + corrected + refused.

    Attributes:
        conflicts: duplicates whose value is another one, which is not kept.
        refused: readings, and documents that could not be used.
        passed_over: documents of kinds that are not imported, such as errors.
    """

    read: int = 0
    new: int = 0
    duplicates: int = 0
    conflicts: int = 0
    corrected: int = 0
    refused: int = 0
    jobs: int = 0
    passed_over: int = 0

    def __add__(self, other: "Counts") -> "Counts":
        mine, theirs = asdict(self), asdict(other)
        return Counts(**{name: number + theirs[name] for name, number in mine.items()})


@dataclass
class FileResult:
    """What became of a file; `error` when it could not be read, or not to its end."""

    file: str
    counts: Counts = field(default_factory=Counts)
    reasons: Counter[str] = field(default_factory=Counter)
    faults: list[Fault] = field(default_factory=list)
    passed_over: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
    error: str | None = None

    def refuse(self, fault: Fault) -> None:
        """Count a fault; the first are kept."""
        self.counts.read += 1
        self.counts.refused += 1
        label = fault.reason[:200]
        known = label in self.reasons or len(self.reasons) < _LABELS
        self.reasons[label if known else _OTHER_REASONS] += 1
        if len(self.faults) < _SHOWN_FAULTS:
            self.faults.append(fault)

    def as_dict(self) -> dict[str, Any]:
        """The file's entry in `kpis import --json`."""
        entry: dict[str, Any] = {"file": self.file, **asdict(self.counts)}
        entry["refused_by_reason"] = dict(self.reasons.most_common(_SHOWN_FAULTS))
        entry["faults"] = [asdict(fault) for fault in self.faults]
        entry["passed_over_by_kind"] = dict(self.passed_over)
        entry["seconds"] = round(self.seconds, 3)
        return entry | ({"error": self.error} if self.error else {})


@dataclass(frozen=True)
class ImportResult:
    """What became of all files."""

    files: list[FileResult]

    @property
    def totals(self) -> Counts:
        """The sum over all files."""
        return sum((file.counts for file in self.files), Counts())

    def as_dict(self) -> dict[str, Any]:
        """The document that `kpis import --json` prints."""
        return {
            "files": [file.as_dict() for file in self.files],
            "totals": asdict(self.totals),
        }


@dataclass(frozen=True)
class Naming:
    """What readings are that do not say so themselves (two columns of CSV, say)."""

    kpi_id: str | None = None
    kpi_type: str | None = None


def merge_files(
    engine: sa.Engine,
    files: Sequence[Path],
    *,
    tenant: str,
    naming: Naming = Naming(),
    limits: Limits,
    job_timeout: timedelta,
    dry_run: bool = False,
    bytes_read: BytesRead | None = None,
) -> ImportResult:
    """Import files in their order; `dry_run`: the same in a transaction that is rolled back.

    Args:
        engine: of a migrated database.
        files: of any of the forms of sources/history_files.py.
        tenant: whose history it is; made if there is none of that name.
        naming: of readings that name no KPI or type.
        limits: what a compressed file may unpack to.
        job_timeout: of a job that says nothing else.
        dry_run: say what would happen, and write nothing.
        bytes_read: called with a file and how many of its bytes have been read.
    """
    with _transactions(engine, dry_run=dry_run) as begin:
        with begin() as connection:
            tenant_id = tenants.ensure(connection, tenant)
        return ImportResult(
            [
                _import_file(
                    begin,
                    path,
                    tenant_id=tenant_id,
                    naming=naming,
                    limits=limits,
                    job_timeout=job_timeout,
                    report=bytes_read,
                )
                for path in files
            ]
        )


@contextmanager
def _transactions(engine: sa.Engine, *, dry_run: bool) -> Iterator[Transaction]:
    """How a transaction is begun: of its own, or within one that is rolled back."""
    if not dry_run:
        yield engine.begin
        return
    with engine.connect() as connection, connection.begin() as whole:

        @contextmanager
        def nested() -> Iterator[sa.Connection]:
            with connection.begin_nested():
                yield connection

        yield nested
        whole.rollback()


def _import_file(
    begin: Transaction, path: Path, *, tenant_id: int, naming: Naming, limits: Limits,
    job_timeout: timedelta, report: BytesRead | None,
) -> FileResult:  # fmt: skip
    result = FileResult(path.name)
    started = time.perf_counter()
    with path.open("rb") as file:
        items = (
            item
            for entry in entries_of(file, limits)
            for item in items_of(
                entry, tenant_id=tenant_id, now=datetime.now(UTC), kpi_id=naming.kpi_id,
                kpi_type=naming.kpi_type,
            )
        )  # fmt: skip
        try:
            for some in _batched(items, result):
                _record(begin, some, result, job_timeout)
                if report:
                    report(path, file.tell())
        except ContractError as error:
            result.error = str(error)
    _note_refusals(begin, tenant_id, result)
    result.seconds = time.perf_counter() - started
    return result


def _note_refusals(begin: Transaction, tenant_id: int, result: FileResult) -> None:
    """Keep what was refused of a file: at its end, so a killed import notes it when done again."""
    if not result.counts.refused and result.error is None:
        return
    first = [(fault.place, "reading", fault.reason) for fault in result.faults[:MOST_KEPT]]
    broken = [] if result.error is None else [("file", "file", result.error)]
    refused = Refusals(
        tenant_id, result.counts.refused + len(broken), [*broken, *first],
        Channel("import", result.file),
    )  # fmt: skip
    with begin() as connection:
        land_refusals(connection, [refused])


def _batched(items: Iterator[Item], result: FileResult) -> Iterator[tuple[Item, ...]]:
    """Items some at a time; where the file ends in a fault, what came before it, and the fault."""
    broken: list[ContractError] = []

    def until_broken() -> Iterator[Item]:
        try:
            for item in items:
                if isinstance(item, Fault):
                    result.refuse(item)
                elif isinstance(item, PassedOver):
                    result.counts.passed_over += 1
                    result.passed_over[item.kind[:100]] += 1
                else:
                    yield item
        except ContractError as error:
            broken.append(error)

    yield from _groups(until_broken())
    if broken:
        raise broken[0]


def _groups(items: Iterator[Item]) -> Iterator[tuple[Item, ...]]:
    while some := tuple(islice(items, _TOGETHER)):
        yield some


def _record(
    begin: Transaction, items: Sequence[Item], result: FileResult, job_timeout: timedelta
) -> None:
    """Record items in one transaction; where the database refuses one, each in its own."""
    channel = Channel("import", result.file)
    try:
        counts = _written(begin, items, job_timeout, channel)
    except _OUTAGES:
        raise
    except sa.exc.DBAPIError as error:
        if len(items) > 1:
            for item in items:
                _record(begin, [item], result, job_timeout)
            return
        reason = f"must suit the database: {str(error.orig).partition(chr(10))[0]}"
        result.refuse(Fault(_place_of(items[0]), reason))
        return
    result.counts += counts


def _written(
    begin: Transaction, items: Sequence[Item], job_timeout: timedelta, channel: Channel
) -> Counts:
    for _ in range(_DEADLOCKS):
        try:
            with begin() as connection:
                return _write(connection, items, job_timeout, channel)
        except sa.exc.OperationalError as error:
            if getattr(error.orig, "sqlstate", None) != _DEADLOCK:
                raise
    with begin() as connection:
        return _write(connection, items, job_timeout, channel)


def _place_of(item: Item) -> str:
    if isinstance(item, Imported):
        return f"{item.updates[0].kpi_id} at {item.updates[0].timestamp_text}"
    return f"job {item.trace_id}" if isinstance(item, JobRecord) else ""


def _write(
    connection: sa.Connection, items: Sequence[Item], job_timeout: timedelta, channel: Channel
) -> Counts:
    readings = [item for item in items if isinstance(item, Imported)]
    jobs = [item for item in items if isinstance(item, JobRecord)]
    updates = [update for item in readings for update in item.updates]
    accepted = land_readings(connection, updates, job_timeout=job_timeout, channel=channel)
    for item in readings:
        if item.analysis is not None:
            for update in item.updates:
                _write_analysis(connection, update, item.analysis)
    for job in sorted(jobs, key=lambda job: job.trace_id):
        _write_job(connection, job, job_timeout)
    return Counts(
        read=len(accepted),
        new=sum(not each.duplicate and each.replaced is None for each in accepted),
        duplicates=sum(each.duplicate for each in accepted),
        conflicts=sum(each.conflict for each in accepted),
        corrected=sum(each.replaced is not None for each in accepted),
        jobs=len(jobs),
    )


def _write_analysis(connection: sa.Connection, update: Any, analysis: Any) -> None:
    key = {"tenant_id": update.tenant_id, "trace_id": update.trace_id, "kpi_id": update.kpi_id}
    connection.execute(_ANALYSIS, {**key, "analysis": encode_json(analysis)})


def _write_job(connection: sa.Connection, job: JobRecord, timeout: timedelta) -> None:
    key = {"tenant_id": job.tenant_id, "trace_id": job.trace_id}
    connection.execute(
        _JOB,
        {
            **key,
            "created_at": job.created_at,
            "timeout_at": job.timeout_at or job.created_at + timeout,
            "waiting": any(kpi.status == "pending" for kpi in job.kpis),
        },
    )
    kpis = [asdict(kpi) for kpi in job.kpis]
    connection.execute(_JOB_KPIS, {**key, "kpis": encode_json(kpis)})
