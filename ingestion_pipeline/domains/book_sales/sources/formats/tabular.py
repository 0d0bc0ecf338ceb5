"""Reports of one table with a header in their first line: as text, or saved as a workbook."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from ingestion_pipeline.domains.book_sales.contract.events import Parsed, RejectedRow, RowError
from ingestion_pipeline.domains.book_sales.sources.formats.delimited import read_text, unpacked
from ingestion_pipeline.domains.book_sales.sources.formats.headers import (
    NO_ROWS,
    plain,
    without_headers,
)
from ingestion_pipeline.domains.book_sales.sources.formats.notation import (
    Columns,
    Notation,
    Told,
    notation_of,
)
from ingestion_pipeline.foundation.errors import ContractError
from ingestion_pipeline.foundation.workbooks.cells import Cell, Row, shown
from ingestion_pipeline.foundation.workbooks.sheets import (
    is_workbook,
    read_workbook,
)


@dataclass(frozen=True)
class Kinds:
    """Which columns of a report hold what, by name (`notation.Columns`)."""

    amounts: Sequence[str]
    wholes: Sequence[str]
    dates: Sequence[str]


@dataclass(frozen=True)
class Table:
    """A report of one table.

    Attributes:
        rows: those below the header.
        lines: physical lines of a text; None: a workbook.
        header_lines: those of the header, of its repetitions, and `sep=;` above it.
        blank_before: blank lines before the header.
    """

    header: Sequence[str]
    rows: Sequence[Row] = field(repr=False)
    delimiter: str = "\t"
    lines: int | None = None
    header_lines: int = 1
    blank_before: int = 0
    epoch_1904: bool = False
    created: datetime | None = None

    def notation(self, kinds: Kinds, told: Told, rows: Sequence[Row]) -> Notation:
        """How these rows are written.

        Raises:
            ContractError: they don't say, and nobody else does.
        """
        columns = Columns(*(
            [at for at, name in enumerate(self.header) if name in names]
            for names in (kinds.amounts, kinds.wholes, kinds.dates)
        ))  # fmt: skip
        return notation_of([(columns, rows)], told, epoch_1904=self.epoch_1904)

    def values(self, row: Row) -> dict[str, Cell]:
        """A row's values by column; what a short row lacks is empty.

        Raises:
            RowError: it is damaged, or has cells beyond its header's.
        """
        if row.problem is not None:
            raise RowError("row", row.problem)
        if any(shown(cell) for cell in row.cells[len(self.header) :]):
            raise RowError("row", "has more cells than the header")
        cells = [*row.cells, *[""] * (len(self.header) - len(row.cells))]
        return dict(zip(self.header, cells, strict=False))

    def reject(self, parsed: Parsed, row: Row, error: RowError) -> None:
        """Note a row that can't be used."""
        raw = self.delimiter.join(shown(cell) for cell in row.cells)
        parsed.rejected.append(RejectedRow(row.number, raw, (error.reason,), row.lines))

    def filled(self) -> Iterator[Row]:
        """Rows that say something."""
        return (row for row in self.rows if not row.is_blank)

    def close(self, parsed: Parsed) -> None:
        """Note when the report was made, and what became of each of its lines."""
        parsed.created = self.created
        if not any(True for _ in self.filled()):
            parsed.warnings.append(NO_ROWS)
        if self.lines is None:
            return
        blank = self.blank_before + sum(row.lines for row in self.rows if row.is_blank)
        rejected = sum(row.lines for row in parsed.rejected)
        over, header = sum(parsed.passed_over.values()), self.header_lines
        parsed.lines = {
            "lines": self.lines, "blank": blank, "header": header, "rejected": rejected,
            "passed_over": over, "rows": self.lines - blank - header - rejected - over,
        }  # fmt: skip


def read_table(
    content: bytes, *, file_name: str, known: Sequence[str], needed: Sequence[str],
    plain_tabs: bool = False,
) -> Table:  # fmt: skip
    """The only table of a report.

    Args:
        plain_tabs: a text with tabs has quotes that are characters like others.

    Raises:
        ContractError: it is neither text nor a workbook, or its columns are others.
    """
    content = unpacked(content)
    if is_workbook(content):
        book = read_workbook(content)
        filled = [sheet for sheet in book.sheets if any(not row.is_blank for row in sheet.rows)]
        if len(filled) != 1:
            names = ", ".join(repr(sheet.name) for sheet in filled) or "none"
            raise ContractError(f"file: {file_name}: sheets with rows are {names}; needed is one")
        rows = [row for row in filled[0].rows if not row.is_blank]
        header = header_of(file_name, rows[0], known=known, needed=needed)
        rows = without_headers(file_name, header, rows[1:])
        return Table(header, rows, epoch_1904=book.epoch_1904, created=book.created)
    text = read_text(content, plain_tabs=plain_tabs)
    first = next((at for at, row in enumerate(text.rows) if not row.is_blank), None)
    if first is None:
        raise ContractError(f"file: {file_name}: has no header")
    header = header_of(file_name, text.rows[first], known=known, needed=needed)
    below = text.rows[first + 1 :]
    rows = without_headers(file_name, header, below)
    again = sum(row.lines for row in below) - sum(row.lines for row in rows)
    return Table(
        header, rows, text.delimiter, text.lines,
        header_lines=text.preamble + text.rows[first].lines + again,
        blank_before=sum(row.lines for row in text.rows[:first]),
    )  # fmt: skip


def header_of(
    file_name: str, row: Row, *, known: Sequence[str], needed: Sequence[str]
) -> list[str]:
    """The header in a row, as `known` writes its names, whatever their case and spaces are.

    Raises:
        ContractError: a column is unknown, twice there or missing; says what was found and
            what is known.
    """
    by_name = {plain(name): name for name in known}
    header = [by_name.get(plain(shown(cell)), shown(cell)) for cell in row.cells]
    while header and not header[-1]:
        header.pop()
    unknown = [name for name in header if name not in known]
    missing = [name for name in needed if name not in header]
    twice = sorted({name for name in header if header.count(name) > 1})
    if unknown or missing or twice:
        faults = [f"unknown columns {', '.join(map(repr, unknown))}"] if unknown else []
        faults += [f"columns {', '.join(map(repr, missing))} are missing"] if missing else []
        faults += [f"columns {', '.join(map(repr, twice))} are there twice"] if twice else []
        raise ContractError(
            f"file: {file_name}: {'; '.join(faults)}; "
            f"found {', '.join(map(repr, header)) or 'nothing'}; known are {', '.join(known)}"
        )
    return header
