"""A file through its mapping → records on this machine's disk, and tallies, in bounded memory."""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import IO, Any

from ingestion_pipeline.foundation.intake.grouping import to_the_end
from ingestion_pipeline.foundation.intake.looking import amounts_of
from ingestion_pipeline.foundation.intake.run import Counts, Run
from ingestion_pipeline.foundation.intake.sinks import Keeping, Records
from ingestion_pipeline.foundation.loading.refused import Refusals
from ingestion_pipeline.foundation.mapping.cells import EXACT
from ingestion_pipeline.foundation.mapping.refusals import Reason
from ingestion_pipeline.foundation.mapping.words import Mapped
from ingestion_pipeline.foundation.storage.file_kinds import Limits

MOST_WARNINGS = 100
_MOST_SUMS = 1_000
_OTHERS = "others"

Sums = dict[tuple[str, ...], Decimal]


@dataclass
class Reading:
    """What a file came to.

    Attributes:
        records: by label, in the mapping's order.
        not_read: columns of the file that the mapping does not read.
        sums: of the amounts, by label and by what they are summed by.
        file_says: what the file says of itself below its rows.
        warnings: the first of what checks of records found; `warned`: how many there are.
        of_file: what checks of the whole file found.
    """

    counts: Counts
    refusals: Refusals
    not_read: list[str]
    records: list[Records] = field(default_factory=list)
    sums: Sums = field(default_factory=lambda: defaultdict(Decimal))
    file_says: dict[str, str] = field(default_factory=dict)
    warnings: list[Reason] = field(default_factory=list)
    warned: int = 0
    of_file: list[Reason] = field(default_factory=list)

    def warn(self, found: tuple[Reason, ...]) -> None:
        """Note what checks of records found."""
        self.warnings += found[: MOST_WARNINGS - len(self.warnings)]
        self.warned += len(found)


@dataclass(frozen=True)
class Bounds:
    """How far a file is unpacked, and how many bytes of its refused rows are kept."""

    limits: Limits
    kept_bytes: int


def read(
    mapped: Mapped,
    open_file: Callable[[], IO[bytes]],
    folder: Path,
    *,
    file_name: str,
    tenant: str,
    bounds: Bounds,
) -> Reading:
    """Read a file by a mapping; once more, where its records turn out not to stand together.

    Args:
        mapped: the mapping.
        open_file: opens it from its beginning.
        folder: where records are written; it is the caller's to remove.
        file_name: for errors.
        tenant: whose ids are made.
        bounds: of reading it.

    Raises:
        WrongFileError, ContractError, MappingError: as `Run`.
    """
    keeping = {
        emit.label: Keeping(folder, emit, number) for number, emit in enumerate(mapped.emits)
    }

    def once(scattered: frozenset[bytes]) -> Reading:
        for each in keeping.values():
            each.restart()
        with open_file() as file:
            run = Run(
                mapped, file, file_name=file_name, tenant=tenant, limits=bounds.limits,
                scattered=scattered,
            )  # fmt: skip
            reading = _read(run, keeping, Refusals(bounds.kept_bytes))
        reading.records = [each.records() for each in keeping.values()]
        return reading

    return to_the_end(once)


def _read(run: Run, keeping: dict[str, Keeping], refusals: Refusals) -> Reading:
    reading = Reading(run.counts, refusals, run.extra_columns)
    for label, columns in run.columns.items():
        keeping[label].columns = columns
    for part in run.parts():
        refusals.add(part.rejected)
        reading.warn(part.warnings)
        for made in part.made:
            keeping[made.emit.label].add(made)
            for by, amount in amounts_of(made):
                _sum(reading.sums, by, amount)
    reading.of_file = run.warnings
    reading.file_says = dict(run.compiler.footer)
    return reading


def _sum(sums: Sums, by: tuple[str, ...], amount: Decimal) -> None:
    if by not in sums and len(sums) >= _MOST_SUMS:  # the values that are summed by may be any texts
        by = (by[0], _OTHERS)
    sums[by] = EXACT.add(sums[by], amount)


def sums_document(sums: Sums) -> list[dict[str, Any]]:
    """Sums as they are kept and told."""
    return [{"of": list(by), "amount": format(amount, "f")} for by, amount in sorted(sums.items())]
