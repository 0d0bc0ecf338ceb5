"""What payments settle: estimates become settled once, in the currency in which they accrued."""

from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from ingestion_pipeline.domains.book_sales.merge.folder import merge_reports
from ingestion_pipeline.outlets.marts import offenders
from ingestion_pipeline_tests.domains.book_sales.builders import (
    EBOOK,
    KEEPS,
    KENP,
    SMASHWORDS,
    Cell,
    ebook,
    smashwords,
    text,
    workbook,
)
from ingestion_pipeline_tests.outlets.marts.filling import refresh_all

PAYMENTS: list[Cell] = [
    "Sales Period - Start Date", "Sales Period - End Date", "Marketplace", "Payment Number",
    "Detail", "Date", "Payment Method", "Currency", "Accrued Royalty", "Tax Withholding",
    "Adjustments", "Net Earnings", "Source", "FX Rate", "Currency", "Payout Amount",
    "Payment Status",
]  # fmt: skip
PRIOR: list[Cell] = [
    "Title", "Author", "ASIN", "Marketplace", "Units Sold", "Units Refunded", "Net Units Sold",
    "Royalty Type", "Transaction Type", "Currency", "Avg. List Price without tax",
    "Avg. Offer Price without tax", "Avg. File Size (MB)", "Avg. Delivery Cost", "Royalty",
]  # fmt: skip
MAY = ("2025-05-01", "2025-05-31")


def payment(
    accrued: str, *, period: Sequence[str] = MAY, shop: str = "Amazon.de", money: str = "EUR",
    source: str = "", number: str = "1", status: str = "Paid",
) -> list[Cell]:  # fmt: skip
    """A payment, paid out in dollars, less tax."""
    return [*period, shop, number, "", "2025-07-29", "EFT", money, accrued, "1.00", "0", accrued,
            source, "1.1", "USD", "99.99", status]  # fmt: skip


def part(accrued: str, source: str, month: str = "2025-05", money: str = "EUR") -> list[Cell]:
    return ["", "", "", "", month, "", "", money, accrued, "0", "", accrued, source, "", "", "", ""]


class Author:
    """Reports of one author, and what the mart says of them."""

    def __init__(self, engine: sa.Engine, folder: Path) -> None:
        self.engine, self.folder, self.files = engine, folder, 0

    def reports(self, sheets: dict[str, Sequence[Sequence[Cell]]]) -> None:
        self.files += 1
        path = self.folder / f"{self.files}.xlsx"
        path.write_bytes(workbook(sheets, created=f"2026-01-{self.files:02}T00:00:00Z"))
        self._merge(path, "amazon_kdp")

    def smashwords(self, *rows: Sequence[Cell]) -> None:
        path = self.folder / "sales.xls"
        path.write_bytes(text(SMASHWORDS, rows, delimiter="\t"))
        self._merge(path, "smashwords")

    def _merge(self, path: Path, platform: str) -> None:
        [done] = merge_reports(
            self.engine, [path], platform=platform, tenant="acme", keeps=KEEPS
        ).files
        assert done.counts["rejected"] == 0, done

    def income(self) -> dict[tuple[str, ...], Decimal]:
        """By month, marketplace, currency and basis; the checks find nothing amiss."""
        refresh_all(self.engine)
        with self.engine.connect() as connection:
            assert connection.execute(offenders.income_that_does_not_add_up()).all() == []
            rows = connection.execute(
                sa.text("SELECT to_char(month, 'YYYY-MM'), marketplace, currency, basis, "
                        "sum(income) FROM book_income_daily GROUP BY 1, 2, 3, 4")
            )  # fmt: skip
            return {tuple(row[:4]): row[4] for row in rows}

    def rows(self, what: str) -> list[Any]:
        with self.engine.connect() as connection:
            query = f"SELECT {what} FROM book_income_daily ORDER BY day, title"
            return [tuple(row) for row in connection.execute(sa.text(query))]


@pytest.fixture
def author(engine: sa.Engine, tmp_path: Path) -> Author:
    return Author(engine, tmp_path)


def _sales(*rows: list[Cell]) -> dict[str, Sequence[Sequence[Cell]]]:
    return {"eBook Royalty": [EBOOK, *rows]}


def _paid(*rows: list[Cell]) -> dict[str, Sequence[Sequence[Cell]]]:
    return {"Payments": [PAYMENTS, *rows]}


SETTLED = ("2025-05", "Amazon.de", "EUR", "settled")


def test_a_payment_settles_its_month_to_the_cent_and_nothing_else(author: Author) -> None:
    author.reports(
        _sales(
            ebook("6.31", day="2025-05-03"),
            ebook("2.10", day="2025-05-20"),
            ebook("4.00", day="2025-06-01"),
            ebook("3.00", day="2025-05-03", marketplace="Amazon.com", currency="USD"),
            ebook("1.00", day="2025-05-03", marketplace="Amazon.fr"),
        )
    )
    others = {
        ("2025-06", "Amazon.de", "EUR", "estimated"): Decimal("4.0000"),
        ("2025-05", "Amazon.com", "USD", "estimated"): Decimal("3.0000"),
        ("2025-05", "Amazon.fr", "EUR", "estimated"): Decimal("1.0000"),
    }
    estimated = {("2025-05", "Amazon.de", "EUR", "estimated"): Decimal("8.4100")}
    assert author.income() == others | estimated
    author.reports(_paid(payment("8.43")))
    assert author.income() == others | {SETTLED: Decimal("8.4300")}
    settled = "CASE WHEN basis = 'settled' THEN CAST(day AS text) END, title, income, units, events"
    told = [row for row in author.rows(settled) if row[0]]
    assert told == [
        ("2025-05-01", "", Decimal("0.0200"), 0, 0),
        ("2025-05-03", "A Book", Decimal("6.3100"), 1, 1),
        ("2025-05-20", "A Book", Decimal("2.1000"), 1, 1),
    ]


def test_the_same_payment_again_or_before_its_sales_is_counted_once(author: Author) -> None:
    author.reports(_paid(payment("8.43")))
    assert author.income() == {SETTLED: Decimal("8.4300")}
    author.reports(_sales(ebook("6.31", day="2025-05-03")))
    assert author.income() == {SETTLED: Decimal("8.4300")}
    author.reports(_paid(payment("8.43")))
    assert author.income() == {SETTLED: Decimal("8.4300")}


def test_a_settled_month_that_is_paid_is_there_once(author: Author) -> None:
    settled = ["A Book", "An Author", "B000000001", "Amazon.de", 3, 0, 3, "70%", "Standard", "EUR",
               9.08, 9.08, 0.5, 0.06, "18.93"]  # fmt: skip
    author.reports(_sales(ebook("18.50", day="2025-05-03")))
    author.reports(_paid(payment("18.93")))
    assert author.income() == {SETTLED: Decimal("18.9300")}
    author.reports({"eBook Royalty": [["Sales Period", "May 2025"], PRIOR, settled]})
    assert author.income() == {SETTLED: Decimal("18.9300")}
    assert author.rows("title, units, income") == [("A Book", 3, Decimal("18.9300"))]


def test_pages_get_their_money_from_the_payment(author: Author) -> None:
    pages: list[Cell] = ["2025-05-04", "A Book", "An Author", "B000000001", "Amazon.de", 1000]
    author.reports({**_sales(ebook("6.31", day="2025-05-03")), "KENP Read": [KENP, pages]})
    author.reports(_paid(payment("10.51"), part("6.31", "Sales"), part("4.20", "KENP Royalties")))
    assert author.income() == {
        SETTLED: Decimal("10.5100"),
        ("2025-05", "Amazon.de", "", "settled"): Decimal("0.0000"),
    }
    assert author.rows("sum(pages_read) OVER ()")[0] == (1000,)


def test_of_a_payment_of_pages_alone_sales_stay_estimates(author: Author) -> None:
    author.reports(_sales(ebook("6.31", day="2025-05-03")))
    author.reports(_paid(payment("4.20", source="KENP Royalties")))
    estimated = {("2025-05", "Amazon.de", "EUR", "estimated"): Decimal("6.3100")}
    assert author.income() == estimated | {SETTLED: Decimal("4.2000")}


def test_a_payment_of_several_months_settles_each_by_its_parts(author: Author) -> None:
    period = ("2025-05-01", "2025-06-30")
    author.reports(_sales(ebook("6.31", day="2025-05-03"), ebook("2.00", day="2025-06-03")))
    author.reports(
        _paid(
            payment("8.00", period=period), part("6.00", "Sales"), part("2.00", "Sales", "2025-06")
        )
    )
    assert author.income() == {
        SETTLED: Decimal("6.0000"),
        ("2025-06", "Amazon.de", "EUR", "settled"): Decimal("2.0000"),
    }
    with author.engine.connect() as connection:
        assert connection.execute(offenders.payments_of_no_month()).all() == []


def test_a_payment_that_does_not_say_its_month_settles_nothing_and_is_told(author: Author) -> None:
    author.reports(_sales(ebook("6.31", day="2025-05-03")))
    author.reports(_paid(payment("8.00", period=("2025-05-01", "2025-06-30"))))
    assert author.income() == {("2025-05", "Amazon.de", "EUR", "estimated"): Decimal("6.3100")}
    with author.engine.connect() as connection:
        assert len(connection.execute(offenders.payments_of_no_month()).all()) == 1


def test_a_correction_of_an_earlier_month_is_income_and_settles_nothing(author: Author) -> None:
    author.reports(_sales(ebook("6.31", day="2025-04-03"), ebook("2.00", day="2025-05-03")))
    author.reports(_paid(payment("1.50"), part("2.00", "Sales"), part("-0.50", "Sales", "2025-04")))
    april = {
        ("2025-04", "Amazon.de", "EUR", "estimated"): Decimal("6.3100"),
        ("2025-04", "Amazon.de", "EUR", "settled"): Decimal("-0.5000"),
    }
    assert author.income() == april | {SETTLED: Decimal("2.0000")}
    author.reports(_paid(payment("6.30", period=("2025-04-01", "2025-04-30"), number="0")))
    april = {("2025-04", "Amazon.de", "EUR", "settled"): Decimal("5.8000")}
    assert author.income() == april | {SETTLED: Decimal("2.0000")}


@pytest.mark.parametrize("status", ["Pending", "Returned", "Cancelled", "In process", "FAILED"])
def test_a_payment_that_was_not_made_settles_nothing_until_it_is(
    author: Author, status: str
) -> None:
    author.reports(_sales(ebook("6.31", day="2025-05-03")))
    author.reports(_paid(payment("6.31", status=status)))
    assert author.income() == {("2025-05", "Amazon.de", "EUR", "estimated"): Decimal("6.3100")}
    author.reports(_paid(payment("6.31")))
    assert author.income() == {SETTLED: Decimal("6.3100")}


def test_what_is_settled_is_an_estimate_again_where_the_payment_is_taken_back(
    author: Author,
) -> None:
    author.reports(_sales(ebook("6.31", day="2025-05-03")))
    author.reports(_paid(payment("6.40")))
    assert author.income() == {SETTLED: Decimal("6.4000")}
    with author.engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM sales_events WHERE event_type = 'payment'")
    assert author.income() == {("2025-05", "Amazon.de", "EUR", "estimated"): Decimal("6.3100")}


def test_a_payout_that_names_no_month_is_no_income(author: Author) -> None:
    author.smashwords(smashwords("1.39"), smashwords("1.39", kind="payment"))
    assert list(author.income().values()) == [Decimal("1.3900")]
