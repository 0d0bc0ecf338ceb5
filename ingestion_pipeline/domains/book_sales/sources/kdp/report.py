"""Amazon KDP: workbooks (royalties, orders, KENP, prior months, payments), and CSV of one sheet.

Several sheets tell the same sales: `Combined Sales` and `Total Earnings` repeat the others, the
order sheets repeat them without money. A sale counts once: from the royalty sheets, or from
`Combined Sales` where it comes alone. Whether `Total Earnings` repeats a row is looked up row by
row: it alone says what pages have earned where the KENP sheet has no royalties.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

from ingestion_pipeline.domains.book_sales.contract.events import (
    PAGES,
    Event,
    Occurrences,
    Parsed,
    RejectedRow,
    RowError,
)
from ingestion_pipeline.domains.book_sales.sources.formats.delimited import read_text, unpacked
from ingestion_pipeline.domains.book_sales.sources.formats.headers import NO_ROWS
from ingestion_pipeline.domains.book_sales.sources.formats.notation import (
    NOTHING_TOLD,
    Notation,
    Told,
    notation_of,
)
from ingestion_pipeline.domains.book_sales.sources.kdp import columns as columns_
from ingestion_pipeline.domains.book_sales.sources.kdp import (
    payments as kdp_payments,
)
from ingestion_pipeline.domains.book_sales.sources.kdp import (
    rows as kdp_rows,
)
from ingestion_pipeline.domains.book_sales.sources.kdp.tables import Table, table_of
from ingestion_pipeline.foundation.errors import ContractError
from ingestion_pipeline.foundation.workbooks.cells import Row, shown
from ingestion_pipeline.foundation.workbooks.sheets import (
    Workbook,
    is_workbook,
    read_workbook,
)

_REPEATS = "repeats the other sheets"


def parse(content: bytes, *, file_name: str, told: Told = NOTHING_TOLD) -> Parsed:
    """The events of a report.

    Raises:
        ContractError: it is none that is known (the message says what was found and is known), or
            leaves open how numbers or dates are to be read.
    """
    content = unpacked(content)
    if is_workbook(content):
        return _of_workbook(read_workbook(content), told)
    text = read_text(content)
    blank = sum(row.lines for row in text.rows if row.is_blank)
    table = table_of(file_name, text.rows, None)
    if table.kind == columns_.ORDERS:
        raise ContractError(
            "file: orders carry no royalties, and the royalty sheets repeat them; "
            "send the report of royalties"
        )
    parsed = Parsed(period_end=table.period_end)
    _add_all(parsed, [table], notation_of([(table.positions, table.rows)], told))
    header = text.lines - blank - sum(row.lines for row in table.rows)
    rejected = sum(row.lines for row in parsed.rejected)
    over = sum(parsed.passed_over.values())
    parsed.lines = {
        "lines": text.lines, "blank": blank, "header": header, "rejected": rejected,
        "passed_over": over, "rows": text.lines - blank - header - rejected - over,
    }  # fmt: skip
    return parsed


def _of_workbook(book: Workbook, told: Told) -> Parsed:
    tables: list[Table] = []
    for sheet in book.sheets:
        kind = columns_.kind_of_sheet(sheet.name)
        if kind != columns_.NOTES and any(not row.is_blank for row in sheet.rows):
            tables.append(table_of(sheet.name, sheet.rows, kind))
    if not tables:
        raise ContractError("file: the workbook has no sheet with rows")
    parsed = Parsed(
        created=book.created,
        period_end=max((t.period_end for t in tables if t.period_end), default=None),
    )
    read = [(table.positions, table.rows) for table in tables]
    notation = notation_of(read, told, epoch_1904=book.epoch_1904)
    in_detail = any(table.kind == columns_.ROYALTY for table in tables)
    kept: list[Table] = []
    for table in tables:
        if table.kind == columns_.ORDERS or (
            in_detail and table.kind == columns_.COMBINED and not table.is_earnings
        ):
            parsed.pass_over(f"{table.name}: repeats the royalty sheets", len(table.rows))
        else:
            kept.append(table)
    _add_all(parsed, kept, notation)
    return parsed


def _add_all(parsed: Parsed, tables: Sequence[Table], notation: Notation) -> None:
    if not any(table.rows for table in tables) and not parsed.passed_over:
        parsed.warnings.append(NO_ROWS)
    occurrences = Occurrences()
    earnings = [table for table in tables if table.is_earnings]
    others = [table for table in tables if not table.is_earnings]
    for table in others:
        if table.kind == columns_.PAYMENTS:
            kdp_payments.add(parsed, table, notation, occurrences)
        else:
            for event in _events(parsed, table, notation, occurrences):
                parsed.events.append(event)
    for table in earnings:
        _add_earnings(parsed, table, notation, alone=not others)


def _add_earnings(parsed: Parsed, table: Table, notation: Notation, *, alone: bool) -> None:
    """Take from `Total Earnings` what no other sheet says: all, or only the money of pages."""
    told = Occurrences()
    by_id = {event.external_id: at for at, event in enumerate(parsed.events)}
    for event in _events(parsed, table, notation, told):
        at = by_id.get(event.external_id)
        if alone or at is None:
            parsed.events.append(event)
            continue
        known = parsed.events[at]
        if known.event_type == PAGES and known.amount is None:
            parsed.events[at] = replace(
                known, amount=event.amount, currency=event.currency,
                raw={**known.raw, "Earnings": event.raw.get("Earnings", "")},
            )  # fmt: skip
        parsed.pass_over(f"{table.name}: {_REPEATS}")


def _events(
    parsed: Parsed, table: Table, notation: Notation, occurrences: Occurrences
) -> Sequence[Event]:
    """The events of a table's rows; what can't be used is rejected."""
    found: list[Event] = []
    for row in table.rows:
        try:
            values = table.values(row)
            make: Callable[..., Event] = kdp_rows.royalty
            if table.kind == columns_.KENP or table.is_pages(values):
                make = kdp_rows.kenp
            found.append(make(table, values, row, occurrences, notation))
        except RowError as error:
            reject(parsed, row, error)
    return found


def reject(parsed: Parsed, row: Row, error: RowError) -> None:
    """Note a row that can't be used."""
    raw = "\t".join(shown(cell) for cell in row.cells)
    parsed.rejected.append(RejectedRow(row.number, raw, (error.reason,), row.lines))
