"""Which report is newer is said by the report; payments add up; what is refused as a whole."""

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from ingestion_pipeline.domains.book_sales.merge.folder import ReportResult, merge_reports
from ingestion_pipeline.domains.book_sales.offenders import payments_that_do_not_add_up
from ingestion_pipeline.domains.book_sales.publish import daily
from ingestion_pipeline.domains.book_sales.sources import smashwords
from ingestion_pipeline.domains.book_sales.sources.formats.as_of import as_of, date_in
from ingestion_pipeline.domains.book_sales.sources.kdp import report as kdp
from ingestion_pipeline_tests.domains.book_sales.builders import (
    D2D,
    EBOOK,
    KEEPS,
    SMASHWORDS,
    Cell,
    d2d,
    ebook,
    text,
    workbook,
)
from ingestion_pipeline_tests.domains.book_sales.builders import smashwords as sale

NOW = datetime(2026, 9, 1, tzinfo=UTC)
PAYMENTS: list[Cell] = [
    "Sales Period - Start Date", "Sales Period - End Date", "Marketplace", "Payment Number",
    "Detail", "Date", "Payment Method", "Currency", "Accrued Royalty", "Tax Withholding",
    "Adjustments", "Net Earnings", "Source", "FX Rate", "Currency", "Payout Amount",
    "Payment Status",
]  # fmt: skip


def payment(accrued: Cell = "71.47") -> list[Cell]:
    return ["2024-01-01", "2024-01-31", "Amazon.ca", "123456", "", "2024-03-29", "EFT", "CAD",
            accrued, "0", "0", accrued, "", "0.6239", "EUR", "44.59", "Paid"]  # fmt: skip


def part(accrued: Cell, source: str = "Sales", money: str = "CAD") -> list[Cell]:
    return ["", "", "", "", "2024-01", "", "", money, accrued, "0", "", accrued, source, "", "",
            "", ""]  # fmt: skip


def imported(
    engine: sa.Engine, folder: Path, name: str, content: bytes, platform: str = "amazon_kdp"
) -> ReportResult:
    path = folder / name
    path.write_bytes(content)
    [result] = merge_reports(engine, [path], platform=platform, tenant="acme", keeps=KEEPS).files
    return result


def amounts(engine: sa.Engine) -> list[Decimal]:
    with engine.connect() as connection:
        query = sa.text("SELECT amount FROM sales_events ORDER BY amount")
        return list(connection.scalars(query))


def test_an_older_export_that_comes_later_changes_nothing(
    engine: sa.Engine, tmp_path: Path
) -> None:
    def export(created: str, *royalties: str) -> bytes:
        rows = [ebook(royalty) for royalty in royalties]
        return workbook({"eBook Royalty": [EBOOK, *rows]}, created=created)

    imported(engine, tmp_path, "b.xlsx", export("2026-03-01T00:00:00Z", "5.00"))
    older = imported(engine, tmp_path, "a.xlsx", export("2026-01-01T00:00:00Z", "4.00", "3.00"))
    assert older.counts["left_alone"] == 2
    assert (older.counts["inserted"], older.counts["updated"]) == (0, 0)
    assert amounts(engine) == [Decimal(5)]
    # What a newer one says as well is as of then: one from between can't change it.
    imported(engine, tmp_path, "d.xlsx", export("2026-05-01T00:00:00Z", "5.00"))
    between = imported(engine, tmp_path, "c.xlsx", export("2026-04-01T00:00:00Z", "4.50"))
    assert between.counts["left_alone"] == 1
    newer = imported(engine, tmp_path, "e.xlsx", export("2026-06-01T00:00:00Z", "6.00"))
    assert newer.counts["updated"] == 1
    assert amounts(engine) == [Decimal(6)]


def test_a_csv_is_as_old_as_its_name_or_its_period_says(engine: sa.Engine, tmp_path: Path) -> None:
    def export(share: str, *more: list[Any]) -> bytes:
        return text(D2D, [d2d(share), *more])

    later_day = d2d("1.00", start="2026-05-31", end="2026-05-31")
    for name, share, left_alone, more in (
        ("d2d-2026-05-01.csv", "2.00", 0, []),
        ("d2d-2026-04-01.csv", "1.50", 1, []),
        ("whole year.csv", "3.00", 0, [later_day]),
        ("d2d-2026-05-02.csv", "2.50", 1, []),
        ("d2d_20260801.csv", "4.00", 0, []),
    ):
        result = imported(engine, tmp_path, name, export(share, *more), "draft2digital")
        assert result.counts["left_alone"] == left_alone, name
    assert amounts(engine) == [Decimal(1), Decimal(4)]


def test_what_a_report_says_of_its_time() -> None:
    day = datetime(2026, 8, 1, tzinfo=UTC)
    common: dict[str, Any] = {"received_at": NOW, "file_name": "kdp.xlsx"}
    assert as_of(created=day, period_end=None, **common) == day
    ahead = datetime(2027, 1, 1, tzinfo=UTC)  # a clock that was wrong
    assert as_of(created=ahead, period_end=day, **common) == day
    assert as_of(created=None, period_end=None, **common) is None
    assert date_in("KDP_Orders-20260101-8c2e-4a52-bd2f-403815d8752f.xlsx") is None
    assert date_in("KDP_Prior_Month_Royalties-2026-02-01-7ec5e6a9_1754155418444.xlsx") == (
        datetime(2026, 2, 1, tzinfo=UTC)
    )


def test_the_same_file_under_two_names_is_one(engine: sa.Engine, tmp_path: Path) -> None:
    content = text(EBOOK, [ebook(), ebook()])
    assert imported(engine, tmp_path, "a.csv", content).counts["inserted"] == 2
    assert imported(engine, tmp_path, "b.csv", content).counts["unchanged"] == 2


def test_what_a_payment_is_made_of_adds_up(engine: sa.Engine, tmp_path: Path) -> None:
    good = [payment(), part("43.69", "Paperback Sale"), part("27.78")]
    result = imported(engine, tmp_path, "p.xlsx", workbook({"Payments": [PAYMENTS, *good]}))
    assert result.counts["rejected"] == 0
    assert result.remarks["passed_over"] == {"Payments: what a payment is made of": 2}
    assert "warnings" not in result.remarks
    with engine.connect() as connection:
        assert connection.execute(payments_that_do_not_add_up()).all() == []
    assert amounts(engine) == [Decimal("44.59")]
    bad = [payment(), part("43.69"), part("27.78", money="USD")]
    again = imported(engine, tmp_path, "q.xlsx", workbook({"Payments": [PAYMENTS, *bad]}))
    assert again.remarks["warnings"] == [
        "payment 123456: its parts are 43.69 CAD, 27.78 USD, it says 71.47 CAD"
    ]


def test_a_payment_that_is_no_sum_of_its_parts_is_told_by_the_check(
    engine: sa.Engine, tmp_path: Path
) -> None:
    rows = [payment(), part("43.69")]
    imported(engine, tmp_path, "p.csv", text([str(c) for c in PAYMENTS], rows))
    with engine.connect() as connection:
        [offender] = connection.execute(payments_that_do_not_add_up()).all()
    assert (offender.part_currency, offender.of_parts) == ("CAD", Decimal("43.69"))


def test_pages_of_total_earnings_are_pages_and_have_their_money_once() -> None:
    period: list[Cell] = ["Sales Period", "January 2026"]
    header: list[Cell] = [
        "Title", "Author", "ASIN/ISBN", "Marketplace", "Units Sold", "Units Refunded",
        "Net Units Sold or KENP Read**", "Royalty Type", "Payout Plan", "Currency",
        "Avg. List Price without tax", "Avg. Offer Price without tax", "Avg. File Size (MB)",
        "Avg. Delivery/Manufacturing cost", "Earnings",
    ]  # fmt: skip
    rows: list[list[Cell]] = [
        ["A", "B", "B000000001", "Amazon.com", 3, 0, 3, "70%", "Standard", "USD", "4.99", "4.99",
         "1.2", "0.18", "10.05"],
        ["A", "B", "B000000001", "Amazon.com", "N/A", "N/A", 1450, "N/A",
         "Kindle Edition Normalized Pages (KENP)", "USD", "N/A", "N/A", "N/A", "N/A", "6.12"],
    ]  # fmt: skip
    kenp: list[Cell] = [
        "Title", "Author", "ASIN", "Marketplace", "Kindle Edition Normalized Page (KENP) Read",
    ]  # fmt: skip
    pages: list[Cell] = ["A", "B", "B000000001", "Amazon.com", 1450]
    whole = kdp.parse(
        workbook({"Total Earnings": [period, header, *rows], "KENP Read": [period, kenp, pages]}),
        file_name="k.xlsx",
    )
    alone = kdp.parse(
        "\r\n".join(",".join(map(str, row)) for row in (period, header, *rows)).encode(),
        file_name="k.csv",
    )
    for parsed in (whole, alone):
        told = {(e.event_type, e.quantity, e.amount, e.currency) for e in parsed.events}
        assert told == {
            ("sale", 3, Decimal("10.05"), "USD"), ("borrow_pages", 1450, Decimal("6.12"), "USD"),
        }  # fmt: skip
        assert len(parsed.events) == 2


def test_units_that_came_back_are_counted_where_more_were_sold(
    engine: sa.Engine, tmp_path: Path
) -> None:
    content = text(
        EBOOK, [ebook(sold=3, refunded=1, net=2), ebook("-1", sold=0, refunded=1, net=-1)]
    )
    imported(engine, tmp_path, "k.csv", content)
    made = daily.publish_days(engine, "amazon_kdp")
    assert (list(made["units"]), list(made["refunded_units"])) == ([1], [2])


def test_the_price_of_a_smashwords_sale_keeps_its_own_currency() -> None:
    row = sale("6.10", price="3.99")
    row[17] = "GBP"
    [event] = smashwords.parse(text(SMASHWORDS, [row], delimiter="\t"), file_name="s.xls").events
    assert (event.amount, event.currency) == (Decimal("6.10"), "USD")
    assert (event.list_price, event.list_currency) == (Decimal("3.99"), "GBP")


@pytest.mark.parametrize("name", ["kdp.csv", "kdp.xlsx"])
def test_a_report_of_which_nothing_could_be_used_has_failed(
    engine: sa.Engine, tmp_path: Path, name: str
) -> None:
    rows = [ebook("a lot"), ebook("none")]
    content = (
        text(EBOOK, rows) if name.endswith("csv") else workbook({"eBook Royalty": [EBOOK, *rows]})
    )
    result = imported(engine, tmp_path, name, content)
    assert result.error == (
        "file: all of its 2 rows are rejected: Royalty: is not a number (2 rows)"
    )
    with engine.connect() as connection:
        assert connection.scalar(sa.text("SELECT status FROM uploads")) == "failed"
        assert connection.scalar(sa.text("SELECT count(*) FROM rejected_rows")) == 2
