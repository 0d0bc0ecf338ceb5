"""What a file would come to by a mapping, before anything is loaded: whoever writes one looks here,
at the sums above all. And what a file came to that is loaded: its parts are looked at on their way.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from difflib import get_close_matches
from hashlib import blake2b
from pathlib import Path
from typing import Any

from ingestion_pipeline.foundation.intake.grouping import to_the_end
from ingestion_pipeline.foundation.intake.run import Counts, Made, Part, Run
from ingestion_pipeline.foundation.mapping.cells import EXACT
from ingestion_pipeline.foundation.mapping.checking import Outcome
from ingestion_pipeline.foundation.mapping.occurrences import DIGEST_BYTES, Occurrences
from ingestion_pipeline.foundation.mapping.refusals import Reason, Rejected
from ingestion_pipeline.foundation.mapping.words import Mapped
from ingestion_pipeline.foundation.storage.file_kinds import Limits

TENANT = "check"  # whose ids the records have that are shown
_LIKELY = 0.8  # how much alike a missing and a new column are called


@dataclass
class Label:
    """The records of one label.

    Attributes:
        examples: the first of them.
        number: how many there are.
        repeated: how many have a key that came before in the file: of those with one key only one
            stays, so that sums over them are not what is loaded.
        filled: by field, in how many records it says something.
        spans: by field, the first and the last of its instants.
    """

    only_new: bool = False
    examples: list[dict[str, Any]] = field(default_factory=list)
    number: int = 0
    repeated: int = 0
    filled: Counter[str] = field(default_factory=Counter)
    spans: dict[str, tuple[str, str]] = field(default_factory=dict)


@dataclass
class Looked:
    """What a file would come to.

    Attributes:
        used: columns that the mapping reads; `extra`: those that it does not; `missing`: those that
            it reads where a file has them, and this one lacks.
        renamed: of the missing, which of the extra it may be called now.
        labels: what is made, by label.
        rejected: the first rows that would be refused.
        rejected_rows: how many there are; `reasons`: by field, columns of the file and rule, how
            many.
        sums: of the amounts, by label and by what they are summed by.
        footer: what the file says of itself below its rows.
        warnings: the first of what checks found; `warned`: how many there are.
        checked: what came of each check of the mapping.
    """

    counts: Counts
    used: list[str]
    extra: list[str]
    missing: list[str] = field(default_factory=list)
    renamed: dict[str, str] = field(default_factory=dict)
    labels: dict[str, Label] = field(default_factory=lambda: defaultdict(Label))
    rejected: list[Rejected] = field(default_factory=list)
    rejected_rows: int = 0
    reasons: Counter[tuple[str, tuple[str, ...], str]] = field(default_factory=Counter)
    sums: dict[tuple[str, ...], Decimal] = field(default_factory=dict)
    footer: dict[str, str] = field(default_factory=dict)
    warnings: list[Reason] = field(default_factory=list)
    warned: int = 0
    checked: list[Outcome] = field(default_factory=list)


class Looking:
    """Looks at the parts of a run, one after the other; what it keeps does not grow with them."""

    def __init__(self, mapped: Mapped, run: Run, *, most: int) -> None:
        """Begin to look.

        Args:
            most: examples, refused rows and warnings to keep.
        """
        self._run, self._most = run, most
        self._keys: dict[str, Occurrences] = defaultdict(Occurrences)
        self._looked = Looked(
            run.counts, list(mapped.uses), run.extra_columns, run.missing_columns,
            _renamed(run.missing_columns, run.extra_columns),
        )  # fmt: skip

    def add(self, part: Part) -> None:
        """Look at a part."""
        looked, most = self._looked, self._most
        looked.rejected += part.rejected[: most - len(looked.rejected)]
        looked.rejected_rows += len(part.rejected)
        for rejected in part.rejected:
            looked.reasons.update(
                {(each.field, each.columns, each.rule) for each in rejected.reasons}
            )
        looked.warnings += part.warnings[: most - len(looked.warnings)]
        looked.warned += len(part.warnings)
        for made in part.made:
            self._add_made(looked.labels[made.emit.label], made)
            for by, amount in amounts_of(made):
                looked.sums[by] = EXACT.add(looked.sums.get(by, Decimal(0)), amount)

    def end(self) -> Looked:
        """All that was seen, when all parts were taken."""
        looked, run = self._looked, self._run
        looked.warnings += run.warnings
        looked.warned += len(run.warnings)
        looked.footer = dict(run.compiler.footer)
        looked.checked = run.checked
        return looked

    def _add_made(self, label: Label, made: Made) -> None:
        label.only_new = made.emit.only_new
        first = made.rows[: self._most - len(label.examples)]
        label.examples += [dict(zip(made.names, row, strict=True)) for row in first]
        label.number += len(made.rows)
        kinds = {each.name: each.kind for each, _ in made.emit.fields}
        for name, cells in zip(made.names, zip(*made.rows, strict=True), strict=False):
            label.filled[name] += sum(cell not in (None, "", "{}") for cell in cells)
            if name == made.emit.target.key:
                label.repeated += self._repeated(made.emit.label, cells)
            instants = [cell for cell in cells if cell] if kinds.get(name) == "instant" else ()
            if instants:
                span = (*label.spans.get(name, ()), *instants)
                label.spans[name] = (min(span), max(span))

    def _repeated(self, label: str, keys: Sequence[Any]) -> int:
        digests = [
            blake2b(str(key).encode(errors="replace"), digest_size=DIGEST_BYTES).digest()
            for key in keys
        ]
        return sum(number > 1 for number in self._keys[label].number(digests))


def look_at(mapped: Mapped, path: Path, *, most: int, limits: Limits | None = None) -> Looked:
    """Read a file by a mapping, and load nothing.

    Args:
        most: examples, refused rows and warnings to keep.
        limits: of what a packed file may come to.

    Raises:
        WrongFileError, MappingError, ContractError: as `Run`.
    """

    def once(scattered: frozenset[bytes]) -> Looked:
        with path.open("rb") as file:
            run = Run(
                mapped, file, file_name=path.name, tenant=TENANT, limits=limits, scattered=scattered
            )
            looking = Looking(mapped, run, most=most)
            for part in run.parts():
                looking.add(part)
            return looking.end()

    return to_the_end(once)


def _renamed(missing: Sequence[str], extra: Sequence[str]) -> dict[str, str]:
    """What a missing column may be called now."""
    plain = {name.casefold(): name for name in extra}
    found = {
        name: get_close_matches(name.casefold(), plain, 1, _LIKELY) for name in missing
    }  # fmt: skip
    return {name: plain[near[0]] for name, near in found.items() if near}


def amounts_of(made: Made) -> Iterator[tuple[tuple[str, ...], Decimal]]:
    """The amounts of records, each with the label and what it is summed by."""
    wanted = made.emit.target.sums
    if not wanted or any(name not in made.names for name in wanted):
        return
    at, *by = (made.names.index(name) for name in wanted)
    for row in made.rows:
        if row[at] is not None:
            yield (made.emit.label, *(str(row[place] or "-") for place in by)), Decimal(row[at])
