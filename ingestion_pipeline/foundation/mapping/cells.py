"""What is made of the cells of a row: of these small functions compiled values are put together."""

from collections.abc import Callable, Sequence
from decimal import Context, Decimal, Inexact, Overflow, localcontext
from typing import Any

from ingestion_pipeline.foundation.mapping.batch import Batch, Cell
from ingestion_pipeline.foundation.mapping.refusals import Refusal

EXACT = Context(prec=500, traps=[Inexact, Overflow])
"""Of all arithmetic: Python's own context rounds to 28 digits without a word."""
_DIVISION = Context(prec=60)  # of a quotient, which is rounded as the mapping says

Evaluate = Callable[[Batch], Sequence[Cell]]
Decide = Callable[[Batch], list[bool | Refusal]]


def as_number(read: Callable[[str], Decimal | Refusal]) -> Callable[[Cell], Cell]:
    """A cell as a number; nothing stays nothing, and a refusal what it is."""

    def number(cell: Cell) -> Cell:
        return read(cell) if isinstance(cell, str) and cell else cell

    return number


def once(inside: Evaluate) -> Evaluate:
    """What is worked out once a batch, whoever asks."""

    def evaluate(batch: Batch) -> Sequence[Cell]:
        cells = batch.made.get(evaluate)
        if cells is None:
            cells = batch.made[evaluate] = inside(batch)
        return cells

    return evaluate


def first_of(values: list[Evaluate]) -> Evaluate:
    """The first that is not empty."""
    first, *others = values

    def evaluate(batch: Batch) -> Sequence[Cell]:
        cells = first(batch)
        for other in others:
            if "" not in cells:
                break
            cells = [a if a != "" else b for a, b in zip(cells, other(batch), strict=True)]
        return cells

    return evaluate


def template(parts: list[str | Evaluate]) -> Evaluate:
    """Texts and columns, one behind the other, with single spaces; all columns empty is nothing."""

    def join(row: tuple[Cell, ...]) -> Cell:
        texts, said = [], False
        for part, cell in zip(parts, row, strict=True):
            if isinstance(cell, Refusal):
                return cell
            texts.append(str(cell))
            said = said or (cell != "" and not isinstance(part, str))
        return " ".join("".join(texts).split()) if said else ""

    def evaluate(batch: Batch) -> Sequence[Cell]:
        columns = [[part] * batch.size if isinstance(part, str) else part(batch) for part in parts]
        return [join(row) for row in zip(*columns, strict=True)]

    return evaluate


def first_in_group(inside: Evaluate) -> Evaluate:
    """For each row, the first of its record's cells that says something."""

    def evaluate(batch: Batch) -> Sequence[Cell]:
        rows = batch.whole or batch
        firsts: list[Cell] = [""] * _records(rows)
        for record, cell in zip(rows.record_of, inside(rows), strict=True):
            if firsts[record] == "":
                firsts[record] = cell
        return _by_row(batch, firsts)

    return evaluate


def total_in_group(inside: Evaluate) -> Evaluate:
    """For each row, the sum of its record's cells, which are numbers; of nothing, nothing."""
    add = EXACT.add

    def evaluate(batch: Batch) -> Sequence[Cell]:
        rows = batch.whole or batch
        cells = inside(rows)
        if set(map(type, cells)) == {Decimal} and len(rows.starts) == _records(rows):
            return _by_row(batch, _sums(cells, rows.starts))
        totals: list[Cell] = [""] * _records(rows)
        for record, cell in zip(rows.record_of, cells, strict=True):
            if isinstance(cell, str):
                continue
            before = totals[record]
            if isinstance(before, str) or isinstance(cell, Refusal):
                totals[record] = before if isinstance(before, Refusal) else cell
            elif isinstance(before, Decimal) and isinstance(cell, Decimal):
                totals[record] = add(before, cell)
        return _by_row(batch, totals)

    return evaluate


def _sums(cells: Sequence[Any], starts: list[int]) -> list[Cell]:
    """The sums of records of which each cell is a number."""
    ends = [*starts[1:], len(cells)]
    with localcontext(EXACT):
        return [
            cells[start] if end - start == 1 else sum(cells[start + 1 : end], cells[start])
            for start, end in zip(starts, ends, strict=True)
        ]


def _records(rows: Batch) -> int:
    """So many records, also those of which no row is left."""
    return rows.record_of[-1] + 1 if rows.record_of else 0


def _by_row(batch: Batch, of_records: list[Cell]) -> Sequence[Cell]:
    if batch.whole is None:
        return [of_records[record] for record in batch.record_of]
    return [of_records[batch.whole.record_of[start]] for start in batch.whole.starts]


def choice(when: Decide, then: Evaluate, otherwise: Evaluate) -> Evaluate:
    """One value where a condition holds, the other where it does not."""

    def evaluate(batch: Batch) -> Sequence[Cell]:
        rows = zip(when(batch), then(batch), otherwise(batch), strict=True)
        return [holds if isinstance(holds, Refusal) else a if holds else b for holds, a, b in rows]

    return evaluate


def all_of(tests: list[list[bool | Refusal]]) -> list[bool | Refusal]:
    """Row by row, whether all hold; a refusal counts where the tests before it hold."""
    if len(tests) == 1:
        return tests[0]
    return [
        next((each for each in row if each is not True), True) for row in zip(*tests, strict=True)
    ]


def any_of(ways: list[list[bool | Refusal]]) -> list[bool | Refusal]:
    """Row by row, whether any holds; a refusal counts where none before it does."""
    if len(ways) == 1:
        return ways[0]
    return [
        next((each for each in row if each is not False), False) for row in zip(*ways, strict=True)
    ]


def added(row: tuple[Cell, ...]) -> Cell:
    """The sum; nothing counts 0, and nothing at all is nothing."""
    total: Decimal | None = None
    for cell in row:
        if isinstance(cell, Refusal):
            return cell
        if isinstance(cell, Decimal):
            total = cell if total is None else EXACT.add(total, cell)
    return "" if total is None else total


def multiplied(row: tuple[Cell, ...], sign: int) -> Cell:
    """The product; of nothing, nothing."""
    product = Decimal(sign)
    for cell in row:
        if not isinstance(cell, Decimal):
            return cell
        product = EXACT.multiply(product, cell)
    return product


def divided(row: tuple[Cell, ...], sign: int) -> Cell:
    """The first by the second, to far more digits than it is rounded to; of nothing, nothing."""
    dividend, divisor = row
    for cell in row:
        if not isinstance(cell, Decimal):
            return cell
    if divisor == 0:
        return Refusal("is divided by 0")
    return _DIVISION.divide(dividend, divisor) * sign  # type: ignore[arg-type]
