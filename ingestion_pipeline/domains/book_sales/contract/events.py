"""The shapes of this wing: events, rows that are none, and how an event is known again.

A platform's id of a sale is used where there is one. Reports have none: there an event is known by
its natural key and by the number of its occurrence within that key in the file. Rows that are
equal in every column are sales of their own; taking them for one would halve the money.
"""

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

DOMAIN = "book_sales"

SALE, REFUND, PAGES, FREE, PAYMENT = "sale", "refund", "borrow_pages", "free", "payment"
EVENT_TYPES = (SALE, REFUND, PAGES, FREE, PAYMENT)
DAY, MONTH = "day", "month"


@dataclass(frozen=True)
class Event:
    """One event as a report or an API tells it.

    Attributes:
        report: the kind of report it came in; part of the id where the platform has none.
        external_id: unique within tenant and platform.
        natural_key: what rows that may be one another's correction share; None where the platform
            gives ids.
        occurred_at: in UTC; the first of the month where the precision is a month.
        quantity: units, or pages for `borrow_pages`; negative for refunds.
        list_price: of one unit, in `list_currency`, or in `currency` where that is None.
        amount: what the author earns, in `currency`; None while the platform does not say.
        raw: the row as it came, by header.
        source_row: number of the row in its sheet or file, from 1.
        provisional: something is known to be missing, for instance what was refunded in part.
        as_of: what the report says of its own time; None: it says nothing.
        list_currency: of the list price, where it is another than that of the amount.
        refunded_units: units that came back, also where more were sold in the same row; None: as
            many as the quantity of a refund says.
    """

    event_type: str
    report: str
    external_id: str
    occurred_at: datetime
    date_precision: str
    title: str | None
    quantity: int
    amount: Decimal | None
    currency: str | None
    raw: Mapping[str, Any] = field(repr=False)
    source_row: int
    natural_key: str | None = None
    author: str | None = None
    asin: str | None = None
    isbn: str | None = None
    marketplace: str | None = None
    list_price: Decimal | None = None
    provisional: bool = False
    as_of: datetime | None = None
    list_currency: str | None = None
    refunded_units: int | None = None


@dataclass(frozen=True)
class RejectedRow:
    """A row that could not be used, and why."""

    row: int
    raw: str = field(repr=False)
    reasons: tuple[Mapping[str, Any], ...] = ()
    lines: int = 1


@dataclass
class Parsed:
    """What a report holds.

    Attributes:
        passed_over: rows that are no events of their own, by the reason (a sheet that repeats
            others, a summary).
        lines: what became of every physical line of a text, by its kind; `lines` are all of them.
            Empty for workbooks.
        warnings: what is strange about the report, though it can be used.
        created: when the report was made, as it says itself.
        period_end: the last day of the period that it names.
    """

    events: list[Event] = field(default_factory=list)
    rejected: list[RejectedRow] = field(default_factory=list)
    passed_over: dict[str, int] = field(default_factory=dict)
    lines: dict[str, int] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    created: datetime | None = None
    period_end: datetime | None = None

    @property
    def rows(self) -> int:
        """Rows that are events or should have been."""
        return len(self.events) + len(self.rejected)

    def pass_over(self, reason: str, rows: int = 1) -> None:
        """Count rows that are no events of their own."""
        self.passed_over[reason] = self.passed_over.get(reason, 0) + rows


class RowError(Exception):
    """A row that can't be used: the field and the rule that it breaks."""

    def __init__(self, field: str, rule: str) -> None:
        super().__init__(f"{field}: {rule}")
        self.reason = {"field": field, "rule": rule}


class Occurrences:
    """Gives rows of one file their ids: natural key and number of occurrence within it."""

    def __init__(self) -> None:
        self._seen: Counter[str] = Counter()

    def next(self, report: str, key: Sequence[str]) -> tuple[str, str]:
        """The natural key and the id of the next row: `royalty:5f0c…` and `royalty:5f0c…:2`."""
        natural = f"{report}:{hashlib.sha256(chr(31).join(key).encode()).hexdigest()[:32]}"
        self._seen[natural] += 1
        return natural, f"{natural}:{self._seen[natural]}"
