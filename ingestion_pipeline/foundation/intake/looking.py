"""What a file would come to by a mapping, before anything is loaded: whoever writes one looks here,
at the sums above all.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from ingestion_pipeline.foundation.intake.grouping import ScatteredError
from ingestion_pipeline.foundation.intake.run import Counts, Made, Run
from ingestion_pipeline.foundation.mapping.cells import EXACT
from ingestion_pipeline.foundation.mapping.refusals import Reason, Rejected
from ingestion_pipeline.foundation.mapping.words import Mapped
from ingestion_pipeline.foundation.storage.file_kinds import Limits

TENANT = "check"  # whose ids the records have that are shown


@dataclass
class Looked:
    """What a file would come to.

    Attributes:
        used: columns that the mapping reads; `extra`: those that it does not.
        examples: the first records of each label.
        rejected: the first rows that would be refused.
        rejected_rows: how many there are.
        sums: of the amounts, by label and by what they are summed by.
        footer: what the file says of itself below its rows.
        warnings: the first of what checks found; `warned`: how many there are.
    """

    counts: Counts
    used: list[str]
    extra: list[str]
    examples: dict[str, list[dict[str, Any]]] = field(default_factory=lambda: defaultdict(list))
    rejected: list[Rejected] = field(default_factory=list)
    rejected_rows: int = 0
    sums: dict[tuple[str, ...], Decimal] = field(default_factory=dict)
    footer: dict[str, str] = field(default_factory=dict)
    warnings: list[Reason] = field(default_factory=list)
    warned: int = 0


def look_at(mapped: Mapped, path: Path, *, most: int, limits: Limits | None = None) -> Looked:
    """Read a file by a mapping, and load nothing.

    Args:
        most: examples, refused rows and warnings to keep.
        limits: of what a packed file may come to.

    Raises:
        WrongFileError, MappingError, ContractError: as `Run`.
    """
    scattered: frozenset[bytes] = frozenset()
    while True:
        try:
            return _looked(mapped, path, most=most, limits=limits, scattered=scattered)
        except ScatteredError as error:
            scattered = error.keys


def _looked(
    mapped: Mapped, path: Path, *, most: int, limits: Limits | None, scattered: frozenset[bytes]
) -> Looked:
    with path.open("rb") as file:
        run = Run(
            mapped, file, file_name=path.name, tenant=TENANT, limits=limits, scattered=scattered
        )
        looked = Looked(run.counts, list(mapped.uses), run.extra_columns)
        for part in run.parts():
            looked.rejected += part.rejected[: most - len(looked.rejected)]
            looked.rejected_rows += len(part.rejected)
            looked.warnings += part.warnings[: most - len(looked.warnings)]
            looked.warned += len(part.warnings)
            for made in part.made:
                shown = looked.examples[made.emit.label]
                shown += _records(made, most - len(shown))
                for by, amount in amounts_of(made):
                    looked.sums[by] = EXACT.add(looked.sums.get(by, Decimal(0)), amount)
    looked.warnings += run.warnings
    looked.warned += len(run.warnings)
    looked.footer = dict(run.compiler.footer)
    return looked


def _records(made: Made, most: int) -> list[dict[str, Any]]:
    return [dict(zip(made.names, row, strict=True)) for row in made.rows[:most]]


def amounts_of(made: Made) -> Iterator[tuple[tuple[str, ...], Decimal]]:
    """The amounts of records, each with the label and what it is summed by."""
    wanted = made.emit.target.sums
    if not wanted or any(name not in made.names for name in wanted):
        return
    at, *by = (made.names.index(name) for name in wanted)
    for row in made.rows:
        if row[at] is not None:
            yield (made.emit.label, *(str(row[place] or "-") for place in by)), Decimal(row[at])
