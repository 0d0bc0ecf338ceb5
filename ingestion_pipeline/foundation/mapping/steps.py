"""What is done to a value, in this order: match, split, lookup, abs, negate, scale, round, default,
date."""

from collections.abc import Callable, Sequence
from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import TYPE_CHECKING, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from ingestion_pipeline.foundation.mapping.batch import Batch, Cell, Remembered
from ingestion_pipeline.foundation.mapping.cells import Evaluate
from ingestion_pipeline.foundation.mapping.moments import moment_reader
from ingestion_pipeline.foundation.mapping.refusals import Refusal
from ingestion_pipeline.foundation.mapping.words import Steps

if TYPE_CHECKING:
    from ingestion_pipeline.foundation.mapping.compiled import Compiler

_UTC = ZoneInfo("UTC")
_ROUNDING = Context(prec=500)
Step = Callable[[Cell], Cell]


def compile_steps(
    compiler: "Compiler", steps: Steps, wanted: Literal["text", "number", "instant"]
) -> Evaluate:
    """What makes a value's cells, and does the steps to each."""
    is_number = (
        steps.absolute or steps.negate or steps.scale is not None or steps.places is not None
    )
    of = compiler.value(steps.of, "number" if is_number and steps.lookup is None else wanted)
    texts = _in_turn([_match(steps), _split(steps)])
    looked_up = _lookup(compiler, steps, wanted)
    numbers = Remembered(_numbers(compiler, steps)) if is_number else None
    negated = compiler.condition(steps.negate) if not isinstance(steps.negate, bool) else None
    zoned = _zoned(compiler, steps)
    last = Remembered(_last(compiler, steps, wanted))

    def evaluate(batch: Batch) -> Sequence[Cell]:
        cells = of(batch)
        if texts is not None:
            cells = list(map(texts.__getitem__, cells))
        if looked_up is not None:
            cells = looked_up(batch, cells)
        if numbers is not None:
            cells = list(map(numbers.__getitem__, cells))
        if negated is not None:
            rows = zip(cells, negated(batch), strict=True)
            cells = [_negated(cell, turned) for cell, turned in rows]
        if zoned is not None:
            cells = zoned(batch, cells)
        return list(map(last.__getitem__, cells))

    return evaluate


def _in_turn(steps: list[Step | None]) -> Remembered | None:
    said = [step for step in steps if step is not None]
    if not said:
        return None

    def do(cell: Cell) -> Cell:
        for step in said:
            if not isinstance(cell, str) or not cell:
                return cell
            cell = step(cell)
        return cell

    return Remembered(do)


def _match(steps: Steps) -> Step | None:
    pattern = steps.match
    if pattern is None:
        return None

    def match(cell: Cell) -> Cell:
        found = pattern.search(str(cell))
        if found is None:
            return Refusal(f"does not match {pattern.pattern}", str(cell))
        return (found[1] or "") if pattern.groups else found[0]

    return match


def _split(steps: Steps) -> Step | None:
    if steps.split is None:
        return None
    separator, part = steps.split

    def split(cell: Cell) -> Cell:
        words = str(cell).split(separator)
        if part == "rest":
            return (separator or " ").join(words[1:]).strip()
        number = {"first": 0, "last": len(words) - 1}.get(str(part), 0)
        number = number if isinstance(part, str) else part - 1
        return words[number].strip() if number < len(words) else ""

    return split


def _lookup(
    compiler: "Compiler", steps: Steps, wanted: Literal["text", "number", "instant"]
) -> Callable[[Batch, Sequence[Cell]], Sequence[Cell]] | None:
    table = steps.lookup
    if table is None:
        return None
    known = ", ".join(table)
    otherwise = compiler.value(steps.otherwise, wanted) if steps.otherwise is not None else None

    def found(cell: Cell) -> Cell:
        if isinstance(cell, Refusal) or cell == "":
            return table.get("", cell) if cell == "" else cell
        text = table.get(str(cell))
        return Refusal(f"is none of {known}", str(cell)) if text is None else text

    remembered = Remembered(found)

    def look_up(batch: Batch, cells: Sequence[Cell]) -> Sequence[Cell]:
        if otherwise is None:
            return list(map(remembered.__getitem__, cells))
        rows = zip(cells, otherwise(batch), strict=True)
        return [table.get(str(cell), other) for cell, other in rows]

    return look_up


def _numbers(compiler: "Compiler", steps: Steps) -> Step:
    one = Decimal(1)

    def do(cell: Cell) -> Cell:
        number = compiler.number[cell]
        if not isinstance(number, Decimal):
            return number  # type: ignore[no-any-return]
        number = abs(number) if steps.absolute else number
        number = -number if steps.negate is True else number
        number = number if steps.scale is None else number.scaleb(steps.scale, _ROUNDING)
        if steps.places is not None:
            number = number.quantize(one.scaleb(-steps.places), ROUND_HALF_EVEN, _ROUNDING)
        return number

    return do


def _negated(cell: Cell, turned: bool | Refusal) -> Cell:
    if isinstance(turned, Refusal):
        return turned
    return -cell if turned and isinstance(cell, Decimal) else cell


def _zoned(
    compiler: "Compiler", steps: Steps
) -> Callable[[Batch, Sequence[Cell]], Sequence[Cell]] | None:
    """Times of which each row says the zone."""
    if steps.zone_of is None:
        return None
    zone_of = compiler.value(steps.zone_of)
    written, languages = steps.dates or compiler.mapped.dates, compiler.mapped.months

    watch = compiler.days.watched(moment_reader(written, _UTC, languages), written)

    def moment(cell: Cell, zone: Cell) -> Cell:
        if not isinstance(cell, str) or not cell or isinstance(zone, Refusal):
            return zone if cell and isinstance(zone, Refusal) else cell
        try:
            found = moment_reader(written, ZoneInfo(str(zone)), languages)(cell)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            return Refusal("is of a time zone that is not known", str(zone))
        watch(cell)
        return found

    return lambda batch, cells: list(map(moment, cells, zone_of(batch)))


def _last(compiler: "Compiler", steps: Steps, wanted: Literal["text", "number", "instant"]) -> Step:
    """The default in place of nothing, and dates as this field's source writes them."""
    default: Cell = steps.default or ""
    if steps.default and wanted != "text":
        default = compiler.constant(steps.default, wanted)
    written = steps.dates if steps.dates is not None else compiler.mapped.dates
    zone = steps.zone or compiler.mapped.zone or _UTC
    own_dates = steps.dates is not None or steps.zone is not None
    moment = (
        compiler.days.watched(moment_reader(written, zone, compiler.mapped.months), written)
        if own_dates and written else None
    )  # fmt: skip

    def do(cell: Cell) -> Cell:
        if cell == "":
            return default
        if moment is not None and isinstance(cell, str):
            return moment(cell)
        return cell

    return do
