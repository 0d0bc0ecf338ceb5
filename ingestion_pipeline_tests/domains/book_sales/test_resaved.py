"""Reports that a spreadsheet or its user has saved again, put together, or cut."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from ingestion_pipeline.domains.book_sales.contract.events import Parsed
from ingestion_pipeline.domains.book_sales.sources import draft2digital, reports, smashwords
from ingestion_pipeline.domains.book_sales.sources.formats.dates import CERTAIN, readings
from ingestion_pipeline.domains.book_sales.sources.formats.headers import NO_ROWS
from ingestion_pipeline.domains.book_sales.sources.formats.notation import NOTHING_TOLD
from ingestion_pipeline.domains.book_sales.sources.formats.numerals import POINT, numeral
from ingestion_pipeline.domains.book_sales.sources.kdp import report as kdp
from ingestion_pipeline.foundation.errors import ContractError
from ingestion_pipeline_tests.domains.book_sales import builders
from ingestion_pipeline_tests.domains.book_sales.builders import (
    D2D,
    EBOOK,
    SMASHWORDS,
    d2d,
    ebook,
    text,
    workbook,
)

SHARE, SHARE_USD = D2D.index("Publisher Share"), D2D.index("Publisher Share USD (estimated)")


def of_d2d(content: bytes) -> Parsed:
    return draft2digital.parse(content, file_name="d2d.csv")


def amounts(parsed: Parsed) -> list[str]:
    return [f"{event.amount:.2f}" for event in parsed.events]


def accounted(parsed: Parsed) -> bool:
    kinds = dict(parsed.lines)
    return kinds.pop("lines") == sum(kinds.values())


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("above", ["", "sep={}\r\n", '"sep={}"\n', "SEP={}\n"])
def test_pipes_and_the_line_that_names_the_delimiter_were_unknown_columns(
    delimiter: str, above: str
) -> None:
    head = above.format(delimiter).encode()
    parsed = of_d2d(head + text(D2D, [d2d(), d2d("")], delimiter=delimiter))
    assert amounts(parsed) == ["2.10"]
    assert parsed.rejected[0].row == (4 if above else 3)
    assert accounted(parsed)
    of_kdp = kdp.parse(head + text(EBOOK, [ebook()], delimiter=delimiter), file_name="kdp.csv")
    assert amounts(of_kdp) == ["6.31"]
    assert accounted(of_kdp)


def test_utf_32_with_its_mark_was_no_text() -> None:
    for encoding in ("utf-32", "utf-16"):
        assert amounts(of_d2d(text(D2D, [d2d()]).decode().encode(encoding))) == ["2.10"]
    for encoding in ("utf-32", "utf-16", "utf-8"):
        with pytest.raises(ContractError, match=r"HTML|web page"):
            of_d2d("<!DOCTYPE html><html><body>Sign in</body></html>".encode(encoding))
    with pytest.raises(ContractError, match="begins as UTF-32 and is not"):
        of_d2d(b"\xff\xfe\x00\x00abc")


@pytest.mark.parametrize("content", [b"\xef\xbb\xbf", b"\xff\xfe", b"\xef\xbb\xbf\r\n \r\n"])
def test_a_file_of_a_mark_and_nothing_else_was_a_traceback(content: bytes) -> None:
    for parse in (draft2digital.parse, smashwords.parse, kdp.parse):
        with pytest.raises(ContractError, match="is empty, as after a transfer that failed"):
            parse(content, file_name="report.csv")


def test_a_line_that_names_the_delimiter_and_nothing_else_has_no_header() -> None:
    with pytest.raises(ContractError, match="has no header"):
        of_d2d(b"sep=;\n")
    with pytest.raises(ContractError, match="unknown columns"):
        kdp.parse(b"sep=;\n", file_name="kdp.csv")


def test_headers_in_another_case_or_with_other_spaces_were_unknown_columns() -> None:
    for change in (str.upper, str.lower, lambda name: " " + name.replace(" ", "\u00a0") + "  "):
        parsed = of_d2d(text([change(name) for name in D2D], [d2d()]))
        assert amounts(parsed) == ["2.10"]
        assert parsed.events[0].raw["Publisher Share"] == "2.10"
    loud = text([name.upper() for name in SMASHWORDS], [builders.smashwords()], delimiter="\t")
    assert amounts(smashwords.parse(loud, file_name="sales.xls")) == ["1.39"]


def test_a_column_that_differs_in_case_only_is_there_twice() -> None:
    with pytest.raises(ContractError, match="'Title' are there twice"):
        of_d2d(text([*D2D, "TITLE"], [[*d2d(), "Other"]]))


@pytest.mark.parametrize("delimiter", [",", ";", "|"])
def test_smashwords_report_saved_as_csv_was_one_unknown_column(delimiter: str) -> None:
    content = text(SMASHWORDS, [builders.smashwords()], delimiter=delimiter)
    [event] = smashwords.parse(content, file_name="sales.csv").events
    assert (event.title, event.amount) == ('The "First" Book', Decimal("1.39"))


def test_reports_put_one_behind_another_have_their_header_twice() -> None:
    parsed = of_d2d(text(D2D, [d2d()]) + text(D2D, [d2d("3.00")]))
    assert (amounts(parsed), parsed.rejected) == (["2.10", "3.00"], [])
    assert accounted(parsed)
    both = kdp.parse(text(EBOOK, [ebook()]) * 2, file_name="kdp.csv")
    assert (amounts(both), both.rejected) == (["6.31", "6.31"], [])
    assert accounted(both)
    sheet = workbook({"eBook Royalty": [EBOOK, ebook(), EBOOK, ebook()]})
    assert amounts(kdp.parse(sheet, file_name="kdp.xlsx")) == ["6.31", "6.31"]


def test_a_second_header_in_another_order_put_dollars_under_the_first_ones_names() -> None:
    other = list(D2D)
    other[SHARE], other[SHARE_USD] = other[SHARE_USD], other[SHARE]
    with pytest.raises(ContractError, match="row 3 is a header with other columns"):
        of_d2d(text(D2D, [d2d()]) + text(other, [d2d()]))
    with pytest.raises(ContractError, match="row 3 is a header with other columns"):
        kdp.parse(text(EBOOK, [ebook()]) + text(EBOOK[::-1], [ebook()[::-1]]), file_name="kdp.csv")


def test_a_row_whose_title_was_merged_away_was_passed_over_as_a_sum() -> None:
    merged = d2d("5.00")
    for name in ("Title", "Title ID"):
        merged[D2D.index(name)] = ""
    total = ["Total", *[""] * (SHARE - 1), "7.10"]
    parsed = of_d2d(text(D2D, [d2d(), merged, total]))
    assert amounts(parsed) == ["2.10"]
    assert [row.reasons[0]["field"] for row in parsed.rejected] == ["Title"]
    assert parsed.passed_over == {"summary rows": 1}


def test_a_header_without_rows_is_said() -> None:
    parsed = of_d2d(text(D2D, []))
    assert (parsed.events, parsed.rejected, parsed.warnings) == ([], [], [NO_ROWS])
    empty = smashwords.parse(text(SMASHWORDS, [], delimiter="\t"), file_name="sales.xls")
    assert empty.warnings == [NO_ROWS]
    for content in (text(EBOOK, []), workbook({"eBook Royalty": [EBOOK], "KENP Read": []})):
        assert kdp.parse(content, file_name="kdp").warnings == [NO_ROWS]


@pytest.mark.parametrize("written", ["$(1.50)", "($1.50)", "(1.50)", "$ (1.50)", "-$1.50"])
def test_parentheses_behind_a_currency_sign_are_a_minus(written: str) -> None:
    found = numeral(written)
    assert found is not None
    assert found.by_sign == {POINT: Decimal("-1.50")}


@pytest.mark.parametrize("written", ["-(1.50)", "$(-1.50)", "((1.50))", "$()", "(1.50)-"])
def test_two_minus_signs_are_no_number(written: str) -> None:
    assert numeral(written) is None


def test_a_date_as_excel_shows_it_was_none() -> None:
    assert readings("3-May-26")[CERTAIN].at == datetime(2026, 5, 3, tzinfo=UTC)
    assert readings("03-mai-26")[CERTAIN].at == datetime(2026, 5, 3, tzinfo=UTC)
    assert readings("May-26") == {}  # of a month or of a day: nobody knows


def test_a_spreadsheets_template_says_an_age_that_the_report_has_not() -> None:
    """Spreadsheets write when their own template was made; then a report of today was the older."""
    received = datetime(2026, 9, 1, tzinfo=UTC)

    def time_of(created: str) -> datetime | None:
        content = workbook({"eBook Royalty": [EBOOK, ebook(day="2025-07-15")]}, created=created)
        parsed = reports.read(
            content, platform="kdp", file_name="kdp.xlsx", told=NOTHING_TOLD, tenant="acme"
        )
        return reports.time_of(parsed, file_name="kdp.xlsx", received_at=received)

    assert time_of("2015-06-05T18:17:20Z") is None
    assert time_of("2025-07-15T01:00:00Z") == datetime(2025, 7, 15, 1, tzinfo=UTC)
