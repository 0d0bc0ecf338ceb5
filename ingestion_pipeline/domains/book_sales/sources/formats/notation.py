"""How a report writes numbers and dates: decided by all of its own values together, or told.

Neither the delimiter nor the file's name nor the row before says whether `2,792` is two and a bit
or thousands, and whether `03/04/2026` is in March or in April. The values themselves do: `12.50`
has a decimal point, `13/04/2026` has its day first, and a date in the future was not meant. What
they leave open is refused with what decides it; what they contradict is refused, too.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

from ingestion_pipeline.domains.book_sales.sources.formats import dates as dates_
from ingestion_pipeline.domains.book_sales.sources.formats.numerals import COMMA, POINT, numeral
from ingestion_pipeline.foundation.errors import ContractError, FieldError
from ingestion_pipeline.foundation.workbooks.cells import Cell, Row, shown

DECIMALS = (POINT, COMMA)
ORDERS = (dates_.DMY, dates_.MDY)
_NAMES = {POINT: "a decimal point", COMMA: "a decimal comma", dates_.DMY: "the day first",
          dates_.MDY: "the month first", dates_.YMD: "the year first"}  # fmt: skip


def last_day() -> date:
    """The latest day that it is anywhere on earth: later ones are in the future."""
    return (datetime.now(UTC) + timedelta(hours=14)).date()


@dataclass(frozen=True)
class Told:
    """What somebody says of a report: `--decimal` and `--dates`; None: its values decide."""

    decimal: str | None = None
    dates: str | None = None

    def __post_init__(self) -> None:
        """See that both are known.

        Raises:
            ContractError: one is not.
        """
        for name, value, known in (
            ("decimal", self.decimal, DECIMALS), ("dates", self.dates, ORDERS),
        ):  # fmt: skip
            if value is not None and value not in known:
                rule = f"must be one of {' '.join(known)}"
                raise ContractError(f"{name}: {rule}", [FieldError(name, rule)])


NOTHING_TOLD = Told()


@dataclass(frozen=True)
class Notation:
    """How values are to be read.

    Attributes:
        decimal: the decimal sign; None where every number reads the same with either.
        order: of day and month; None where every date reads the same with either.
        last: the latest day that is not in the future.
        epoch_1904: whether day numbers count from 1904.
    """

    decimal: str | None = None
    order: str | None = None
    last: date = field(default_factory=last_day)
    epoch_1904: bool = False


@dataclass(frozen=True)
class Columns:
    """Where a table has what: positions of its columns.

    Attributes:
        amounts: numbers that are read.
        wholes: whole numbers that are read.
        dates: dates that are read.
    """

    amounts: Sequence[int] = ()
    wholes: Sequence[int] = ()
    dates: Sequence[int] = ()


@dataclass(frozen=True)
class _Value:
    """A value that can be read by some of the signs or orders only, or differently by them."""

    text: str
    row: int
    by_choice: dict[str, object]

    def is_open(self, choices: Iterable[str]) -> bool:
        """Whether it matters which of these choices is taken."""
        return len({str(self.by_choice[one]) for one in choices if one in self.by_choice}) > 1


def notation_of(
    tables: Iterable[tuple[Columns, Sequence[Row]]], told: Told, *, epoch_1904: bool = False
) -> Notation:
    """The notation of a report with these tables.

    Raises:
        ContractError: its values leave it open, or contradict one another.
    """
    last = last_day()
    amounts, moments = list[_Value](), list[_Value]()
    real: _Value | None = None
    for columns, rows in tables:
        for row in rows:
            amounts += _numbers(row, columns.amounts)
            amounts += _numbers(row, columns.wholes, whole=True)
            moments += _moments(row, columns.dates, last, epoch_1904=epoch_1904)
            real = real or _real_date(row, columns.dates)
    decimal = told.decimal or _decided("--decimal", "numbers", amounts, DECIMALS)
    order = told.dates
    if order is None and real is not None and moments:
        raise ContractError(
            f"file: dates are real dates (row {real.row}) and texts ({moments[0].text!r} in row "
            f"{moments[0].row}): a spreadsheet has read some of them in an order of its own; send "
            "the report as it was downloaded, or say --dates dmy or mdy"
        )
    order = order or _decided("--dates", "dates", moments, ORDERS)
    return Notation(decimal, order, last, epoch_1904)


def _decided(option: str, what: str, read: list[_Value], choices: Sequence[str]) -> str | None:
    """The choice that all values allow; None where it doesn't matter.

    Raises:
        ContractError: none allows all, or several do and it matters.
    """
    if not read:
        return None
    left = _common(option, what, read, choices)
    if not any(value.is_open(left) for value in read):
        return left[0]
    example = next(value for value in read if value.is_open(left))
    meanings = " or ".join(str(example.by_choice[one]) for one in left)
    raise ContractError(
        f"file: its {what} don't say how they are written: {example.text!r} in row {example.row} "
        f"is {meanings}; say {option} {' or '.join(choices)}"
    )


def _common(option: str, what: str, values: list[_Value], choices: Sequence[str]) -> list[str]:
    left = sorted({one for value in values for one in value.by_choice})
    against = values[0]
    for value in values:
        kept = [one for one in left if one in value.by_choice]
        if not kept:
            names = sorted(_NAMES.get(one, one) for one in left)
            raise ContractError(
                f"file: its {what} contradict one another: {against.text!r} in row {against.row} "
                f"has {' or '.join(names)}, {value.text!r} in row {value.row} has not; send the "
                f"report as it was downloaded, or say {option} {' or '.join(choices)}"
            )
        if len(kept) < len(left):
            against = value
        left = kept
    return left


def _numbers(row: Row, columns: Sequence[int], *, whole: bool = False) -> Iterable[_Value]:
    for cell in _texts(row, columns):
        found = numeral(cell)
        if found is None:
            continue
        found = found.whole() if whole else found
        value = _Value(cell, row.number, dict(found.by_sign))
        if value.is_open(DECIMALS) or len(value.by_choice) == 1:
            yield value


def _moments(row: Row, columns: Sequence[int], last: date, *, epoch_1904: bool) -> Iterable[_Value]:
    for cell in _texts(row, columns):
        found = dates_.readings(cell, epoch_1904=epoch_1904)
        past = {
            order: moment.at.date().isoformat()
            for order, moment in found.items()
            if order != dates_.CERTAIN and moment.at.date() <= last
        }
        if past:
            yield _Value(cell, row.number, dict(past))


def _real_date(row: Row, columns: Sequence[int]) -> _Value | None:
    for position in columns:
        cell = row.cells[position] if position < len(row.cells) else ""
        if not isinstance(cell, str) or dates_.is_serial(cell):
            return _Value(shown(cell), row.number, {})
    return None


def _texts(row: Row, columns: Sequence[int]) -> Iterable[str]:
    for position in columns:
        cell: Cell = row.cells[position] if position < len(row.cells) else ""
        if isinstance(cell, str) and cell.strip():
            yield cell.strip()
