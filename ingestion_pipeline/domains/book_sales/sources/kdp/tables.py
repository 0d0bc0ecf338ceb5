"""A sheet of KDP with its header understood."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from ingestion_pipeline.domains.book_sales.contract.events import RowError
from ingestion_pipeline.domains.book_sales.sources.formats import dates
from ingestion_pipeline.domains.book_sales.sources.formats.headers import without_headers
from ingestion_pipeline.domains.book_sales.sources.formats.notation import Columns
from ingestion_pipeline.domains.book_sales.sources.kdp import columns as columns_
from ingestion_pipeline.foundation.errors import ContractError
from ingestion_pipeline.foundation.workbooks.cells import Cell, Row, shown

_PERIOD = frozenset({"sales period", "periodo de ventas", "verkaufszeitraum"})
_AMOUNTS = frozenset(
    {"list_price", "royalty", "payout", "accrued", "tax", "adjustments", "net_earnings"}
)
_WHOLES = frozenset({"units_sold", "units_refunded", "net_units", "pages"})
_DATES = frozenset({"date", "order_date", "period_start", "period_end", "detail"})


@dataclass(frozen=True)
class Table:
    """A sheet with its header understood, without blank rows.

    Attributes:
        month: of all rows, where the sheet says it above its header (Prior Month Royalties).
    """

    name: str
    kind: str
    header: Sequence[str]
    columns: Sequence[str]
    rows: Sequence[Row] = field(repr=False)
    month: Cell | None = None

    @property
    def report(self) -> str:
        """The kind of report in ids: what Amazon settled is told apart from its estimates."""
        kind = columns_.ROYALTY if self.kind == columns_.COMBINED else self.kind
        return kind if self.month is None else f"prior_month_{kind}"

    @property
    def is_earnings(self) -> bool:
        """Whether it is `Total Earnings`, whose rows are sales or pages."""
        return self.kind == columns_.COMBINED and "payout_plan" in self.columns

    @property
    def positions(self) -> Columns:
        """Which of its columns hold what."""

        def of(names: frozenset[str]) -> list[int]:
            return [at for at, column in enumerate(self.columns) if column in names]

        return Columns(of(_AMOUNTS), of(_WHOLES), of(_DATES))

    @property
    def period_end(self) -> datetime | None:
        """The last day of the month that it says above its header."""
        said = dates.readings(shown(self.month)) if self.month is not None else {}
        if dates.CERTAIN not in said:
            return None
        first = said[dates.CERTAIN].at.replace(day=1)
        return (first + timedelta(days=31)).replace(day=1) - timedelta(days=1)

    def is_pages(self, values: Mapping[str, Cell]) -> bool:
        """Whether a row of `Total Earnings` is of pages read."""
        return self.is_earnings and "kenp" in columns_.plain(shown(values["payout_plan"]))

    def values(self, row: Row) -> dict[str, Cell]:
        """A row's values by our names; what a short row lacks is empty.

        Raises:
            RowError: it is damaged, or has cells beyond its header's.
        """
        if row.problem is not None:
            raise RowError("row", row.problem)
        if any(shown(cell) for cell in row.cells[len(self.columns) :]):
            raise RowError("row", "has more cells than the header")
        return dict(zip(self.columns, self._padded(row), strict=False))

    def raw(self, row: Row) -> dict[str, str]:
        """A row as it is kept, by its headers, with its sheet."""
        cells = map(shown, self._padded(row))
        return {"sheet": self.name, **dict(zip(self.header, cells, strict=False))}

    def _padded(self, row: Row) -> list[Cell]:
        return [*row.cells, *[""] * (len(self.columns) - len(row.cells))]


def table_of(name: str, rows: Sequence[Row], kind: str | None) -> Table:
    """The table in a sheet, or in a CSV saved from one (whose kind its columns say).

    Raises:
        ContractError: a column is unknown, missing or there twice.
    """
    filled = [row for row in rows if not row.is_blank]
    month: Cell | None = None
    if filled and columns_.plain(shown(filled[0].cells[0])) in _PERIOD:
        month = filled[0].cells[1] if len(filled[0].cells) > 1 else ""
        filled = filled[1:]
    header = [shown(cell) for cell in filled[0].cells] if filled else []
    columns = columns_.columns_of(name, header)
    kind = kind or columns_.kind_of_columns(columns)
    if kind is None:
        raise ContractError(
            f"file: {name}: the columns {', '.join(map(repr, header))} are those of no known "
            f"sheet; known are {', '.join(sorted(columns_.SHEETS))}"
        )
    columns_.require(name, kind, columns)
    rows = without_headers(name, header, filled[1:])
    return Table(name, kind, header, columns, rows, month)
