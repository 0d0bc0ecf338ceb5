"""The shell's way: files of a folder → finals, without the queue.

A file's record is made in the transaction that stages it, so a killed ingest leaves either a
staged file, which any later load merges, or nothing. While one file is parsed, the one before it
is merged on another connection: parents are staged first, so the order of merging is right.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

import sqlalchemy as sa

from ingestion_pipeline.domains.commerce.contract.entities import (
    DOMAIN,
    ENTITIES,
    Entity,
    entity_of_file,
)
from ingestion_pipeline.domains.commerce.land.stage import Bounds, Reading, land_file
from ingestion_pipeline.domains.commerce.merge.claimed import merge_claimed
from ingestion_pipeline.domains.commerce.merge.uploads import (
    after_staging,
    lock_everything,
    merge_upload,
    merge_waiting,
)
from ingestion_pipeline.foundation.errors import ContractError
from ingestion_pipeline.foundation.ledger import tenants, uploads
from ingestion_pipeline.foundation.ledger.uploads import Counts

BytesRead = Callable[[Path, int], None]


@dataclass(frozen=True)
class FileResult:
    """What became of one file; `error` when it could not be used as a whole."""

    file: str
    tenant: str
    type: str
    counts: Counts
    seconds: float
    error: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """The file's entry in `ingest --json`."""
        entry = {"file": self.file, "tenant": self.tenant, "type": self.type}
        entry |= asdict(self.counts) | {"seconds": round(self.seconds, 3)}
        return entry | ({"error": self.error} if self.error else {})


@dataclass(frozen=True)
class IngestResult:
    """What became of all files."""

    files: list[FileResult]
    rejected_by_reason: dict[str, int]

    @property
    def totals(self) -> Counts:
        """The sum over all files."""
        return sum((result.counts for result in self.files), Counts())

    def as_dict(self) -> dict[str, Any]:
        """The document that `ingest --json` prints."""
        return {
            "files": [result.as_dict() for result in self.files],
            "totals": asdict(self.totals),
            "rejected_by_reason": self.rejected_by_reason,
        }


def data_files(folder: Path) -> tuple[list[tuple[Path, Entity]], list[str]]:
    """The data files of a folder in order of loading (parents first, then by name).

    Returns:
        the files, and for every other file the reason why it is none; hidden files are passed over.
    """
    files: list[tuple[Path, Entity]] = []
    others: list[str] = []
    for path in sorted(folder.iterdir()):
        if path.is_file() and not path.name.startswith("."):
            try:
                files.append((path, entity_of_file(path.name)))
            except ContractError as error:
                others.append(str(error))
    order = list(ENTITIES)
    return sorted(files, key=lambda pair: order.index(pair[1].name)), others


def merge_folder(
    engine: sa.Engine,
    files: Sequence[tuple[Path, Entity]],
    *,
    tenant: str,
    bounds: Bounds,
    bytes_read: BytesRead | None = None,
) -> IngestResult:
    """Load files into the final tables.

    Args:
        engine: of a migrated database.
        files: as `data_files` orders them.
        tenant: whose files they are; made if there is none of that name.
        bounds: of reading each.
        bytes_read: called with a file and how many of its bytes have been read.
    """
    with engine.begin() as connection:
        tenant_id = tenants.ensure(connection, tenant)
    loads: list[_Load] = []
    # One worker: merges run in the order of staging, beside the parsing of the next file.
    with ThreadPoolExecutor(1, thread_name_prefix="merge") as merger:
        for path, entity in files:
            load = _Load(path, entity, tenant, bounds)
            loads.append(load)
            with load.timed(), _reported(path, bytes_read) as (file, report):
                try:
                    with engine.begin() as connection:
                        load.stage(connection, tenant_id, file, report)
                except ContractError as error:
                    with engine.begin() as connection:
                        load.fail(connection, tenant_id, error)
                    continue
            load.merging = merger.submit(_merge, engine, load)
        for load in loads:
            if load.merging is not None:
                load.merging.result()
    for entity in ENTITIES.values():
        merge_claimed(engine, entity)  # what a killed ingest left, and rows that waited for ours
    with engine.connect() as connection:
        return _result(connection, loads)


def dry_run(
    engine: sa.Engine,
    files: Sequence[tuple[Path, Entity]],
    *,
    tenant: str,
    bounds: Bounds,
    bytes_read: BytesRead | None = None,
) -> IngestResult:
    """What `merge_folder` would do: the same work in one transaction that is rolled back."""
    with engine.connect() as connection, connection.begin() as transaction:
        tenant_id = tenants.ensure(connection, tenant)
        lock_everything(connection, tenant_id)
        loads: list[_Load] = []
        for path, entity in files:
            load = _Load(path, entity, tenant, bounds)
            loads.append(load)
            with load.timed(), _reported(path, bytes_read) as (file, report):
                savepoint = connection.begin_nested()
                try:
                    load.stage(connection, tenant_id, file, report)
                except ContractError as error:
                    savepoint.rollback()
                    load.fail(connection, tenant_id, error)
                    continue
                after_staging(connection, entity)
                [upload] = uploads.find(connection, [load.upload_id])
                merge_upload(connection, upload)
                for child in ENTITIES.values():
                    merge_waiting(connection, tenant_id, child)
        result = _result(connection, loads)
        transaction.rollback()
    return result


class _Load:
    """One file on its way."""

    def __init__(self, path: Path, entity: Entity, tenant: str, bounds: Bounds) -> None:
        self.path = path
        self.entity = entity
        self.tenant = tenant
        self.bounds = bounds
        self.upload_id = 0
        self.reading = Reading()
        self.seconds = 0.0
        self.error: str | None = None
        self.merging: Any = None

    @contextmanager
    def timed(self) -> Iterator[None]:
        started = time.perf_counter()
        yield
        self.seconds += time.perf_counter() - started

    def stage(
        self, connection: sa.Connection, tenant_id: int, file: IO[bytes], report: Any
    ) -> None:
        self._record(connection, tenant_id, error=None)
        [upload] = uploads.find(connection, [self.upload_id])
        self.reading = land_file(connection, upload, file, bounds=self.bounds, progress=report)

    def fail(self, connection: sa.Connection, tenant_id: int, error: ContractError) -> None:
        self.error = str(error)
        self._record(connection, tenant_id, error=self.error)

    def _record(self, connection: sa.Connection, tenant_id: int, *, error: str | None) -> None:
        upload_id = uploads.record(
            connection, tenant_id=tenant_id, domain=DOMAIN, type_=self.entity.name,
            file_name=self.path.name, source="ingest", location=self.path.absolute().as_uri(),
            size=self.path.stat().st_size, error=error,
        )  # fmt: skip
        assert upload_id is not None, "only a source key can be taken"  # noqa: S101
        self.upload_id = upload_id


def _merge(engine: sa.Engine, load: _Load) -> None:
    with load.timed():
        merge_claimed(engine, load.entity)


@contextmanager
def _reported(path: Path, bytes_read: BytesRead | None) -> Iterator[tuple[IO[bytes], Any]]:
    """Open a file, with a callback that reports how far it has been read."""
    with path.open("rb") as file:

        def report(_: int) -> None:
            if bytes_read:
                bytes_read(path, file.tell())

        yield file, report


def _result(connection: sa.Connection, loads: list[_Load]) -> IngestResult:
    counts = uploads.counts_of(connection, [load.upload_id for load in loads])
    reasons: dict[str, int] = {}
    for load in loads:
        for reason, number in load.reading.rejected_by_reason.items():
            reasons[reason] = reasons.get(reason, 0) + number
    return IngestResult(
        files=[
            FileResult(
                file=load.path.name, tenant=load.tenant, type=load.entity.name,
                counts=counts[load.upload_id], seconds=load.seconds, error=load.error,
            )
            for load in loads
        ],
        rejected_by_reason=dict(sorted(reasons.items(), key=lambda item: (-item[1], item[0]))),
    )  # fmt: skip
