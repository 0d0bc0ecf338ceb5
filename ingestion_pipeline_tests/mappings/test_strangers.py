"""Exports of the same platforms that a shipped mapping had not seen: what went wrong with them.

Each is rebuilt in a few rows of made-up persons.
"""

import csv
import io
from collections.abc import Sequence

import pytest

from ingestion_pipeline.foundation.mapping.faults import MappingError
from ingestion_pipeline_tests.mappings.samples import came_of, text_of


def like(sample: str, *rows: dict[str, str]) -> str:
    """Rows under a sample's header; the columns that a row does not name are blank."""
    header = next(csv.reader(io.StringIO(text_of(sample))))
    return written(header, rows)


def written(header: Sequence[str], rows: Sequence[dict[str, str]]) -> str:
    """A file of these columns."""
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, header, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


ORDER = {
    "Name": "#1001", "Id": "6200000000001", "Email": "di@example.com", "Financial Status": "paid",
    "Currency": "EUR", "Subtotal": "10.00", "Shipping": "0.00", "Taxes": "0.00", "Total": "10.00",
    "Discount Amount": "0.00", "Created at": "2026-03-04 10:15:00 -0500",
    "Lineitem quantity": "1", "Lineitem name": "Bowl", "Lineitem price": "10.00",
}  # fmt: skip


def test_shopify_abandoned_checkouts_have_the_header_of_orders_and_were_counted_as_sold() -> None:
    checkout = ORDER | {"Name": "#37001", "Id": "37000000000001", "Financial Status": ""}
    came = came_of("shopify_orders", like("shopify_orders.2.csv", ORDER, checkout))
    assert [each["external_order_id"] for each in came.of("orders")] == ["#1001"]
    assert len(came.rules) == 1
    assert "an order has a Financial Status" in came.rules[0]


def test_shopify_status_that_nobody_knows_was_a_status() -> None:
    came = came_of(
        "shopify_orders", like("shopify_orders.2.csv", ORDER | {"Financial Status": "x"})
    )
    assert came.of("orders") == []
    assert "order_status is none of paid, pending" in came.rules[0]


def test_shopify_customers_of_whom_only_a_name_is_known_were_refused() -> None:
    """The export before 2023 has no Customer ID: there is nothing to know them by again."""
    header = ["First Name", "Last Name", "Email", "Accepts Marketing", "Phone", "Total Spent"]
    header += ["Total Orders", "Note"]
    rows = [{"First Name": "Ada", "Email": "a@example.com"}, {"First Name": "Bo"}]
    came = came_of("shopify_customers", written(header, rows))
    assert [each["email"] for each in came.of("customers")] == ["a@example.com"]
    assert came.rules == []
    assert came.counts.skipped == {"customers with neither e-mail nor phone nor id": 1}


def test_a_description_of_more_than_a_hundred_lines_was_a_quote_that_is_never_closed() -> None:
    page = "<div>\n" + '  <p style="x">text, text</p>\n' * 400 + "</div>"
    product = {"Handle": "bowl", "Title": "Bowl", "Published": "true", "Variant Price": "3.00"}
    text = like("shopify_products.1.csv", product | {"Body (HTML)": page}, product)
    came = came_of("shopify_products", text)
    assert came.rules == []
    assert came.counts.used == 403


def test_a_cell_of_two_hundred_thousand_characters_was_too_long() -> None:
    picture = '<img src="data:image/png;base64,' + "A" * 200_000 + '">\n'
    product = {"Handle": "bowl", "Title": "Bowl", "Published": "true", "Variant Price": "3.00"}
    text = like("shopify_products.1.csv", product | {"Body (HTML)": picture})
    came = came_of("shopify_products", text)
    assert came.rules == []
    assert len(came.of("products")) == 1


def test_olist_dates_that_a_spreadsheet_of_the_usa_wrote_were_read_as_day_and_month() -> None:
    row = {"order_id": "0" * 31 + "1", "customer_id": "0" * 31 + "2", "order_status": "shipped"}
    text = like("olist_orders.1.csv", row | {"order_purchase_timestamp": "10/2/2017 10:56"})
    came = came_of("olist_orders", text)
    assert came.of("orders") == []
    assert "order_date is not a date written like" in came.rules[0]


def test_the_name_that_a_renamed_column_has_now_was_one_that_is_read_already() -> None:
    text = like("shopify_orders.2.csv", ORDER).replace(",Total,", ",Total amount,", 1)
    with pytest.raises(MappingError, match="did you mean 'Total amount'"):
        came_of("shopify_orders", text)
