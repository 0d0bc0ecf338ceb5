"""Exports of the same platforms that a shipped mapping had not seen: what went wrong with them.

Each is rebuilt in a few rows of made-up persons.
"""

import csv
import io
import re
from collections.abc import Sequence

import pytest

from ingestion_pipeline.foundation.mapping.faults import MappingError
from ingestion_pipeline.foundation.storage.file_kinds import WrongFileError
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


SQUARE = {
    "Date": "2026-09-20", "Time": "09:00:00", "Time Zone": "Perth", "Item": "Coffee, ground",
    "Price Point Name": "Regular", "Gross Sales": "$12.50", "Discounts": "-$1.00",
    "Net Sales": "$11.50", "Tax": "$0.00", "Transaction ID": "T1", "Payment ID": "P1",
    "Event Type": "Payment",
}  # fmt: skip


def test_square_goods_by_weight_refused_their_payment() -> None:
    text = like("square_items.1.csv", SQUARE | {"Qty": "1.25"})
    came = came_of("square_items", text)
    assert came.rules == []
    [line] = came.of("order_items")
    assert (line["quantity"], line["unit_price"], line["line_total"]) == (1, "12.50", "11.50")
    refund = {"Qty": "-0.5", "Gross Sales": "-$5.00", "Net Sales": "-$5.00", "Discounts": "$0.00"}
    back = came_of("square_items", like("square_items.1.csv", SQUARE | refund))
    [line] = back.of("order_items")
    assert (line["quantity"], line["unit_price"], line["line_total"]) == (1, "5.00", "-5.00")


AMAZON = ["date/time", "settlement id", "type", "order id", "Sku", "description", "quantity"]
AMAZON += ["marketplace", "fulfillment", "product sales", "shipping credits", "gift wrap credits"]
AMAZON += ["promotional rebates", "sales tax collected", "Marketplace Facilitator Tax"]
AMAZON += ["selling fees", "fba fees", "other transaction fees", "other", "total"]


def test_amazon_date_ranges_of_india_and_the_emirates_were_refused() -> None:
    """`Sku` has a capital, days come first with an hour of twelve, and taxes have other names."""
    sale = dict.fromkeys(AMAZON[9:], "0") | {
        "date/time": "15 Mar 2026 3:22:08 PM UTC", "settlement id": "1", "type": "Order",
        "order id": "111-1", "Sku": "MUG", "quantity": "1", "marketplace": "amazon.ae",
        "product sales": "50.00", "sales tax collected": "2.50", "selling fees": "-7.50",
        "Marketplace Facilitator Tax": "-2.50", "total": "42.50",
    }  # fmt: skip
    came = came_of("amazon_date_range", written(AMAZON, [sale]))
    assert (came.rules, came.warnings) == ([], [])
    [event] = came.of("sales_events")
    assert event["occurred_at"].startswith("2026-03-15T15:22:08")
    assert came.by_currency("sales_events", "amount") == {"AED": 42.5}


def test_ebay_orders_with_the_time_of_a_sale_were_refused() -> None:
    text = re.sub(r"\b([A-Z][a-z]{2}-\d\d-\d\d)\b", r"\1 23:45:00", text_of("ebay_orders.1.csv"))
    assert " 23:45:00" in text
    assert came_of("ebay_orders", text).rules == []


def test_lines_that_a_spreadsheet_saved_as_one_cell_were_told_to_have_one_cell_too_few() -> None:
    header, row = like("shopify_orders.2.csv", ORDER).splitlines()
    quoted = '"' + row.replace('"', '""') + '";'
    came = came_of("shopify_orders", f"{header};\n{quoted}\n")
    assert came.of("orders") == []
    [rule] = came.rules
    assert "is one cell in quotes: a spreadsheet has saved a line" in rule


def test_the_error_of_a_foreign_file_told_whom_it_names() -> None:
    """It is kept with the upload, and logged."""
    people = "First Name,Last Name,Email\nAda,Sample,ada@example.com\nBo,Sample,bo@example.com\n"
    for text in (people, f"Customers\n,,\n{people}"):
        with pytest.raises(WrongFileError) as failed:
            came_of("shopify_orders", text)
        assert "'First Name', 'Last Name', 'Email'" in str(failed.value)
        assert "Sample" not in str(failed.value)


def test_acx_kinds_that_sold_nothing_were_sales_where_amounts_have_a_sign() -> None:
    """0 was looked for as a text that Python reads, and not as the report writes it."""
    text = text_of("acx.1.csv")
    signed = re.sub(r",(-?)([0-9]+\.[0-9]{2})", r",\1$\2", text)
    assert "$0.00" in signed
    assert came_of("acx", signed.encode()).made == came_of("acx", text.encode()).made
