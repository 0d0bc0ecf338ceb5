"""Names of columns as they are compared, and headers that stand among the rows."""

from collections.abc import Sequence

from ingestion_pipeline.foundation.errors import ContractError
from ingestion_pipeline.foundation.workbooks.cells import Row, shown

NO_ROWS = "it has a header and no rows"
_FEWEST = 3  # names of columns that make a header of a row


def plain(name: str) -> str:
    """A name as it is compared: without case, and with single spaces."""
    return " ".join(name.casefold().split())


def without_headers(where: str, header: Sequence[str], rows: Sequence[Row]) -> list[Row]:
    """The rows without those that repeat the header, as where reports were put one behind another.

    Args:
        where: the file or sheet, for the error.
        header: as it stands in the file.
        rows: those below it.

    Raises:
        ContractError: one is the header of another table: its columns are others, or in another
            order, so what is below would be read under wrong names.
    """
    names = [plain(name) for name in header]
    known = set(names) - {""}
    kept = []
    for row in rows:
        cells = [plain(shown(cell)) for cell in row.cells]
        while cells and not cells[-1]:
            cells.pop()
        named = sum(cell in known for cell in cells)
        if cells == names and named:
            continue
        if named >= _FEWEST and 2 * named > sum(map(bool, cells)):
            raise ContractError(
                f"file: {where}: row {row.number} is a header with other columns than the first, "
                "or in another order; send each table as a file of its own"
            )
        kept.append(row)
    return kept
