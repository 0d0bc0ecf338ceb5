"""Members of what was sent → values of ours, each with its rule; faults are gathered."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from ingestion_pipeline.domains.markets.contract.days import parse_day, parse_instant
from ingestion_pipeline.foundation.errors import FieldError
from ingestion_pipeline.foundation.spreadsheets import SHORTENED_RULE, is_shortened
from ingestion_pipeline.foundation.storable import UNSTORABLE, is_storable, shown

LONGEST_TEXT = 500
_EXACT = 2**53  # a double is a whole number up to here


@dataclass
class Fields:
    """The members of an object, read one by one; `faults` lists what was wrong with them."""

    members: Mapping[str, Any]
    path: str
    faults: list[FieldError] = field(default_factory=list)

    def number(
        self, name: str, low: float | None, high: float | None, *, required: bool = False
    ) -> Decimal | None:
        """A JSON number from `low` to `high`, exactly as it was written; None: it is not there."""
        value = self._given(name, required=required)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float):
            self._fault(name, "must be a number")
            return None
        if (low is not None and value < low) or (high is not None and value > high):
            self._fault(name, f"must be {_range(low, high)}")
            return None
        return Decimal(repr(value))

    def text(self, name: str, *, required: bool = False) -> str | None:
        """A text that is not blank; None: it is not there."""
        value = self._given(name, required=required)
        if value is None:
            return None
        if not isinstance(value, str) or not 1 <= len(value.strip()) <= LONGEST_TEXT:
            self._fault(name, f"must be a text of 1 to {LONGEST_TEXT} characters")
            return None
        if not is_storable(value):
            self._fault(name, UNSTORABLE)
            return None
        return value.strip()

    def identity(self, name: str) -> str | None:
        """A text, or an integer as text; not one that a spreadsheet has shortened."""
        value = self.members.get(name)
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value)
        if isinstance(value, float) and value.is_integer() and abs(value) < _EXACT:
            return str(int(value))  # 12345.0, as some programs write 12345
        text = self.text(name)
        if text is not None and is_shortened(text):
            self._fault(name, SHORTENED_RULE)
            return None
        return text

    def day(self, name: str, *, required: bool = False) -> date | None:
        """A day, `YYYY-MM-DD`, perhaps with a time, which is cut off; None: it is not there."""
        value = self._given(name, required=required)
        if value is None:
            return None
        try:
            return parse_day(value)
        except (TypeError, ValueError, OverflowError):
            self._fault(name, "must be a date, YYYY-MM-DD")
            return None

    def instant(self, name: str) -> datetime | None:
        """An ISO 8601 instant in its offset, UTC where it names none; None: it is not there."""
        value = self._given(name, required=False)
        if value is None:
            return None
        try:
            return parse_instant(value)
        except (TypeError, ValueError, OverflowError):
            self._fault(name, "must be an ISO 8601 instant")
            return None

    def _given(self, name: str, *, required: bool) -> Any:
        value = self.members.get(name)
        if value is None and required:
            self._fault(name, "is required")
        return value

    def _fault(self, name: str, rule: str) -> None:
        self.faults.append(FieldError(f"{self.path}.{name}" if self.path else name, rule))


def unstorable_at(value: Any, path: str) -> str | None:
    """Where a JSON value holds what the database can't keep; None: nowhere.

    That is NUL, or half of a surrogate pair; a name that has it is written with escapes.
    """
    if isinstance(value, str):
        return None if is_storable(value) else path
    members: Iterable[tuple[str, Any]] = ()
    if isinstance(value, dict):
        members = ((f"{path}.{name}" if path else name, held) for name, held in value.items())
    elif isinstance(value, list):
        members = ((f"{path}[{index}]", held) for index, held in enumerate(value))
    for at, held in members:
        if not is_storable(at):
            return shown(at)
        if (found := unstorable_at(held, at)) is not None:
            return found
    return None


def _range(low: float | None, high: float | None) -> str:
    if high is None:
        return f"at least {low:g}"
    return f"at most {high:g}" if low is None else f"from {low:,g} to {high:,.10g}"
