"""The checks of a mapping over records and files: what must be equal, and what came of it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal

from ingestion_pipeline.foundation.mapping.batch import Batch, Cell
from ingestion_pipeline.foundation.mapping.carrying import unsaid
from ingestion_pipeline.foundation.mapping.cells import Evaluate, added
from ingestion_pipeline.foundation.mapping.compiled import Compiler
from ingestion_pipeline.foundation.mapping.origins import Origins, columns_of
from ingestion_pipeline.foundation.mapping.refusals import Reason, Refusal
from ingestion_pipeline.foundation.mapping.words import Check, Constant, Mapped


@dataclass
class Outcome:
    """What came of a check so far.

    Attributes:
        asked: of how many records, or files; `failed`: of how many of them it does not hold.
        amounts: of a check over the whole file, its left side and the others.
    """

    name: str
    asked: int = 0
    failed: int = 0
    amounts: tuple[Decimal, ...] = ()


@dataclass
class _Asked:
    """A check, as it is asked: sums: of a whole file so far, the left side's first."""

    check: Check
    values: list[Evaluate]
    outcome: Outcome
    sums: list[Cell] = field(default_factory=list)


class Checks:
    """The checks of a mapping, for one file."""

    def __init__(self, mapped: Mapped, compiler: Compiler) -> None:
        self._compiler = compiler
        self._origins = Origins(mapped, compiler)
        self._asked = [
            _Asked(
                each,
                [compiler.value(value, "number") for value in (each.left, *each.rights)],
                Outcome(each.name),
                [""] * (1 + len(each.rights)),
            )
            for each in mapped.checks
        ]

    @property
    def outcomes(self) -> list[Outcome]:
        """What came of each, in the mapping's order."""
        return [each.outcome for each in self._asked]

    def watches(self) -> bool:
        """Whether any is over all rows."""
        return any(each.check.every_row for each in self._asked)

    def watch(self, batch: Batch) -> None:
        """Add rows to the checks over all rows: before some are passed over, each by itself."""
        rows = list(range(batch.size))
        alone = Batch(batch.columns, batch.lines, batch.texts, rows, rows)
        for asked in self._asked:
            if asked.check.every_row:
                self._add(asked, alone)

    def of_records(self, batch: Batch, reasons: Mapping[int, list[Reason]]) -> Iterator[Reason]:
        """Ask of each record; what rejects it goes to the reasons, the rest is given out."""
        heads = batch.heads()
        for asked in self._asked:
            if asked.check.whole_file:
                if not asked.check.every_row:
                    self._add(asked, batch)
                continue
            columns = [self._compiler.numbers(value(heads)) for value in asked.values]
            for start, cells in zip(batch.starts, zip(*columns, strict=True), strict=True):
                reason = self._compared(asked, cells, batch.lines[start])
                if reason is not None:
                    at = self._columns(asked.check, cells, batch, start)
                    reason = replace(reason, columns=at)
                if reason is not None and asked.check.rejects:
                    reasons[start].append(reason)
                elif reason is not None:
                    yield reason

    def _columns(
        self, check: Check, cells: Sequence[Cell], batch: Batch, row: int
    ) -> tuple[str, ...]:
        """The columns that a check could not read; else all that it compares."""
        sides = (check.left, *check.rights)
        for side, cell in zip(sides, cells, strict=True):
            if isinstance(cell, Refusal):
                return self._origins.of_cell(side, batch, row)
        return self._origins.called([name for side in sides for name in columns_of(side)])

    def of_file(self) -> list[Reason]:
        """What those over the whole file found, when all of it was read."""
        empty = Batch({}, [0], [""], [0], [0])
        found = []
        for asked in self._asked:
            if asked.check.whole_file:
                cells = [
                    total if total != "" else self._at_end(value, empty)
                    for total, value in zip(asked.sums, asked.values, strict=True)
                ]
                found.append(self._unsaid(asked, cells) or self._compared(asked, cells, 0))
        return [reason for reason in found if reason is not None]

    def _unsaid(self, asked: _Asked, cells: list[Cell]) -> Reason | None:
        """What a check lacks of the lines below the rows: nothing said is not 0.

        A side that the file does not say is taken out of the cells where another one is left.
        """
        check, footer = asked.check, self._compiler.footer
        names = [unsaid(side, footer) for side in (check.left, *check.rights)]
        if names[0] is None and None in names[1:]:
            cells[:] = [cell for cell, name in zip(cells, names, strict=True) if name is None]
            return None
        asked.outcome.asked += 1
        asked.outcome.failed += 1
        name = next(each for each in names if each is not None)
        said = [each for each, text in footer.items() if text]
        told = f"; it says {', '.join(map(repr, said))}" if said else ""
        rule = f"{check.name}: the file says no {name!r} below its rows{told}"
        return Reason(0, "check", rule)

    def _add(self, asked: _Asked, batch: Batch) -> None:
        sides = (asked.check.left, *asked.check.rights)
        for place, value in enumerate(asked.values):
            if isinstance(sides[place], Constant):
                continue  # it counts once, and not once a record
            firsts = self._compiler.numbers(value(batch.heads()))
            asked.sums[place] = added((asked.sums[place], *firsts))

    def _at_end(self, value: Evaluate, empty: Batch) -> Cell:
        try:
            cell: Cell = self._compiler.numbers(value(empty))[0]
        except KeyError:  # of a column: no row had anything
            return Decimal(0)
        return cell

    def _compared(self, asked: _Asked, cells: Sequence[Cell], line: int) -> Reason | None:
        check, outcome = asked.check, asked.outcome
        outcome.asked += 1
        for cell in cells:
            if isinstance(cell, Refusal):
                outcome.failed += 1
                said = f"{check.name}: a part of it {cell.rule}"
                return Reason(line, "check", said, cell.value)
        amounts = tuple(cell if isinstance(cell, Decimal) else Decimal(0) for cell in cells)
        left, *rights = amounts
        if check.whole_file:
            outcome.amounts = amounts
        if any(abs(left - right) <= check.within for right in rights):
            return None
        outcome.failed += 1
        others = " or ".join(format(right, "f") for right in rights)
        return Reason(line, "check", f"{check.name}: {left:f} is not {others}")
