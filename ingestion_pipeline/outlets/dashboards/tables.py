"""A table of a page: how its cells are told, and the same rows as CSV or JSON to take away.

Cells keep their values: a page formats them, CSV and JSON hold them as the database said.
"""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

import msgspec

from ingestion_pipeline.foundation.spreadsheets import harmless

# How a column's cells are told (rendering.py).
KINDS = (
    "text", "number", "count", "money", "average", "percent", "change", "instant", "day", "age",
    "spark", "bar",
)  # fmt: skip
_encode = msgspec.json.Encoder(decimal_format="number").encode


@dataclass(frozen=True)
class Column:
    """A column.

    Attributes:
        key: of the cell in a row, and in what is taken away.
        title: as the head says it; empty: a column that needs none to be understood.
        kind: one of `KINDS`.
        unit: behind each number.
        link: key of the cell that has the address to which this one leads; None: nowhere.
        shown_only: not in what is taken away.
        level: key of the cell that says how well it is (good, warn, bad); None: not told.
        live: key of the cell that names the KPI whose newest value this is: it is kept up to date
            while the page is open; None: it is as of when the page was made.
    """

    key: str
    title: str
    kind: str = "text"
    unit: str = ""
    link: str | None = None
    shown_only: bool = False
    level: str | None = None
    live: str | None = None

    @property
    def is_number(self) -> bool:
        """Whether its cells stand under one another by their digits."""
        return self.kind not in ("text", "spark", "bar")


@dataclass(frozen=True)
class Table:
    """A table.

    Attributes:
        name: by which it is taken away.
        caption: what it shows, for those who don't see what is around it.
        columns: from left to right; the first names the row.
        rows: cells by the columns' keys.
        empty: what is said where there is no row.
        page: which page of it this is, from 1.
        more: whether there is another page.
    """

    name: str
    caption: str
    columns: tuple[Column, ...]
    rows: Sequence[Mapping[str, Any]]
    empty: str = "Nothing yet."
    page: int = 1
    more: bool = False

    def paged(self, page: int, *, size: int, whole: bool = False) -> "Table":
        """The page of a table whose rows are one more than a page has, where it goes on."""
        if whole:
            return self
        return replace(self, rows=self.rows[:size], page=page, more=len(self.rows) > size)

    def cut(self, page: int, *, size: int) -> "Table":
        """The page of a table that has all its rows."""
        rest = self.rows[(page - 1) * size :]
        return self.__class__.paged(replace(self, rows=rest), page, size=size)

    def briefly(self, *keys: str) -> "Table":
        """With some of its columns, for a card."""
        return replace(self, columns=tuple(each for each in self.columns if each.key in keys))

    def as_csv(self) -> bytes:
        """As CSV (RFC 4180), whose texts no spreadsheet takes for formulas."""
        taken = [column for column in self.columns if not column.shown_only]
        out = io.StringIO()
        writer = csv.writer(out)
        writer.writerow([column.key for column in taken])
        for row in self.rows:
            writer.writerow([_cell(row.get(column.key)) for column in taken])
        return out.getvalue().encode()

    def as_json(self) -> bytes:
        """As a JSON array of objects; numbers with all their digits."""
        taken = [column.key for column in self.columns if not column.shown_only]
        return _encode([{key: _plain(row.get(key)) for key in taken} for row in self.rows]) + b"\n"


def _cell(value: Any) -> Any:
    if isinstance(value, (datetime, date)):
        return value.isoformat()
    return harmless(value) if isinstance(value, str) else value


def _plain(value: Any) -> Any:
    """As JSON can hold it: no number is infinite there."""
    return None if isinstance(value, float) and not abs(value) < float("inf") else value
