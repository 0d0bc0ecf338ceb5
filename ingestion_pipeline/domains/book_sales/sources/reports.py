"""A report's bytes → its events, and what its result says; for the queue and for the shell."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from ingestion_pipeline.domains.book_sales.contract.events import Parsed
from ingestion_pipeline.domains.book_sales.sources.formats.as_of import as_of
from ingestion_pipeline.domains.book_sales.sources.formats.notation import Told
from ingestion_pipeline.domains.book_sales.sources.mapped import MappedReports
from ingestion_pipeline.domains.book_sales.sources.registry import PLATFORMS, Platform, parser_of
from ingestion_pipeline.foundation.errors import ContractError
from ingestion_pipeline.foundation.ledger.uploads import Counts

COUNTS = ("rows", "rejected", "inserted", "updated", "unchanged", "left_alone")
_SHOWN = 5


def read(
    content: bytes,
    *,
    platform: str,
    file_name: str,
    told: Told,
    tenant: str,
    among: Mapping[str, Platform] = PLATFORMS,
) -> Parsed:
    """The events of a report.

    Args:
        content: of the file.
        platform: whose report it is.
        file_name: as it came.
        told: what its values need not decide.
        tenant: whose it is: a mapping may make ids of that.
        among: the platforms that there are.

    Raises:
        ContractError: it is none, or leaves open how it is to be read.
    """
    parse = parser_of(platform, among)
    if isinstance(parse, MappedReports):
        parse = replace(parse, tenant=tenant)
    return parse(content, file_name=file_name, told=told)


def time_of(parsed: Parsed, *, file_name: str, received_at: datetime) -> datetime | None:
    """What a report says of its own time; None: nothing."""
    return as_of(
        created=parsed.created, period_end=parsed.period_end, file_name=file_name,
        received_at=received_at,
        newest_day=max((event.occurred_at for event in parsed.events), default=None),
    )  # fmt: skip


def refusal(parsed: Parsed) -> ContractError | None:
    """Why a report has failed although it could be read: none of its rows could be used."""
    if not parsed.rejected or parsed.events:
        return None
    counted: dict[str, int] = {}
    for row in parsed.rejected:
        for reason in row.reasons:
            said = f"{reason.get('field', 'row')}: {reason.get('rule', '')}"
            counted[said] = counted.get(said, 0) + 1
    commonest = sorted(counted.items(), key=lambda pair: -pair[1])[:_SHOWN]
    reasons = "; ".join(f"{said} ({number} rows)" for said, number in commonest)
    return ContractError(f"file: all of its {len(parsed.rejected)} rows are rejected: {reasons}")


def numbers(counts: Counts) -> dict[str, int]:
    """What became of a report's rows; `left_alone` are told otherwise by a newer report."""
    return {
        "rows": counts.lines, "rejected": counts.rejected, "inserted": counts.inserted,
        "updated": counts.updated, "unchanged": counts.unchanged,
        "left_alone": counts.superseded,
    }  # fmt: skip


def remarks(parsed: Parsed) -> dict[str, Any]:
    """What a result says besides: rows passed over, lines of a text, and what is strange."""
    said: dict[str, Any] = {"passed_over": parsed.passed_over}
    if parsed.lines:
        said["lines"] = parsed.lines
    if parsed.warnings:
        said["warnings"] = parsed.warnings
    return said
