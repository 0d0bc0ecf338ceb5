"""What a cell of a report holds, and the rows that cells make.

A text report has texts only; a workbook knows better: its numbers are exact and its dates are
dates, so nothing about them has to be found out from how they are written.
"""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

Cell = str | Decimal | datetime


@dataclass(frozen=True)
class Row:
    """A row: the number of its first line or row, from 1, and its cells from column A on.

    Attributes:
        lines: physical lines that it takes: a text in quotes may hold ends of lines.
        problem: why it can't be used as it stands; None where it can.
    """

    number: int
    cells: list[Cell]
    lines: int = 1
    problem: str | None = None

    @property
    def is_blank(self) -> bool:
        """Whether no cell says anything."""
        return not any(shown(cell) for cell in self.cells)


@dataclass(frozen=True)
class Sheet:
    """A sheet by its name."""

    name: str
    rows: list[Row] = field(repr=False)


def shown(cell: Cell) -> str:
    """A cell as text, without spaces around it: whole numbers without decimals, dates as ISO."""
    if isinstance(cell, Decimal):
        return format(cell.to_integral_value() if cell == cell.to_integral_value() else cell, "f")
    if isinstance(cell, datetime):
        at_midnight = (cell.hour, cell.minute, cell.second) == (0, 0, 0)
        return cell.date().isoformat() if at_midnight else cell.isoformat(sep=" ")
    return cell.strip()
