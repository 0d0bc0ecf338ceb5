"""Inputs in which nearly every loader loses or doubles money, by the shipped mappings.

The numbers are those of the list of pitfalls (foundation/intake/test_pitfalls.py has the others).
"""

from decimal import Decimal

import pytest

from ingestion_pipeline.foundation.mapping.faults import MappingError
from ingestion_pipeline.foundation.storage.file_kinds import WrongFileError
from ingestion_pipeline_tests.mappings.samples import came_of, sample, text_of


def replaced(text: str, *pairs: tuple[str, str]) -> str:
    """A sample with something else in it."""
    for before, after in pairs:
        assert before in text, before
        text = text.replace(before, after)
    return text


def order(name: str, *files: str) -> dict[str, str]:
    """Totals of orders by the shop's own number."""
    return {
        each["external_order_id"]: each["total_amount"]
        for each in came_of(name, *files).of("orders")
    }  # fmt: skip


def test_03_an_order_again_that_was_refunded_later() -> None:
    refunded = text_of("shopify_orders.1.csv")
    before = replaced(refunded, (",10.60,", ",0.00,"), ("partially_refunded", "paid"))
    assert order("shopify_orders", before)["#2003"] == "42.29"
    assert order("shopify_orders", before, refunded)["#2003"] == "31.69"


def test_04_two_shops_that_call_an_order_alike() -> None:
    came = came_of(
        "shopify_orders", text_of("shopify_orders.1.csv"), sample("shopify_orders.2.csv")
    )
    totals = [e["total_amount"] for e in came.of("orders") if e["external_order_id"] == "#2001"]
    assert sorted(totals) == ["47.24", "5.99"]


def test_05_equal_lines_of_an_order_are_lines_of_their_own() -> None:
    came = came_of("shopify_orders", text_of("shopify_orders.1.csv"))
    cloths = [each for each in came.of("order_items") if each["unit_price"] == "15.00"]
    assert len(cloths) == 2


def test_06_an_order_of_several_items_has_a_row_of_its_own_that_is_no_line() -> None:
    came = came_of("ebay_orders", text_of("ebay_orders.1.csv"))
    lines = [
        e["line_total"]
        for e in came.of("order_items")
        if e["line_total"] in ("13.00", "15.00", "28.00")
    ]
    assert sorted(lines) == ["13.00", "15.00"]
    wrong = replaced(text_of("ebay_orders.1.csv"), ('"2","$28.00"', '"2","$56.00"'))
    [warning] = came_of("ebay_orders", wrong).warnings
    assert "the items are what the row of the order says: 28.00 is not 56.00" in str(warning)


def test_06_an_order_whose_rows_have_a_total_each_is_refused() -> None:
    """Whether they are parts of a sum or the sum repeated, nobody can tell."""
    text = replaced(
        text_of("ebay_orders.1.csv"), ('"1","$13.00","",""', '"1","$13.00","","$13.00"')
    )
    came = came_of("ebay_orders", text)
    assert "11-20000-00003" not in {each["external_order_id"] for each in came.of("orders")}
    assert "only the first row of an order has its total" in came.rules[0]


def test_07_the_price_of_one_is_not_that_of_the_line() -> None:
    came = came_of("ebay_orders", text_of("ebay_orders.2.csv"))
    [train] = [each for each in came.of("order_items") if each["quantity"] == 3]
    assert (train["unit_price"], train["line_total"]) == ("260.00", "780.00")
    assert came.warnings == []
    of_the_line = replaced(text_of("ebay_orders.2.csv"), ('"AU $867.90"', '"AU $347.90"'))
    [warning] = came_of("ebay_orders", of_the_line).warnings
    assert "items and shipping are the total" in str(warning)


def test_08_the_first_row_of_a_settlement_is_its_control() -> None:
    text = text_of("amazon_settlement.1.txt")
    came = came_of("amazon_settlement", text)
    assert came.warnings == []
    [warning] = came_of("amazon_settlement", replaced(text, ("-6.00", "-6.01"))).warnings
    assert "the amounts are the settlement's total: 30.39 is not 30.40" in str(warning)


def test_09_a_footer_is_the_control_and_a_file_that_is_cut_off_has_none() -> None:
    text = text_of("apple_books.1.txt")
    cut = "\n".join(text.splitlines()[:3]) + "\n"
    assert came_of("apple_books", text).warnings == []
    assert len(came_of("apple_books", cut).warnings) == 2


def test_13_a_day_is_not_shifted_by_the_zone_of_the_platform() -> None:
    days = {
        e["occurred_at"]
        for e in came_of("google_play", sample("google_play.1.csv")).of("sales_events")
    }
    assert "2026-02-02T00:00:00Z" in days


def test_15_a_refund_whose_quantity_counts_upwards() -> None:
    came = came_of("amazon_date_range", text_of("amazon_date_range.1.csv"))
    assert sum(each["quantity"] for each in came.of("sales_events")) == 1
    assert came.total("sales_events", "amount") == Decimal("1034.07")


def test_16_a_refund_that_has_the_transaction_of_its_sale() -> None:
    came = came_of("square_items", text_of("square_items.1.csv"))
    totals = {e["external_order_id"]: e["total_amount"] for e in came.of("orders")}
    assert totals == {"T1/P1": "38.88", "T2/P2": "29.16", "T2/P2R": "-12.96"}
    [back] = [each for each in came.of("order_items") if Decimal(each["line_total"]) < 0]
    assert (back["quantity"], back["unit_price"]) == (1, "12.00")


def test_17_orders_without_an_id_are_their_lines() -> None:
    row = text_of("etsy_order_items.2.csv").splitlines()[1]
    rows = [row.replace("9101", str(number)) for number in range(9200, 9240)]
    text = "\n".join([text_of("etsy_order_items.2.csv").splitlines()[0], *rows])
    assert len(came_of("etsy_order_items", text).of("orders")) == 40


def test_19_an_amount_that_a_later_report_tells_under_another_name() -> None:
    both = came_of("google_play", sample("google_play.1.csv"), sample("google_play.2.csv"))
    assert len(both.of("sales_events")) == 4
    assert both.total("sales_events", "amount") == Decimal("3.19")


@pytest.mark.parametrize(
    ("name", "file", "before", "after"),
    [
        ("kobo_writing_life", "kobo_writing_life.1.csv", "Net Due (Payable Currency)", "Net Due"),
        ("shopify_orders", "shopify_orders.1.csv", "Refunded Amount", "Refund Amount"),
        ("amazon_orders", "amazon_orders.1.txt", "item-price", "price"),
        ("etsy_order_items", "etsy_order_items.1.csv", "Order Shipping", "Shipping"),
        ("stripe_payments", "stripe_payments.1.csv", ",Fee,", ",Fees,"),
        ("ebay_orders", "ebay_orders.1.csv", "Total Price", "Total"),
        ("square_items", "square_items.1.csv", "Net Sales", "Net"),
        ("apple_books", "apple_books.1.txt", "Extended Partner Share", "Extended Share"),
        ("bigcommerce_orders", "bigcommerce_orders.1.csv", "Order Total (inc tax)", "Grand Total"),
    ],
)  # fmt: skip
def test_21_money_under_another_name_fails_the_file(
    name: str, file: str, before: str, after: str
) -> None:
    with pytest.raises(
        (MappingError, WrongFileError), match=r"which file1 has not|no line of file1"
    ):
        came_of(name, replaced(text_of(file), (before, after)))


def test_22_a_record_stands_or_falls_together() -> None:
    broken = replaced(text_of("shopify_orders.1.csv"), ("Tip,2.25", "Tip,x"))
    came = came_of("shopify_orders", broken)
    assert len(came.of("orders")) == 4
    assert len(came.rejected) == 4


def test_26_of_equal_lines_one_that_gets_another_price_is_told_as_a_set() -> None:
    """What the earlier file told of the order is replaced by what the later one has."""
    text = text_of("shopify_orders.1.csv")
    before, _, behind = text.rpartition("Blue / L,15.00")
    came = came_of("shopify_orders", f"{before}Blue / L,14.00{behind}")
    assert sorted(e["unit_price"] for e in came.of("order_items"))[:3] == [
        "10.00",
        "10.00",
        "14.00",
    ]


def test_29_the_year_to_date_is_never_read() -> None:
    april, may = sample("ingramspark.2.txt"), sample("ingramspark.1.xls")
    came = came_of("ingramspark", april, may)
    sold = [each for each in came.of("sales_events") if each["currency"] == "USD"]
    assert [(each["quantity"], each["amount"]) for each in sold] == [(5, "7.0000"), (4, "5.7500")]
    assert [each["occurred_at"][:7] for each in sold] == ["2026-04", "2026-05"]
    only_years = replaced(may.decode(), ("MTD_", "WTD_"))
    with pytest.raises(MappingError, match="names the column 'quantity'"):
        came_of("ingramspark", only_years)


def test_30_a_fee_in_the_currency_that_was_converted_to() -> None:
    came = came_of("stripe_payments", text_of("stripe_payments.1.csv"))
    assert came.by_currency("sales_events", "amount")["THB"] == Decimal("499.40")


def test_32_guests_are_not_one_customer() -> None:
    came = came_of("bigcommerce_orders", text_of("bigcommerce_orders.1.csv"))
    guests = [each for each in came.of("customers") if each["name"].startswith("Guest")]
    assert sorted(each["email"] for each in guests) == ["a@example.com", "b@example.com"]
    assert len({each["customer_id"] for each in came.of("orders")}) == 3
    nameless = replaced(
        text_of("bigcommerce_orders.1.csv"), ("a@example.com", ""), ("b@example.com", "")
    )
    assert len(came_of("bigcommerce_orders", nameless).of("customers")) == 3


def test_33_a_tax_that_is_in_the_total_already() -> None:
    came = came_of("shopify_orders", text_of("shopify_orders.1.csv"))
    assert order("shopify_orders", text_of("shopify_orders.1.csv"))["#2002"] == "316.50"
    assert came.warnings == []


def test_34_a_file_that_begins_in_the_middle_of_an_order() -> None:
    head, _, *rest = text_of("shopify_orders.1.csv").split("\r\n")
    came = came_of("shopify_orders", "\r\n".join([head, *rest[1:]]))
    assert "#2001" not in {each["external_order_id"] for each in came.of("orders")}
    assert any("order_id has nothing to make an id of" in rule for rule in came.rules)


def test_31_a_file_that_was_converted_is_read_by_its_mark() -> None:
    wide = sample("google_play.2.csv")
    converted = came_of("google_play", wide.decode("utf-16"))
    assert converted.made == came_of("google_play", wide).made
    with pytest.raises(WrongFileError):
        came_of("google_play", wide[2:])
