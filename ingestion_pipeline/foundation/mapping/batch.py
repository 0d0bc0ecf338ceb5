"""Rows of a file, column by column, and what is made of the texts of a column.

Columns at a time: of a column many texts are equal (dates, currencies, prices), so each is worked
out once, and the loop over the rest is Python's own `map` over a dictionary.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from ingestion_pipeline.foundation.mapping.refusals import Refusal

Cell = str | Decimal | datetime | Refusal
"""An empty text is nothing."""

_REMEMBERED = 50_000


class Remembered(dict[Any, Any]):
    """What a function makes of each text, worked out once; forgotten when there are too many."""

    def __init__(self, make: Callable[[Any], Any]) -> None:
        super().__init__()
        self._make = make

    def __missing__(self, key: Any) -> Any:
        if len(self) >= _REMEMBERED:
            self.clear()
        self[key] = made = self._make(key)
        return made


@dataclass
class Batch:
    """Some rows, whole records of them.

    Attributes:
        columns: texts of each column that is read; all of one length.
        lines: the number of each row's first line in the file, from 1.
        texts: of each row, as it stands in the file.
        starts: the first row of each record.
        record_of: the record of each row, from 0.
        whole: of the first rows of records, the batch with all their rows.
        made: cells that were worked out of the columns, by what did so.
    """

    columns: dict[str, list[str]]
    lines: list[int]
    texts: list[str]
    starts: list[int] = field(default_factory=list)
    record_of: list[int] = field(default_factory=list)
    whole: "Batch | None" = field(default=None, repr=False)
    made: dict[Any, Sequence[Cell]] = field(default_factory=dict, repr=False)
    _heads: "Batch | None" = field(default=None, repr=False)

    @property
    def size(self) -> int:
        """How many rows."""
        return len(self.lines)

    def heads(self) -> "Batch":
        """A batch of the first rows of its records, of which it is the whole."""
        if len(self.starts) == self.size:
            return self
        if self._heads is None:
            self._heads = self.taken(self.starts)
            self._heads.starts = self._heads.record_of = list(range(len(self.starts)))
            self._heads.whole = self
        return self._heads

    def forget(self) -> None:
        """Let go of what was worked out: a batch and its heads, which refer to each other, would
        stay until the garbage collector comes, and with them megabytes of rows."""
        self.made.clear()
        self._heads = None

    def sliced(self, first: int, behind: int) -> "Batch":
        """A batch of the rows from one to the one before another."""
        return Batch(
            columns={name: cells[first:behind] for name, cells in self.columns.items()},
            lines=self.lines[first:behind],
            texts=self.texts[first:behind],
        )

    def taken(self, rows: list[int]) -> "Batch":
        """A batch of some of its rows, in this order; a row may be taken several times."""
        return Batch(
            columns={name: [cells[row] for row in rows] for name, cells in self.columns.items()},
            lines=[self.lines[row] for row in rows],
            texts=[self.texts[row] for row in rows],
        )
