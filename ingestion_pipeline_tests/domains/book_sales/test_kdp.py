import pytest

from ingestion_pipeline.domains.book_sales.contract.events import Parsed
from ingestion_pipeline.domains.book_sales.sources.kdp import report as kdp
from ingestion_pipeline.foundation.errors import ContractError
from ingestion_pipeline_tests.domains.book_sales.builders import (
    COMBINED,
    EBOOK,
    KENP,
    PAPERBACK,
    Sheets,
    ebook,
    paperback,
    text,
    workbook,
)


def parse(sheets: Sheets) -> Parsed:
    return kdp.parse(workbook(sheets), file_name="report.xlsx")


def test_a_sheet_that_declares_one_cell_is_read_whole() -> None:
    assert parse({"eBook Royalty": [EBOOK, ebook(), ebook()]}).rows == 2


def test_a_royalty_date_is_a_month_or_a_day() -> None:
    month, day = parse(
        {"eBook Royalty": [EBOOK, ebook(day="2025-07"), ebook(day="2025-07-09")]}
    ).events
    assert (month.occurred_at.date().isoformat(), month.date_precision) == ("2025-07-01", "month")
    assert (day.occurred_at.date().isoformat(), day.date_precision) == ("2025-07-09", "day")


def test_exact_duplicates_are_sales_of_their_own() -> None:
    events = parse({"Paperback Royalty": [PAPERBACK, *[paperback()] * 3]}).events
    assert [event.external_id[-2:] for event in events] == [":1", ":2", ":3"]
    assert len({event.natural_key for event in events}) == 1


def test_not_available_is_no_number_and_refunds_are_negative() -> None:
    [event] = parse(
        {"eBook Royalty": [EBOOK, ebook("-6.31", cost="N/A", sold=0, refunded=1, net=-1)]}
    ).events
    assert (event.event_type, event.quantity, str(event.amount)) == ("refund", -1, "-6.3100")


def test_yen_have_no_decimals_and_free_copies_are_free() -> None:
    yen, free = parse(
        {"eBook Royalty": [EBOOK, ebook("506.0", currency="JPY", price="1445.0"),
                           ebook("0.0", transaction="Free - Promotion")]}
    ).events  # fmt: skip
    assert (str(yen.amount), yen.currency) == ("506.0000", "JPY")
    assert free.event_type == "free"


def test_combined_sales_count_only_where_they_come_alone() -> None:
    combined = [
        ["2025-07", "A Book", "An Author", "B000000001", "Amazon.de", "70%", "Standard", 1, 0, 1,
         9.08, 9.08, 0.06, 6.31, "EUR"],
        ["2024-04", "A Book", "An Author", "9790000000001", "Amazon.fr", "60%",
         "Standard - Paperback", 1, 0, 1, 14.01, 14.01, 4.33, 4.08, "EUR"],
    ]  # fmt: skip
    detailed: Sheets = {
        "eBook Royalty": [EBOOK, ebook()],
        "Hardcover Royalty": [PAPERBACK, paperback(transaction="Standard - Hardcover")],
    }
    whole = parse({"Combined Sales": [COMBINED, *combined], **detailed})
    assert whole.rows == 2
    assert whole.passed_over == {"Combined Sales: repeats the royalty sheets": 2}
    alone = kdp.parse(text(COMBINED, combined), file_name="combined.csv")
    # They are the same events, although a hardcover is called a paperback there.
    assert {e.external_id for e in alone.events} == {e.external_id for e in whole.events}


def test_orders_repeat_what_the_royalty_sheets_say() -> None:
    orders = ["Date", "Title", "Author Name", "ASIN", "Marketplace", "Paid Units", "Free Units"]
    row = ["2025-07", "A Book", "An Author", "B000000001", "Amazon.de", 1, 0]
    parsed = parse({"Orders Processed": [orders, row], "eBook Royalty": [EBOOK, ebook()]})
    assert parsed.rows == 1
    with pytest.raises(ContractError, match="orders carry no royalties"):
        kdp.parse(text(orders, [row]), file_name="orders.csv")


def test_pages_read_are_borrowed_pages() -> None:
    [event] = parse(
        {"KENP Read": [KENP, ["2025-08-01", "A Book", "An Author", "B000000001", "Amazon.de", 40]]}
    ).events
    assert (event.event_type, event.quantity, event.amount) == ("borrow_pages", 40, None)


def test_the_header_of_a_prior_month_is_in_its_second_row() -> None:
    header = ["Title", "Author", "ASIN", "Marketplace", "Units Sold", "Units Refunded",
              "Net Units Sold", "Royalty Type", "Transaction Type", "Currency",
              "Avg. List Price without tax", "Avg. Offer Price without tax", "Avg. File Size (MB)",
              "Avg. Delivery Cost", "Royalty"]  # fmt: skip
    row = ["A Book", "An Author", "B000000001", "Amazon.de", 3, 0, 3, "70%", "Standard", "EUR",
           9.08, 9.08, 0.5, 0.06, "18.93"]  # fmt: skip
    kenp = ["Title", "Author", "ASIN", "Marketplace",
            "Kindle Edition Normalized Page (KENP) Read", "Royalty", "Currency"]  # fmt: skip
    pages = ["A Book", "An Author", "B000000001", "Amazon.de", 100, "0.42", "EUR"]
    period = ["Sales Period", "January 2025"]
    sale, read = parse(
        {"eBook Royalty": [period, header, row], "KENP Read": [period, kenp, pages]}
    ).events
    assert (sale.occurred_at.date().isoformat(), sale.report) == (
        "2025-01-01", "prior_month_royalty",
    )  # fmt: skip
    assert (read.event_type, str(read.amount), read.currency) == ("borrow_pages", "0.4200", "EUR")


def test_payments_have_two_currencies() -> None:
    header = ["Sales Period - Start Date", "Sales Period - End Date", "Marketplace",
              "Payment Number", "Detail", "Date", "Payment Method", "Currency", "Accrued Royalty",
              "Tax Withholding", "Adjustments", "Net Earnings", "Source", "FX Rate", "Currency",
              "Payout Amount", "Payment Status"]  # fmt: skip
    row = ["2024-01-01", "2024-01-31", "Amazon.com", "123456", "", "2024-03-29", "EFT", "USD",
           "10.00", "0", "0", "10.00", "Sales", "0.92", "EUR", "9.20", "Paid"]  # fmt: skip
    [event] = parse({"Payments": [header, row]}).events
    assert (event.event_type, str(event.amount), event.currency) == ("payment", "9.2000", "EUR")
    assert event.raw["accrual_currency"] == "USD"


def test_spanish_workbooks_are_the_same_reports() -> None:
    header = ["Fecha de las regalías", "Título", "Nombre del autor", "ASIN", "Tienda",
              "Tipo de regalía", "Tipo de transacción", "Unidades vendidas", "Unidades devueltas",
              "Unidades netas vendidas", "Precio de lista medio sin impuestos",
              "Precio de oferta medio sin impuestos", "Tamaño medio del archivo (MB)",
              "Gasto medio de envío", "Regalías", "Moneda"]  # fmt: skip
    spanish = parse(
        {"Regalías de eBooks ": [header, ebook(day="julio 2025", transaction="Estándar")]}
    )
    english = parse({"eBook Royalty": [EBOOK, ebook(day="2025-07")]})
    assert spanish.events[0].external_id == english.events[0].external_id


def test_a_sheet_saved_as_csv_with_semicolons_has_decimal_commas() -> None:
    row = ebook("6,31", price="1.009,08", cost="0,06")
    row[12] = "0,53"
    content = text(EBOOK, [row], delimiter=";").decode().encode("utf-8-sig")
    [event] = kdp.parse(content, file_name="ebook.csv").events
    assert (str(event.amount), str(event.list_price)) == ("6.3100", "1009.0800")


def test_an_unknown_header_says_what_was_found_and_what_is_known() -> None:
    header = [*EBOOK[:-1], "Waluta"]
    with pytest.raises(ContractError, match=r"(?s)unknown columns 'Waluta'.*found.*known are"):
        parse({"eBook Royalty": [header, ebook()]})
    with pytest.raises(ContractError, match="unknown sheet 'Verkäufe'; known are Combined Sales"):
        parse({"Verkäufe": [EBOOK, ebook()]})
    with pytest.raises(ContractError, match=r"'Royalty'.* missing"):
        parse({"eBook Royalty": [EBOOK[:14], ebook()[:14]]})


def test_a_bad_row_is_rejected_and_the_others_are_read() -> None:
    parsed = parse(
        {"eBook Royalty": [EBOOK, ebook("a lot"), ebook(), ebook(day="soon"), ebook(currency="")]}
    )
    assert len(parsed.events) == 1
    assert [row.reasons[0]["field"] for row in parsed.rejected] == [
        "Royalty", "Royalty Date", "Currency",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"PK\x03\x04 not really", "not a readable workbook"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1", "not a readable workbook"),
        (b"", "is empty"),
        (b"a,b\n1,2\n", "unknown columns 'a', 'b'"),
    ],
)
def test_what_is_no_report_says_so(content: bytes, said: str) -> None:
    with pytest.raises(ContractError, match=said):
        kdp.parse(content, file_name="report.xlsx")


def test_units_that_nobody_says_were_none_sold() -> None:
    rows = [ebook(net="N/A", sold=2, refunded=1), ebook(net="", sold="N/A"), ebook(net="", sold="")]
    parsed = kdp.parse(text(EBOOK, rows), file_name="kdp.csv")
    assert [event.quantity for event in parsed.events] == [1]
    assert [row.reasons[0] for row in parsed.rejected] == [
        {"field": "Units Sold", "rule": "is missing"}
    ] * 2


def test_net_units_that_contradict_those_sold_and_refunded_were_taken() -> None:
    rows = [ebook(sold=3, refunded=1, net=2), ebook(sold=3, refunded=1, net=3),
            ebook(sold=3, refunded=-1, net=2), ebook("-6.31", sold=0, refunded=1, net=1),
            ebook(sold=3, refunded="N/A", net=3)]  # fmt: skip
    parsed = parse({"eBook Royalty": [EBOOK, *rows]})
    assert [event.quantity for event in parsed.events] == [2, 2, 3]
    assert [dict(row.reasons[0]) for row in parsed.rejected] == [
        {"field": "Net Units Sold", "rule": "is 3, but Units Sold less Units Refunded is 2"},
        {"field": "Net Units Sold", "rule": "is 1, but Units Sold less Units Refunded is -1"},
    ]


@pytest.mark.parametrize("code", ["XYZ", "RMB", "EURO", "BTC"])
def test_any_three_letters_were_a_currency(code: str) -> None:
    parsed = parse({"eBook Royalty": [EBOOK, ebook(currency=code), ebook(currency="hrk")]})
    assert [event.currency for event in parsed.events] == ["HRK"]
    assert [row.reasons[0]["rule"] for row in parsed.rejected] == [
        "is no currency code of ISO 4217, in use or past"
    ]


def test_pages_that_nobody_says_were_none_read() -> None:
    header = ["Date", "Title", "Author Name", "ASIN", "Marketplace", "KENP Read"]
    rows = [
        ["2026-05-03", "A Book", "A", "B0TEST0001", "Amazon.de", said] for said in ("7", "", "0")
    ]
    parsed = kdp.parse(text(header, rows), file_name="kenp.csv")
    assert [event.quantity for event in parsed.events] == [7, 0]
    assert [row.reasons[0]["field"] for row in parsed.rejected] == ["KENP Read"]
