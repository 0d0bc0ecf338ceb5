"""Sample reports of every platform that has them, and an order to ask the sandbox's Gumroad."""

import io
from collections.abc import Sequence
from datetime import date, timedelta

import sqlalchemy as sa

from ingestion_pipeline.domains.book_sales.land import queue
from ingestion_pipeline.domains.book_sales.land.queue import Report
from ingestion_pipeline.domains.book_sales.sources import draft2digital, smashwords
from ingestion_pipeline.foundation.settings import Settings
from ingestion_pipeline.foundation.storage.landing import Landing

_KDP = (
    "Royalty Date", "Title", "Author Name", "ASIN", "Marketplace", "Royalty Type",
    "Transaction Type", "Units Sold", "Units Refunded", "Net Units Sold",
    "Avg. List Price without tax", "Avg. Offer Price without tax", "Avg. File Size (MB)",
    "Avg. Delivery Cost", "Royalty", "Currency",
)  # fmt: skip
_D2D = draft2digital.EBOOK_HEADER
_PLACES = (("Amazon.com", "USD"), ("Amazon.de", "EUR"), ("Amazon.co.uk", "GBP"))
_BOOKS = ("Small Gardens", "The Tin Whistle", "Bread at Home")


def sample_reports() -> dict[str, tuple[str, bytes]]:
    """A report of each platform: its file name and content, the same at every call."""
    days = [date(2026, 1, 1) + timedelta(days=3 * number) for number in range(60)]
    return {
        "amazon_kdp": (
            "kdp_ebook_royalty.csv",
            _lines(_KDP, [_kdp(n, d) for n, d in enumerate(days)]),
        ),
        "smashwords": (
            "smashwords_sales.xls",
            _lines(smashwords.HEADER, [_smashwords(n, d) for n, d in enumerate(days)], "\t"),
        ),
        "draft2digital": (
            "draft2digital_sales.csv",
            _lines(_D2D, [_draft2digital(n, d) for n, d in enumerate(days)]),
        ),
    }


def queue_samples(
    engine: sa.Engine, configuration: Settings, *, tenant_id: int, gumroad_token: str
) -> None:
    """Land and queue the sample reports, and order the sales of a Gumroad account."""
    queue_reports(engine, configuration, tenant_id=tenant_id)
    with engine.begin() as connection:
        queue.land_import(
            connection, configuration, tenant_id=tenant_id, platform="gumroad",
            payload={"access_token": gumroad_token},
        )  # fmt: skip


def queue_reports(engine: sa.Engine, configuration: Settings, *, tenant_id: int) -> None:
    """Land and queue the sample reports."""
    landing = Landing(configuration.landing)
    for platform, (name, content) in sample_reports().items():
        landed = landing.write(f"samples/{tenant_id}/{name}", [content])
        report = Report(name, landed.location, landed.size, landed.sha256)
        with engine.begin() as connection:
            queue.land_report(
                connection, configuration, tenant_id=tenant_id, platform=platform, report=report,
                source="sample",
            )  # fmt: skip


def _lines(header: Sequence[str], rows: Sequence[Sequence[object]], delimiter: str = ",") -> bytes:
    made = io.StringIO()
    for row in (header, *rows):
        made.write(delimiter.join(map(str, row)) + "\r\n")
    return made.getvalue().encode()


def _kdp(number: int, day: date) -> list[object]:
    place, currency = _PLACES[number % 3]
    units, refunded = number % 4 + 1, int(number % 10 == 9)
    return [
        f"{day:%Y-%m}", _BOOKS[number % 3], "A. Author", f"B00000000{number % 3}", place, "70%",
        "Standard", units, refunded, units - refunded, "9.99", "9.99", "0.5", "0.06",
        f"{6.5 * (units - refunded):.2f}", currency,
    ]  # fmt: skip


def _smashwords(number: int, day: date) -> list[object]:
    paid = "" if number > 50 else "3.10"  # the newest are pending
    return [
        "retailer sale", "Kobo", "US", 1000 + number % 3, "", _BOOKS[number % 3], "A. Author",
        "4.99", 1, "4.99", "", "-1.25", "-0.64", "", "", "", "3.10", "USD", paid,
        f"{day} 12:00", f"{day} 12:00",
    ]  # fmt: skip


def _draft2digital(number: int, day: date) -> list[object]:
    values = {
        "Start Date": day, "End Date": day, "Publisher": "Ours", "Title ID": 10 + number % 3,
        "Title": _BOOKS[number % 3], "Primary Author": "A. Author", "Distributor": "D2D",
        "Vendor": "Apple", "Country": "DE", "Units Sold": 1, "Units Returned": 0,
        "Net Unit Sales": 1, "Sales Model": "Retail", "Retailer": "Apple",
        "List Price Per Unit": "2.99", "Currency Code": "EUR", "Offer Price Per Unit": "2.99",
        "Publisher Share": "2.10", "Publisher Share USD (estimated)": "2.28", "Verified": "Yes",
    }  # fmt: skip
    return [values.get(name, "") for name in _D2D]
