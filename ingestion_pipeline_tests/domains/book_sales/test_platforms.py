import pytest

from ingestion_pipeline.domains.book_sales.sources import draft2digital, smashwords
from ingestion_pipeline.foundation.errors import ContractError
from ingestion_pipeline_tests.domains.book_sales import builders
from ingestion_pipeline_tests.domains.book_sales.builders import D2D, SMASHWORDS, d2d, text


@pytest.mark.parametrize("end", ["\r", "\n", "\r\n"])
def test_smashwords_lines_end_in_any_way(end: str) -> None:
    rows = [builders.smashwords(), builders.smashwords(day="2010-08-18 0:02")]
    content = text(SMASHWORDS, rows, delimiter="\t", end=end)
    events = smashwords.parse(content, file_name="sales.xls").events
    assert [event.occurred_at.isoformat() for event in events] == [
        "2010-08-17T05:18:00+00:00", "2010-08-18T00:02:00+00:00",
    ]  # fmt: skip
    assert events[0].title == 'The "First" Book'


def test_smashwords_types_are_told_apart() -> None:
    rows = [
        builders.smashwords(),
        builders.smashwords(kind="retailer sale", channel="Kobo"),
        builders.smashwords("-1.39", qty=-1),
        builders.smashwords("0", price="0"),
        builders.smashwords("-55.10", kind="payment", qty=""),
        builders.smashwords(kind="gift"),
    ]
    parsed = smashwords.parse(text(SMASHWORDS, rows, delimiter="\t"), file_name="sales.xls")
    assert [e.event_type for e in parsed.events] == ["sale", "sale", "refund", "free", "payment"]
    assert [row.reasons[0]["field"] for row in parsed.rejected] == ["type"]


def test_a_pending_smashwords_sale_is_the_same_sale_once_it_is_paid() -> None:
    pending, paid = (
        smashwords.parse(text(SMASHWORDS, [builders.smashwords(amount)], delimiter="\t"),
                         file_name="sales.xls").events[0]
        for amount in ("", "1.39")
    )  # fmt: skip
    assert pending.amount is None
    assert pending.external_id == paid.external_id


def test_smashwords_wants_its_own_text() -> None:
    with pytest.raises(ContractError, match="found 'a'; known are type, channel"):
        smashwords.parse(b"a\n", file_name="sales.xls")
    with pytest.raises(ContractError, match="not a readable workbook"):
        smashwords.parse(b"\xd0\xcf\x11\xe0", file_name="sales.xls")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252"])
def test_draft2digital_comes_in_two_encodings(encoding: str) -> None:
    content = text(D2D, [d2d()]).decode().encode(encoding)
    [event] = draft2digital.parse(content, file_name="d2d.csv").events
    assert (event.title, str(event.amount), event.currency) == ("Café", "2.1000", "EUR")


def test_draft2digital_periods_and_summaries() -> None:
    summary = ["Total", "", "", "", "", "", *[""] * 18, "4.20"]
    rows = [d2d(), d2d(start="2024-03-03", end="2024-03-09"), d2d("-2.10", units=-1), summary]
    parsed = draft2digital.parse(text(D2D, rows), file_name="d2d.csv")
    assert [event.date_precision for event in parsed.events] == ["day", "month", "day"]
    assert [event.event_type for event in parsed.events] == ["sale", "sale", "refund"]
    assert parsed.passed_over == {"summary rows": 1}
    assert parsed.rejected == []


def test_draft2digitals_net_units_that_contradict_the_others_were_taken() -> None:
    rows = [d2d(), d2d(), d2d("-2.10", units=-1)]
    at = D2D.index("Units Returned")
    rows[0][at - 1 : at + 2] = [2, 1, 2]
    rows[2][at - 1 : at + 2] = [0, -1, -1]  # returns written below zero
    parsed = draft2digital.parse(text(D2D, rows), file_name="d2d.csv")
    assert [event.quantity for event in parsed.events] == [1, -1]
    assert [dict(row.reasons[0]) for row in parsed.rejected] == [
        {"field": "Net Unit Sales", "rule": "is 2, but Units Sold less Units Returned is 1"}
    ]


def test_draft2digital_print_reports_have_their_own_columns() -> None:
    other = {"Ebook ISBN": "Paperback ISBN", "Sales Channel Fee/Taxes Per Unit": "Unit Cost"}
    kept = [n for n, name in enumerate(D2D) if name not in ("Sales Channel Share", "D2D Share")]
    header = [other.get(D2D[n], D2D[n]) for n in kept]
    rows = [[d2d()[n] for n in kept], [d2d("x")[n] for n in kept]]
    parsed = draft2digital.parse(text(header, rows), file_name="print.csv")
    assert parsed.events[0].report == "print"
    assert parsed.rejected[0].reasons == ({"field": "Publisher Share", "rule": "is not a number"},)
    with pytest.raises(ContractError, match="unknown columns 'ISBN'"):
        draft2digital.parse(text(["ISBN", *D2D], []), file_name="print.csv")


def test_an_isbn_that_a_spreadsheet_has_shortened_refuses_its_row() -> None:
    """Books of one publisher became one book: all of their ISBNs are 9.78E+12."""
    rows = [d2d(), d2d()]
    rows[1][D2D.index("Ebook ISBN")] = "9.78168E+12"
    parsed = draft2digital.parse(text(D2D, rows), file_name="d2d.csv")
    assert (len(parsed.events), [row.reasons[0]["field"] for row in parsed.rejected]) == (
        1,
        ["ISBN"],
    )
    sale = builders.smashwords()
    sale[SMASHWORDS.index("isbn")] = "9,78E+12"
    content = text(SMASHWORDS, [sale, builders.smashwords()], delimiter="\t")
    parsed = smashwords.parse(content, file_name="sales.xls")
    assert (len(parsed.events), [row.reasons[0]["field"] for row in parsed.rejected]) == (
        1,
        ["isbn"],
    )
