"""Text reports with one header in their first line."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from ingestion_pipeline.book_sales.contract import RowError
from ingestion_pipeline.book_sales.workbooks import Row
from ingestion_pipeline.errors import ContractError


def header_of(
    file_name: str, rows: Sequence[Row], *, known: Sequence[str], needed: Sequence[str]
) -> list[str]:
    """The header in the first row.

    Raises:
        ContractError: a column is unknown, twice there or missing; says what was found and
            what is known.
    """
    header = [cell.strip() for cell in rows[0].cells] if rows else []
    while header and not header[-1]:
        header.pop()
    unknown = [name for name in header if name not in known]
    missing = [name for name in needed if name not in header]
    if unknown or missing or len(set(header)) != len(header):
        faults = [f"unknown columns {', '.join(map(repr, unknown))}"] if unknown else []
        faults += [f"columns {', '.join(map(repr, missing))} are missing"] if missing else []
        raise ContractError(
            f"file: {file_name}: {'; '.join(faults) or 'a column is there twice'}; "
            f"found {', '.join(map(repr, header)) or 'nothing'}; known are {', '.join(known)}"
        )
    return header


@dataclass(frozen=True)
class Reading:
    """The rows under a header, blank ones left out."""

    header: Sequence[str]
    all_rows: Sequence[Row] = field(repr=False)

    def rows(self) -> Iterator[tuple[Row, dict[str, str]]]:
        """Each row with its values by column; what a short row lacks is empty."""
        for row in self.all_rows[1:]:
            if any(cell.strip() for cell in row.cells):
                cells = [*row.cells, *[""] * (len(self.header) - len(row.cells))]
                yield row, dict(zip(self.header, cells, strict=False))


def require_width(row: Row, width: int) -> None:
    """See that a row has no cells beyond its header's.

    Raises:
        RowError: it has.
    """
    if any(cell.strip() for cell in row.cells[width:]):
        raise RowError("row", "has more cells than the header")
