"""Numbers and dates are what a report's own values say, or the report is refused."""

from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestion_pipeline.domains.book_sales.contract.events import Event, Parsed
from ingestion_pipeline.domains.book_sales.sources import draft2digital
from ingestion_pipeline.domains.book_sales.sources.formats import dates
from ingestion_pipeline.domains.book_sales.sources.formats.notation import Told, last_day
from ingestion_pipeline.domains.book_sales.sources.formats.numerals import numeral
from ingestion_pipeline.domains.book_sales.sources.kdp import report as kdp
from ingestion_pipeline.foundation.errors import ContractError
from ingestion_pipeline_tests.domains.book_sales.builders import D2D, EBOOK, d2d, ebook, text

NOTHING = Told()


def shares(*values: str, delimiter: str = ";", told: Told = NOTHING) -> Parsed:
    """A report of Draft2Digital with these shares, and whole numbers otherwise."""
    rows = [d2d(value) for value in values]
    for row in rows:
        row[15] = row[17] = "3"
    content = text(D2D, rows, delimiter=delimiter)
    return draft2digital.parse(content, file_name="d2d.csv", told=told)


def days(*values: str, told: Told = NOTHING) -> Parsed:
    content = text(D2D, [d2d(start=value, end=value) for value in values], delimiter=";")
    return draft2digital.parse(content, file_name="d2d.csv", told=told)


def amounts(parsed: Parsed) -> list[Decimal | None]:
    return [event.amount for event in parsed.events]


def dated(parsed: Parsed) -> list[str]:
    return [event.occurred_at.date().isoformat() for event in parsed.events]


@pytest.mark.parametrize("delimiter", [";", "\t"])
@pytest.mark.parametrize(
    ("values", "read"),
    [
        (("4.99", "12.50"), ("4.99", "12.50")),  # was 499 and 1250 behind a semicolon
        (("2,792", "2,79"), ("2.792", "2.79")),  # was 2792 behind a tab
        (("1,234.56", "1,234"), ("1234.56", "1234")),
        (("1.234,56", "1.234"), ("1234.56", "1234")),
        (("1 234,56", "1,234"), ("1234.56", "1.234")),
        (("1'234.56", "1.234"), ("1234.56", "1.234")),
        (("0,123", "4,000"), ("0.123", "4")),
        (("3", "12"), ("3", "12")),
        (("12.50-", "(1.00)"), ("-12.50", "-1.00")),
        (("€ 4,99", "-2,50 EUR"), ("4.99", "-2.50")),
    ],
)
def test_the_delimiter_says_nothing_about_the_decimal_sign(
    values: tuple[str, ...], read: tuple[str, ...], delimiter: str
) -> None:
    assert amounts(shares(*values, delimiter=delimiter)) == [Decimal(value) for value in read]


def test_what_could_be_thousands_is_refused_until_somebody_says() -> None:
    with pytest.raises(ContractError, match=r"'2,792' in row 2 is .*; say --decimal \. or ,"):
        shares("2,792", "3")
    assert amounts(shares("2,792", told=Told(decimal=","))) == [Decimal("2.792")]
    assert amounts(shares("2,792", told=Told(decimal="."))) == [Decimal(2792)]


def test_a_mixture_of_decimal_signs_is_refused_with_both_rows() -> None:
    with pytest.raises(ContractError, match=r"contradict one another: '4\.99' in row 2 .* row 3"):
        shares("4.99", "4,99")


def test_columns_that_are_not_read_decide_nothing() -> None:
    row = d2d("4,81")  # its other columns have points, as other programs filled them
    row[15] = row[17] = "4,99"
    [event] = draft2digital.parse(text(D2D, [row], delimiter=";"), file_name="d2d.csv").events
    assert (event.amount, event.list_price) == (Decimal("4.81"), Decimal("4.99"))


@pytest.mark.parametrize("bad", ["1_000", "９.９９", "1E3", "NaN", "--3", "1,23,4", "$4.99"])
def test_what_is_no_number_costs_its_row_only(bad: str) -> None:
    parsed = shares("4.99", bad)  # dollars are not the euros of the row
    assert amounts(parsed) == [Decimal("4.99")]
    assert parsed.rejected[0].reasons[0]["field"] == "Publisher Share"


@given(st.decimals(min_value=-(10**8), max_value=10**8, places=2))
def test_a_number_with_two_decimals_reads_back_however_it_is_written(value: Decimal) -> None:
    english = f"{value:,}"
    written = {
        ".": [str(value), english, english.replace(",", "'"), english.replace(",", "\u00a0")],
        ",": [english.translate(str.maketrans(",.", by + ",")) for by in ". '\u202f"],
    }
    for sign, texts in written.items():
        for one in texts:
            found = numeral(one)
            assert found is not None
            assert dict(found.by_sign) == {sign: value}


def test_day_first_dates_stay_in_their_month() -> None:
    read = dated(days("03/04/2026", "12/04/2026", "13/04/2026", "30/04/2026"))
    assert read == ["2026-04-03", "2026-04-12", "2026-04-13", "2026-04-30"]
    assert dated(days("04/03/2026", "04/13/2026")) == ["2026-04-03", "2026-04-13"]
    assert dated(days("31.12.2025", "01.02.2026")) == ["2025-12-31", "2026-02-01"]


def test_dates_of_either_order_are_refused_until_somebody_says() -> None:
    with pytest.raises(ContractError, match="2026-04-03 or 2026-03-04; say --dates dmy or mdy"):
        days("03/04/2026")
    with pytest.raises(ContractError, match="say --dates"):
        days("2026-04-13", "03/04/2026")  # an ISO date says nothing about the others
    assert dated(days("03/04/2026", told=Told(dates="dmy"))) == ["2026-04-03"]
    assert dated(days("03/04/2026", told=Told(dates="mdy"))) == ["2026-03-04"]
    assert dated(days("03/03/2026")) == ["2026-03-03"]  # the same in both


def test_dates_of_both_orders_are_refused() -> None:
    with pytest.raises(ContractError, match="'13/04/2026' in row 2 has the day first"):
        days("13/04/2026", "04/13/2026")


def test_a_date_in_the_future_decides_against_an_order_and_is_never_loaded() -> None:
    later = last_day() + timedelta(days=1)
    parsed = days("2026-04-03", later.isoformat(), f"{later.year + 1}-01")
    assert dated(parsed) == ["2026-04-03"]
    assert [row.reasons[0]["rule"] for row in parsed.rejected] == ["is in the future"] * 2
    ahead = (last_day().replace(day=1) + timedelta(days=40)).replace(day=2)
    month_first = f"{ahead:%m/%d/%Y}"  # read month first it is in the future, if it can be read so
    assert dates.MDY in dates.readings(month_first)
    if ahead.replace(month=2, day=ahead.month if ahead.month <= 12 else 1) <= last_day():
        assert dated(days(month_first)) == [f"{ahead.year}-02-{ahead.month:02}"]


def test_years_of_two_digits_need_more_than_a_likely_order() -> None:
    assert dated(days("8/17/26", told=Told(dates="mdy"))) == ["2026-08-17"]
    with pytest.raises(ContractError, match="say --dates"):
        days("03/04/05")


def test_spreadsheets_day_numbers_are_dates_in_a_csv_too() -> None:
    parsed = days("46146", "46146.75", "2026-05-04")
    assert dated(parsed) == ["2026-05-04"] * 3
    assert dated(days("12")) == []


def test_months_have_names_in_several_languages_and_stay_months() -> None:
    parsed = days("junio 2026", "März 2026", "août 2025", "2026-04")
    assert dated(parsed) == ["2026-06-01", "2026-03-01", "2025-08-01", "2026-04-01"]
    assert {event.date_precision for event in parsed.events} == {"month"}


def test_a_sale_is_the_same_however_a_spreadsheet_writes_its_day() -> None:
    def ids(parsed: Parsed) -> set[str]:
        events: list[Event] = parsed.events
        return {event.external_id for event in events}

    iso = ids(days("2026-04-13"))
    assert ids(days("13/04/2026")) == iso == ids(days("46125"))


def test_every_line_is_accounted_for_behind_a_quote_that_is_never_closed() -> None:
    lines = text(D2D, [d2d(title=f"Book {n}") for n in range(8)]).decode().split("\r\n")
    lines[3] = lines[3].replace("Book 2", '"Book 2')
    lines.insert(5, "")
    parsed = draft2digital.parse("\r\n".join(lines).encode(), file_name="d2d.csv")
    assert len(parsed.events) == 7
    assert [row.reasons[0]["rule"] for row in parsed.rejected] == [
        "a quote opened in line 4 is never closed"
    ]
    said = parsed.lines
    assert said["lines"] == sum(number for name, number in said.items() if name != "lines") == 10


def test_a_title_of_two_lines_is_one_row() -> None:
    parsed = draft2digital.parse(text(D2D, [d2d(title='"A\nB"'), d2d()]), file_name="d2d.csv")
    assert [event.title for event in parsed.events] == ["A\nB", "Café"]
    assert parsed.lines["rows"] == 3


def test_a_column_twice_is_refused_by_its_name() -> None:
    with pytest.raises(ContractError, match="columns 'Title' are there twice"):
        draft2digital.parse(text([*D2D, "Title"], []), file_name="d2d.csv")
    with pytest.raises(ContractError, match="'Currency' is there twice"):
        kdp.parse(text([*EBOOK, "Currency"], [[*ebook(), "USD"]]), file_name="kdp.csv")
