"""The shell's way: reports of a folder → `sales_events`, without the queue."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from ingestion_pipeline.domains.book_sales.contract.events import DOMAIN, Parsed
from ingestion_pipeline.domains.book_sales.merge.events import Origin, merge_events
from ingestion_pipeline.domains.book_sales.sources import reports
from ingestion_pipeline.domains.book_sales.sources.formats.notation import NOTHING_TOLD, Told
from ingestion_pipeline.domains.book_sales.sources.registry import (
    PLATFORMS,
    Platform,
    canonical,
    parser_of,
)
from ingestion_pipeline.domains.book_sales.sources.reports import COUNTS
from ingestion_pipeline.foundation.errors import ContractError
from ingestion_pipeline.foundation.ledger import tenants, uploads


@dataclass(frozen=True)
class ReportResult:
    """What became of one report; `error` when it could not be used as a whole."""

    file: str
    counts: dict[str, int]
    remarks: dict[str, Any]
    error: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """The report's entry in `import-report --json`."""
        entry = {"file": self.file, **self.counts, **self.remarks}
        return entry | ({"error": self.error} if self.error else {})


@dataclass(frozen=True)
class ImportResult:
    """What became of all reports."""

    files: list[ReportResult]

    @property
    def totals(self) -> dict[str, int]:
        """The sums over all reports."""
        return {name: sum(file.counts[name] for file in self.files) for name in COUNTS}

    def as_dict(self) -> dict[str, Any]:
        """The document that `import-report --json` prints."""
        return {"files": [file.as_dict() for file in self.files], "totals": self.totals}


def merge_reports(
    engine: sa.Engine,
    paths: Sequence[Path],
    *,
    platform: str,
    tenant: str,
    keeps: int,
    told: Told = NOTHING_TOLD,
    among: Mapping[str, Platform] = PLATFORMS,
) -> ImportResult:
    """Load reports in the given order, each in a transaction of its own; `told` is of all of them.

    `keeps` is as `merge_events` has it, `among` the platforms that there are.

    Raises:
        ContractError: there is no such platform, or it has no reports.
    """
    parser_of(platform, among)
    platform = canonical(platform)
    with engine.begin() as connection:
        tenant_id = tenants.ensure(connection, tenant)

    def read(path: Path) -> Parsed:
        return reports.read(
            path.read_bytes(), platform=platform, file_name=path.name, told=told, tenant=tenant,
            among=among,
        )  # fmt: skip

    return ImportResult(
        [_import(engine, path, platform, tenant_id, read=read, keeps=keeps) for path in paths]
    )


def _import(
    engine: sa.Engine, path: Path, platform: str, tenant_id: int, *,
    read: Callable[[Path], Parsed], keeps: int,
) -> ReportResult:  # fmt: skip
    received_at = datetime.now(UTC)
    try:
        parsed = read(path)
    except ContractError as error:
        with engine.begin() as connection:
            _record(connection, path, platform, tenant_id, error=str(error))
        return ReportResult(path.name, dict.fromkeys(COUNTS, 0), {"passed_over": {}}, str(error))
    with engine.begin() as connection:
        origin = Origin(
            tenant_id=tenant_id, platform=platform, source_file=path.name,
            received_at=received_at, upload_id=_record(connection, path, platform, tenant_id),
            as_of=reports.time_of(parsed, file_name=path.name, received_at=received_at),
        )  # fmt: skip
        counts = merge_events(connection, origin, parsed, keeps=keeps)
        refused = reports.refusal(parsed)
        if refused is not None and origin.upload_id is not None:
            uploads.update(connection, origin.upload_id, status="failed", error=str(refused))
    said = str(refused) if refused else None
    return ReportResult(path.name, reports.numbers(counts), reports.remarks(parsed), said)


def _record(
    connection: sa.Connection, path: Path, platform: str, tenant_id: int, error: str | None = None
) -> int:
    upload_id = uploads.record(
        connection, tenant_id=tenant_id, domain=DOMAIN, type_=platform, file_name=path.name,
        source="import-report", location=path.absolute().as_uri(), size=path.stat().st_size,
        error=error.replace("\x00", "\\x00") if error else None,
    )  # fmt: skip
    assert upload_id is not None, "only a source key can be taken"  # noqa: S101
    return upload_id
