"""Events into the table: corrections by later reports, and rows that are no corrections."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from ingestion_pipeline.domains.book_sales.contract.events import Event, Parsed
from ingestion_pipeline.domains.book_sales.merge.events import Origin, merge_events
from ingestion_pipeline.domains.book_sales.merge.folder import merge_reports
from ingestion_pipeline.domains.book_sales.publish import daily
from ingestion_pipeline.domains.book_sales.sources import smashwords
from ingestion_pipeline.domains.book_sales.sources.kdp import report as kdp
from ingestion_pipeline.foundation.ledger.uploads import Counts
from ingestion_pipeline_tests.domains.book_sales import builders
from ingestion_pipeline_tests.domains.book_sales.builders import EBOOK, KEEPS, ebook, workbook

NOW = datetime(2026, 2, 1, tzinfo=UTC)


def report(*rows: list[Any]) -> list[Event]:
    return kdp.parse(workbook({"eBook Royalty": [EBOOK, *rows]}), file_name="kdp.xlsx").events


def loaded(
    engine: sa.Engine, tenant_id: int, events: list[Event], *, platform: str = "amazon_kdp",
    received_at: datetime = NOW,
) -> Counts:  # fmt: skip
    origin = Origin(tenant_id, platform, "report", received_at)
    with engine.begin() as connection:
        return merge_events(connection, origin, Parsed(events), keeps=KEEPS)


def royalties(engine: sa.Engine) -> list[str]:
    with engine.connect() as connection:
        found = connection.execute(sa.text("SELECT amount FROM sales_events ORDER BY amount"))
        return [f"{row.amount:.2f}" if row.amount is not None else "pending" for row in found]


def outcome(counts: Counts) -> tuple[int, int, int]:
    return counts.inserted, counts.updated, counts.unchanged + counts.superseded


def test_a_second_load_changes_nothing(engine: sa.Engine, tenant_id: int) -> None:
    rows = [ebook(), ebook(), ebook("1.00")]
    assert outcome(loaded(engine, tenant_id, report(*rows))) == (3, 0, 0)
    assert outcome(loaded(engine, tenant_id, report(*rows))) == (0, 0, 3)
    assert outcome(loaded(engine, tenant_id, report(*reversed(rows)))) == (0, 0, 3)


def test_the_units_of_a_refund_whose_report_does_not_count_them_were_none(
    engine: sa.Engine, tenant_id: int
) -> None:
    rows = [builders.smashwords("-1.39", qty=-2), builders.smashwords()]
    content = builders.text(builders.SMASHWORDS, rows, delimiter="\t")
    events = smashwords.parse(content, file_name="sales.xls").events
    loaded(engine, tenant_id, events, platform="smashwords")
    with engine.connect() as connection:
        units = "SELECT quantity, refunded_units FROM sales_events ORDER BY quantity"
        assert connection.exec_driver_sql(units).all() == [(-2, 2), (1, 0)]


def test_one_changed_value_changes_one_event_wherever_its_row_is(
    engine: sa.Engine, tenant_id: int
) -> None:
    loaded(engine, tenant_id, report(ebook("1.00"), ebook("2.00"), ebook("3.00")))
    again = report(ebook("3.00"), ebook("2.50"), ebook("1.00"))
    assert outcome(loaded(engine, tenant_id, again)) == (0, 1, 2)
    assert royalties(engine) == ["1.00", "2.50", "3.00"]


def test_a_part_of_a_report_writes_no_sale_over_another(engine: sa.Engine, tenant_id: int) -> None:
    loaded(engine, tenant_id, report(ebook("1.00"), ebook("2.00"), ebook("3.00")))
    assert outcome(loaded(engine, tenant_id, report(ebook("3.00")))) == (0, 0, 1)
    assert royalties(engine) == ["1.00", "2.00", "3.00"]


def test_a_later_report_with_more_sales_adds_those(engine: sa.Engine, tenant_id: int) -> None:
    loaded(engine, tenant_id, report(ebook(), ebook()))
    assert outcome(loaded(engine, tenant_id, report(*[ebook()] * 5))) == (3, 0, 2)


def test_an_amount_that_was_pending_fills_in_and_stays(engine: sa.Engine, tenant_id: int) -> None:
    def sales(amount: str) -> list[Event]:
        content = builders.text(builders.SMASHWORDS, [builders.smashwords(amount)], delimiter="\t")
        return smashwords.parse(content, file_name="sales.xls").events

    assert outcome(loaded(engine, tenant_id, sales(""), platform="smashwords")) == (1, 0, 0)
    assert royalties(engine) == ["pending"]
    assert outcome(loaded(engine, tenant_id, sales("1.39"), platform="smashwords")) == (0, 1, 0)
    assert outcome(loaded(engine, tenant_id, sales(""), platform="smashwords")) == (0, 0, 1)
    assert royalties(engine) == ["1.39"]


def test_what_was_received_earlier_overrides_nothing(engine: sa.Engine, tenant_id: int) -> None:
    def sales(amount: str) -> list[Event]:
        rows = [builders.smashwords(amount)]
        content = builders.text(builders.SMASHWORDS, rows, delimiter="\t")
        return smashwords.parse(content, file_name="a.xls").events

    loaded(engine, tenant_id, sales("9.40"), platform="smashwords")
    late = loaded(
        engine, tenant_id, sales("1.39"), platform="smashwords",
        received_at=NOW - timedelta(hours=1),
    )  # fmt: skip
    assert late.superseded == 1
    assert royalties(engine) == ["9.40"]


def test_tenants_and_platforms_have_events_of_their_own(engine: sa.Engine, tenant_id: int) -> None:
    loaded(engine, tenant_id, report(ebook()))
    assert outcome(loaded(engine, tenant_id + 1, report(ebook()))) == (1, 0, 0)


def test_bad_rows_are_kept_with_their_reasons(engine: sa.Engine, tmp_path: Path) -> None:
    path = tmp_path / "kdp.xlsx"
    sheets: builders.Sheets = {
        "eBook Royalty": [EBOOK, ebook("a lot"), ebook()],
        "Paperback Royalty": [builders.PAPERBACK, builders.paperback("none")],
    }
    path.write_bytes(workbook(sheets))
    result = merge_reports(engine, [path], platform="amazon_kdp", tenant="acme", keeps=KEEPS)
    assert result.totals == {
        "rows": 3, "rejected": 2, "inserted": 1, "updated": 0, "unchanged": 0, "left_alone": 0,
    }  # fmt: skip
    with engine.connect() as connection:
        rows = connection.execute(sa.text("SELECT reasons FROM rejected_rows")).all()
    assert [row.reasons[0]["field"] for row in rows] == ["Royalty", "Royalty"]


def test_days_are_summed_exactly_and_settled_months_replace_estimates(
    engine: sa.Engine, tenant_id: int
) -> None:
    header = ["Title", "Author", "ASIN", "Marketplace", "Units Sold", "Units Refunded",
              "Net Units Sold", "Royalty Type", "Transaction Type", "Currency",
              "Avg. List Price without tax", "Avg. Offer Price without tax", "Avg. File Size (MB)",
              "Avg. Delivery Cost", "Royalty"]  # fmt: skip
    row = ["A Book", "An Author", "B000000001", "Amazon.de", 2, 0, 2, "70%", "Standard", "EUR",
           9.08, 9.08, 0.5, 0.06, "12.00"]  # fmt: skip
    loaded(engine, tenant_id, report(ebook("0.10"), ebook("0.20"), ebook("-0.10", sold=0,
           refunded=1, net=-1), ebook("5.00", day="2025-06")))  # fmt: skip
    july = daily.publish_days(engine, "amazon_kdp").set_index("day")["amount"]
    assert list(july) == [Decimal("5.0000"), Decimal("0.2000")]
    settled = kdp.parse(
        workbook({"eBook Royalty": [["Sales Period", "July 2025"], header, row]}), file_name="p"
    )
    loaded(engine, tenant_id, settled.events)
    made = daily.publish_days(engine, "amazon_kdp")
    assert list(made["amount"]) == [Decimal("5.0000"), Decimal("12.0000")]
    assert list(made["units"]) == [1, 2]
    assert len(daily.plot(made) or "") < 1000
    with engine.connect() as connection:
        stored = connection.scalar(sa.text("SELECT sum(amount) FROM daily_sales"))
    assert stored == Decimal("17.0000")
