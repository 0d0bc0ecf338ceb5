"""A workbook comes to what its sheet comes to as text: there, dates and numbers are of their own
kind, and not as the text has them."""

import re
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest

from ingestion_pipeline.foundation.intake.run import Counts
from ingestion_pipeline.foundation.storage.file_kinds import WrongFileError
from ingestion_pipeline_tests.domains.book_sales.builders import Cell, Dated, workbook
from ingestion_pipeline_tests.foundation.intake.running import Came, read_once, understood
from ingestion_pipeline_tests.mappings.samples import came_of, sample, shipped
from ingestion_pipeline_tests.mappings.test_ways_of_writing import rows_of

FILES = [
    "kobo_writing_life.1.csv", "kobo_plus.1.csv", "uci_retail.1.csv", "acx.1.csv",
    "ingramspark.1.xls", "woocommerce_orders.1.csv",
]  # fmt: skip
NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?")


def typed(cell: str, dates: tuple[str, ...]) -> Cell:
    """A cell as a spreadsheet keeps what it takes for a date or a number."""
    for written in dates:
        try:
            moment = datetime.strptime(cell, written)  # noqa: DTZ007
        except ValueError:
            continue
        days = moment - datetime(1899, 12, 30)  # noqa: DTZ001 (spreadsheets know no zone)
        return Dated(days.days + days.seconds / 86_400)
    if NUMBER.fullmatch(cell) and not re.match(r"-?0[0-9]", cell):
        return int(cell) if "." not in cell else Decimal(cell)
    return cell


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("with_dates", [True, False])
def test_a_workbook_comes_to_what_its_text_does(file: str, with_dates: bool) -> None:
    name = file.partition(".")[0]
    mapped = shipped(name)
    above, rows, _ = rows_of(file, mapped)
    # "MAY-26" is a text in the vendor's workbook: a spreadsheet would take it for a day.
    dates = mapped.dates if with_dates and name != "ingramspark" else ()
    cells = [[typed(cell, dates) for cell in row] for row in rows[1:]]
    sheet = [*([line] for line in above), rows[0], *cells]
    content = workbook({mapped.read.sheet or "Sheet1": sheet})
    in_book, as_text = came_of(name, content), came_of(name, sample(file))
    assert in_book.rules == []
    assert told(in_book, name) == told(as_text, name)


def told(came: Came, name: str) -> list[dict[str, Any]]:
    """Records without what is kept as it is written (a workbook has 0.4 for 0.40), and without keys
    that are made of it: an ISBN that a spreadsheet has made 978….0 of is another text."""
    without = {"raw_payload"} | ({"external_id"} if name == "ingramspark" else set())
    return [
        {field: value for field, value in record.items() if field not in without}
        for records in came.made.values() for record in records.values()
    ]  # fmt: skip


def test_a_workbook_without_the_sheet_fails_and_says_which_it_has() -> None:
    content = workbook({"Summary": [["Date"], [1]]})
    with pytest.raises(WrongFileError, match=r"has no sheet 'Details'.*'Summary'"):
        came_of("kobo_writing_life", content)


def test_a_month_that_a_spreadsheet_took_for_a_day_is_refused() -> None:
    """`APR-25`, typed in 2026, is the 25th of April 2026 to a spreadsheet: it was April 2026."""
    mapped = shipped("ingramspark")
    _, rows, _ = rows_of("ingramspark.1.xls", mapped)
    at = rows[0].index("period_name")
    first, day = [Dated(46_113), Dated(46_137)]  # the 1st and the 25th of April 2026
    dated = zip((rows[1], rows[3]), (first, day), strict=True)
    sheet = [rows[0], *([*row[:at], cell, *row[at + 1 :]] for row, cell in dated)]
    came = came_of("ingramspark", workbook({"Sheet1": sheet}))
    assert [each["occurred_at"][:10] for each in came.of("sales_events")] == ["2026-04-01"]
    assert came.rules == ["3: occurred_at is not a date written like "
                          "%b-%y or %b-%Y or %b %Y or %B %Y"]  # fmt: skip


def test_a_date_of_a_workbook_is_written_in_the_mappings_language() -> None:
    sheet = [["Verkaufsprotokollnummer", "d"], ["1", Dated(46_000)]]
    mapping = understood(
        'source: x\nread: {format: xlsx}\ndates: ["%d. %b %Y"]\nmonths: [de]\n'
        "emit: {sales_events: {key: [d], fields: {event_type: {is: sale}, occurred_at: d, "
        'quantity: {is: "1"}}}}'
    )
    came = Came(Counts())
    read_once(mapping, workbook({"Sheet1": sheet}), "f.xlsx", "acme", came)
    assert [each["occurred_at"][:10] for each in came.of("sales_events")] == ["2025-12-09"]
