"""A file through a mapping: batches of records that were made, of rows that were refused, counts.

    lines = blank + preamble + footer + passed over (each by its name) + rejected + used

A record of several rows stands or falls together: where a row of it is refused, the others are
refused with it, and each says why.
"""

import uuid
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import IO, Any

from ingestion_pipeline.foundation.intake.formats import open_table
from ingestion_pipeline.foundation.intake.grouping import ScatteredError, Together, batches_of
from ingestion_pipeline.foundation.intake.records import Record
from ingestion_pipeline.foundation.intake.tables import Table
from ingestion_pipeline.foundation.mapping.checking import Outcome
from ingestion_pipeline.foundation.mapping.compiled import Compiler
from ingestion_pipeline.foundation.mapping.making import Maker
from ingestion_pipeline.foundation.mapping.refusals import Reason, Rejected
from ingestion_pipeline.foundation.mapping.words import Emit, Mapped
from ingestion_pipeline.foundation.storage.file_kinds import Limits, WrongFileError
from ingestion_pipeline.foundation.uncollected import uncollected

SPACE = uuid.UUID("6ba7b811-9dad-11d1-80b4-00c04fd430c8")  # RFC 9562, 6.6: names that are URLs


@dataclass
class Counts:
    """What became of a file's physical lines, and what was made of them.

    Attributes:
        skipped: by the name that the mapping gives.
        made: records by the label that the mapping gives.
    """

    blank: int = 0
    preamble: int = 0
    footer: int = 0
    rejected: int = 0
    used: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    made: Counter[str] = field(default_factory=Counter)

    @property
    def lines(self) -> int:
        """All lines of the file."""
        around = self.blank + self.preamble + self.footer
        return around + self.skipped.total() + self.rejected + self.used


@dataclass(frozen=True)
class Made:
    """Records of a type, of a part of the file.

    Attributes:
        names: of their fields.
        rows: their values, as JSON has them; decimals and instants are texts.
        lines: the number of the first line of each one's row.
    """

    emit: Emit
    names: tuple[str, ...]
    rows: Sequence[tuple[Any, ...]]
    lines: Sequence[int]


@dataclass(frozen=True)
class Part:
    """What a part of a file came to.

    Attributes:
        warnings: of checks that do not reject: (line, what was found).
    """

    made: tuple[Made, ...]
    rejected: tuple[Rejected, ...] = ()
    warnings: tuple[Reason, ...] = ()


class Run:
    """A file, read once by a mapping.

    Attributes:
        counts: complete when all parts were taken.
        warnings: of checks over the whole file, likewise.
        checked: what came of each check, likewise.
    """

    def __init__(
        self,
        mapped: Mapped,
        file: IO[bytes],
        *,
        file_name: str,
        tenant: str,
        limits: Limits | None = None,
        scattered: frozenset[bytes] = frozenset(),
    ) -> None:
        """Begin to read a file.

        Args:
            file_name: for errors.
            tenant: whose ids are made.
            limits: of what a packed file may come to.
            scattered: what an earlier reading was ended by (`ScatteredError.keys`).

        Raises:
            WrongFileError: it is no file of this shape.
            ContractError: it is a workbook that is damaged or too large.
            MappingError: columns that the mapping names are not there.
        """
        space = uuid.uuid5(SPACE, f"{tenant}/{mapped.source}")
        self.compiler = Compiler(mapped, space)
        self.counts = Counts()
        self.warnings: list[Reason] = []
        self.checked: list[Outcome] = []
        self._mapped, self._scattered, self._file_name = mapped, scattered, file_name
        self._table: Table = open_table(file, mapped, file_name, limits)
        self.compiler.called = self._table.called
        self._maker = Maker(mapped, self.compiler)

    @property
    def missing_columns(self) -> list[str]:
        """Columns that the mapping reads where a file has them, and this one lacks."""
        return self._table.missing

    @property
    def extra_columns(self) -> list[str]:
        """Columns of the file that the mapping does not read."""
        return self._table.extra

    @property
    def columns(self) -> Mapping[str, Mapping[str, tuple[str, ...]]]:
        """By label and field, the columns of the file that it is from."""
        return self._maker.columns

    def parts(self) -> Iterator[Part]:
        """The file, part by part.

        Raises:
            WrongFileError: at the end: its dates have day and month the other way round.
            ScatteredError: at the end: what was made is not whole, and is to be thrown away.
        """
        return uncollected(self._parts())

    def _parts(self) -> Iterator[Part]:
        maker = self._maker
        self.checked = maker.checks.outcomes
        together = Together(self._mapped, self.compiler, self._scattered)
        together.watch = maker.checks.watch if maker.checks.watches() else None
        for batch, spans, refused in batches_of(
            self._rows(), together, self.counts.skipped, self._table.header
        ):
            made, rejected, warnings = maker.make(batch)
            lines = {row: spans[row] for row in range(batch.size)}
            for each in rejected:
                self.counts.rejected += lines.pop(each.row)
            self.counts.used += sum(lines.values())
            self.counts.rejected += sum(each.lines for each in refused)
            parts = []
            for emit, names, rows, numbers in made:
                self.counts.made[emit.label] += len(rows)
                parts.append(Made(emit, names, rows, numbers))
            told = [each.rejected for each in rejected] + [each.rejected for each in refused]
            yield Part(tuple(parts), tuple(told), tuple(warnings))
        if together.found:
            raise ScatteredError(self._scattered | together.found)
        self.counts.preamble = self._table.preamble
        self.counts.footer = self._table.footer_lines
        self.compiler.footer = self._table.footer
        if wrong := next(self.compiler.days.against(), None):
            raise WrongFileError(f"{self._file_name}: {wrong}")
        self.warnings = maker.checks.of_file()
        if "dates" in self._mapped.confirm:
            self.warnings += [Reason(0, "check", str(each)) for each in self.compiler.days.open()]

    def _rows(self) -> Iterator[Record]:
        for record in self._table.rows:
            if record.problem is None and _says_nothing(record.cells):
                self.counts.blank += record.lines
            else:
                yield record


def _says_nothing(cells: Sequence[str]) -> bool:
    for cell in cells:  # noqa: SIM110 (of most rows the first says something; all() takes thrice)
        if cell and not cell.isspace():
            return False
    return True
