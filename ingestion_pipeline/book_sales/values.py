"""Numbers, dates and texts as reports write them; `RowError` names the field that is wrong."""

import re
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation

from ingestion_pipeline.book_sales.contract import DAY, MONTH, RowError

_NOTHING = frozenset({"", "n/a", "na", "-", "--"})
_GROUPED = re.compile(r"[+-]?\d{1,3}(,\d{3})+(\.\d+)?")
_LARGEST = Decimal(10) ** 10  # NUMERIC(14,4) has ten digits before the point
_FORMS = (
    ("%Y-%m", MONTH), ("%Y-%m-%d", DAY), ("%Y-%m-%d %H:%M", DAY), ("%Y-%m-%d %H:%M:%S", DAY),
    ("%m/%d/%Y", DAY),
)  # fmt: skip
_ENGLISH = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september",
    "october", "november", "december",
)  # fmt: skip
_SPANISH = (
    "enero", "febrero", "marzo", "abril", "mayo", "junio", "julio", "agosto", "septiembre",
    "octubre", "noviembre", "diciembre",
)  # fmt: skip
_MONTHS = {name: at for names in (_ENGLISH, _SPANISH) for at, name in enumerate(names, start=1)}
_CURRENCY = re.compile(r"[A-Z]{3}")


def text_of(value: str) -> str | None:
    """A text without the spaces around it; None for nothing."""
    return value.strip() or None


def number(field: str, value: str, *, decimal_comma: bool = False) -> Decimal | None:
    """An exact number; None for an empty cell and for `N/A`.

    Raises:
        RowError: it is none, or too large.
    """
    text = value.strip().replace("\u00a0", "").replace("\u2212", "-")
    if text.lower() in _NOTHING:
        return None
    if decimal_comma:
        text = text.replace(".", "").replace(",", ".")
    elif _GROUPED.fullmatch(text):
        text = text.replace(",", "")
    try:
        found = Decimal(text)
    except InvalidOperation:
        raise RowError(field, "is not a number") from None
    if not found.is_finite() or abs(found) >= _LARGEST:
        raise RowError(field, "is not a number of at most ten digits")
    return found.quantize(Decimal("0.0001"))


def whole(field: str, value: str, *, decimal_comma: bool = False) -> int:
    """A whole number, also as `3.0`; nothing is 0.

    Raises:
        RowError: it is none.
    """
    found = number(field, value, decimal_comma=decimal_comma) or Decimal(0)
    if found != found.to_integral_value() or abs(found) >= 2**31:
        raise RowError(field, "is not a whole number")
    return int(found)


def currency(field: str, value: str) -> str:
    """An ISO 4217 code.

    Raises:
        RowError: it is none.
    """
    code = value.strip().upper()
    if not _CURRENCY.fullmatch(code):
        raise RowError(field, "is not a currency code")
    return code


def moment(field: str, value: str) -> tuple[datetime, str]:
    """An instant in UTC and its precision: `2024-04`, `2024-04-01`, `2010-08-17 5:18`, `4/1/2024`,
    `January 2025`, `junio 2026`.

    Raises:
        RowError: it is none of these.
    """
    text = value.strip()
    name, _, year = text.lower().partition(" ")
    if name in _MONTHS and len(year) == 4 and year.isascii() and year.isdigit():
        return datetime(int(year), _MONTHS[name], 1, tzinfo=UTC), MONTH
    for form, precision in _FORMS:
        try:
            return datetime.strptime(text, form).replace(tzinfo=UTC), precision
        except ValueError:
            continue
    raise RowError(field, "is not a date: YYYY-MM, YYYY-MM-DD, YYYY-MM-DD H:MM or M/D/YYYY")
