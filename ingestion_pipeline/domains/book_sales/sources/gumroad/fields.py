"""How fields of Gumroad read: cents, copies, amounts as they are shown, instants, booleans.

Each is what it says or a `RowError`: digits are ASCII, thousands are grouped by commas, and nothing
is taken for something else.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from ingestion_pipeline.domains.book_sales.contract.events import RowError
from ingestion_pipeline.foundation.instants import in_utc, iso_8601

_TRUE = frozenset({"true", "1", "yes", "t", "on"})
_FALSE = frozenset({"", "false", "0", "no", "f", "off"})
_WHOLE = r"(?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)"
_NUMBER = rf"{_WHOLE}(?:\.[0-9]+)?"
_BARE = re.compile(_NUMBER)
_SHOWN = re.compile(rf"(?<![0-9.,])({_NUMBER})(?![0-9]|[.,][0-9])")
_DOLLARS = re.compile(rf"(?:US)?\$?({_WHOLE}(?:\.[0-9]{{1,2}})?)")
_MOST_CENTS = 10**10
_MOST_COPIES = 2**31 - 1
_LONGEST_AMOUNT = 20
_AHEAD = timedelta(days=1)  # what clocks may differ by


def bare_amount(name: str, value: object) -> Decimal:
    """An amount without a symbol: `7.50`, `1,000`."""
    text = str(value).strip()
    if len(text) > _LONGEST_AMOUNT or not _BARE.fullmatch(text):
        raise RowError(name, "is not an amount")
    return Decimal(text.replace(",", ""))


def shown_amount(name: str, value: object) -> Decimal:
    """The first amount of a text: `€10`, `R$1,234.50`, `€10 a month`."""
    found = _SHOWN.search(str(value))
    if found is None or len(found.group(1)) > _LONGEST_AMOUNT:
        raise RowError(name, "has no amount")
    return Decimal(found.group(1).replace(",", ""))


def dollars(value: object) -> int | None:
    """US cents of a text such as `$1.30` (purchase.rb:732-737)."""
    if value is None:
        return None
    found = _DOLLARS.fullmatch(str(value).strip())
    if isinstance(value, bool) or found is None or len(found.group(1)) > 13:
        raise RowError("affiliate.amount", "is not an amount of US dollars")
    return int(Decimal(found.group(1).replace(",", "")) * 100)


def cents(said: Mapping[str, Any], name: str, *, needed: bool = False) -> int | None:
    """US cents; None where nothing is said."""
    value = said.get(name)
    if value is None or value == "":
        if needed:
            raise RowError(name, "is missing")
        return None
    return _whole(name, value, most=_MOST_CENTS)


def copies(said: Mapping[str, Any]) -> int:
    """How many were bought; one where nothing is said."""
    value = said.get("quantity")
    number = 1 if value is None or value == "" else _whole("quantity", value, most=_MOST_COPIES)
    if number == 0:
        raise RowError("quantity", "must be 1 or more")
    return number


def _whole(name: str, value: object, *, most: int) -> int:
    text = str(value).strip()
    if isinstance(value, bool) or not re.fullmatch(r"[0-9]{1,19}(?:\.0+)?", text):
        raise RowError(name, "is not a whole number of 0 or more")
    number = int(text.partition(".")[0])
    if number > most:
        raise RowError(name, f"is more than {most}")
    return number


def text_of(name: str, value: object) -> str:
    """A text without the spaces around it."""
    if not isinstance(value, str) or not value.strip() or "\x00" in value or len(value) > 1000:
        raise RowError(name, "must be a text of 1 to 1000 characters")
    return value.strip()


def instant(name: str, value: object) -> datetime:
    """An instant in UTC, not in the future."""
    try:
        found = iso_8601(str(value).replace(" UTC", "+00:00"))
        moment = in_utc(found)
    except (ValueError, OverflowError):
        raise RowError(name, "is not an ISO 8601 instant") from None
    if moment > datetime.now(UTC) + _AHEAD:
        raise RowError(name, "is in the future")
    return moment


def flag(said: Mapping[str, Any], name: str) -> bool:
    """A boolean as JSON has it, or as a form writes it; what is not there is false.

    Raises:
        RowError: it is neither true nor false.
    """
    value = said.get(name)
    text = "" if value is None else str(value).strip().lower()
    if text in _TRUE:
        return True
    if text in _FALSE:
        return False
    raise RowError(name, "is neither true nor false")
