"""Numbers, dates and texts of reports by the report's notation; `RowError` names what is wrong."""

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from types import MappingProxyType

from ingestion_pipeline.domains.book_sales.contract.events import DAY, RowError
from ingestion_pipeline.domains.book_sales.sources.formats import dates
from ingestion_pipeline.domains.book_sales.sources.formats.dates import Moment
from ingestion_pipeline.domains.book_sales.sources.formats.notation import Notation
from ingestion_pipeline.domains.book_sales.sources.formats.numerals import COMMA, POINT, numeral
from ingestion_pipeline.foundation.currencies import CURRENCIES
from ingestion_pipeline.foundation.spreadsheets import SHORTENED_RULE, is_shortened
from ingestion_pipeline.foundation.workbooks.cells import Cell, shown

_NOTHING = frozenset({"", "n/a", "na", "-", "--"})
_LARGEST = Decimal(10) ** 10  # NUMERIC(14,4) has ten digits before the point
_SIGNS = {POINT: "a decimal point", COMMA: "a decimal comma"}


def text_of(value: Cell) -> str | None:
    """A text without the spaces around it; None for nothing."""
    return shown(value) or None


def identity(field: str, value: Cell) -> str:
    """A text that tells a book from others; empty for nothing.

    Raises:
        RowError: a spreadsheet has shortened it, and digits of it are lost.
    """
    found = shown(value)
    if is_shortened(found):
        raise RowError(field, SHORTENED_RULE)
    return found


def number(
    field: str, value: Cell, notation: Notation, *, money: str | None = None
) -> Decimal | None:
    """An exact number; None for an empty cell and for `N/A`.

    Args:
        field: its name, for the error.
        value: the cell.
        notation: of the report.
        money: its currency: a sign beside the number has to be one of that currency.

    Raises:
        RowError: it is none, or too large.
    """
    found = _exact(field, value, notation, money)
    if found is None:
        return None
    if not found.is_finite() or abs(found) >= _LARGEST:
        raise RowError(field, "is not a number of at most ten digits")
    return found.quantize(Decimal("0.0001"))


def _exact(field: str, value: Cell, notation: Notation, money: str | None) -> Decimal | None:
    if isinstance(value, datetime):
        raise RowError(field, "is a date, not a number")
    if isinstance(value, Decimal):
        return value
    if value.strip().lower() in _NOTHING:
        return None
    found = numeral(value)
    if found is None:
        raise RowError(field, "is not a number")
    if found.currencies is not None and money is not None and money not in found.currencies:
        raise RowError(field, f"is not in {money}")
    sign = notation.decimal or next(iter(found.by_sign))
    if sign not in found.by_sign:
        raise RowError(field, f"is not a number with {_SIGNS[sign]}, as the report has")
    return found.by_sign[sign]


def required(field: str, value: Decimal | None) -> Decimal:
    """A number that has to be there.

    Raises:
        RowError: it is not.
    """
    if value is None:
        raise RowError(field, "is missing")
    return value


def whole(field: str, value: Cell, notation: Notation) -> int:
    """A whole number, also as `3.0`; nothing is 0.

    Raises:
        RowError: it is none.
    """
    found = number(field, value, notation) or Decimal(0)
    if found != found.to_integral_value() or abs(found) >= 2**31:
        raise RowError(field, "is not a whole number")
    return int(found)


def net_of(
    values: Mapping[str, Cell], notation: Notation, *, net: str, sold: str, returned: str,
    names: Mapping[str, str] = MappingProxyType({}),
) -> None:  # fmt: skip
    """See that what is left of units is those sold without those that came back.

    Args:
        values: of a row. What it does not tell is not looked at.
        notation: of the report.
        net, sold, returned: the columns. Units that came back may be written below zero.
        names: what the report calls them, where that is something else.

    Raises:
        RowError: it is not: nobody knows which of the three is wrong.
    """
    told = [number(names.get(at, at), values.get(at, ""), notation) for at in (net, sold, returned)]
    left, units, back = told
    if left is None or units is None or back is None or left == units - abs(back):
        return
    net, sold, returned = (names.get(at, at) for at in (net, sold, returned))
    rule = f"is {left:.0f}, but {sold} less {returned} is {units - abs(back):.0f}"
    raise RowError(net, rule)


def currency(field: str, value: Cell) -> str:
    """An ISO 4217 code, of a past currency too.

    Raises:
        RowError: it is none.
    """
    code = shown(value).upper()
    if code not in CURRENCIES:
        raise RowError(field, "is no currency code of ISO 4217, in use or past")
    return code


def moment(field: str, value: Cell, notation: Notation) -> tuple[datetime, str]:
    """An instant, the report's own time taken for UTC, and its precision (`dates`).

    Raises:
        RowError: it is none, or in the future.
    """
    found = _meant(value, notation)
    if found is None:
        rule = "is not a date: YYYY-MM, YYYY-MM-DD, YYYY-MM-DD H:MM, M/D/YYYY or D/M/YYYY"
        raise RowError(field, rule)
    if found.at.date() > notation.last:
        raise RowError(field, "is in the future")
    return found.at, found.precision


def _meant(value: Cell, notation: Notation) -> Moment | None:
    if isinstance(value, datetime):
        return Moment(value.replace(tzinfo=UTC), DAY) if value.year >= 1990 else None
    if isinstance(value, Decimal):
        return dates.of_serial(value, epoch_1904=notation.epoch_1904)
    found = dates.readings(value, epoch_1904=notation.epoch_1904)
    if notation.order is None or dates.CERTAIN in found:
        return next(iter(found.values()), None)
    return found.get(notation.order)


def shown_row(values: Mapping[str, Cell]) -> dict[str, str]:
    """A row as it is kept: every cell as text."""
    return {name: shown(cell) for name, cell in values.items()}
