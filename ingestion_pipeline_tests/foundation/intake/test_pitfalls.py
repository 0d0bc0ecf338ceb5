"""Inputs in which nearly every loader loses or doubles money, each with its right answer."""

import csv
import io
from decimal import Decimal

import pytest

from ingestion_pipeline.foundation.mapping.faults import MappingError
from ingestion_pipeline.foundation.storage.file_kinds import WrongFileError
from ingestion_pipeline_tests.foundation.intake.running import came_of, understood

EVENTS = """
source: x
{extra}
emit:
  sales_events:
    key: [{key}]
    fields:
      event_type: {{when: {{q: {{below: 0}}}}, of: {{is: refund}}, else: {{is: sale}}}}
      occurred_at: d
      quantity: q
      amount: {amount}
      {more}
"""
SHOP = """
source: shop
group: {{by: Name, carry: [Status, Total]}}
emit:
  orders:
    each: group
    {extra}
    fields:
      order_id: {{id: [order, Id]}}
      external_order_id: Name
      customer_id: {{id: [customer, Name]}}
      customer_name_snapshot: Name
      customer_email_snapshot: {{is: ""}}
      total_amount: {{sum: [Total, -Refunded]}}
      currency: {{is: USD}}
      order_status: Status
      order_date: {{is: "2026-01-01"}}
      created_at: {{is: "2026-01-01"}}
  order_items:
    {extra}
    fields:
      order_item_id: {{id: [line, Id, Sku, Price], occurrence: true}}
      order_id: {{id: [order, Id]}}
      product_id: {{id: [product, Sku]}}
      quantity: Qty
      unit_price: Price
      line_total: {{product: [Qty, Price]}}
"""
HEADER = "Name,Id,Status,Total,Refunded,Qty,Sku,Price\n"


def events(key: str = "d", *, extra: str = "", amount: str = "a", more: str = "") -> str:
    return EVENTS.format(key=key, extra=extra, amount=amount, more=more)


def shop(extra: str = "") -> str:
    return SHOP.format(extra=extra)


def test_01_a_status_that_only_the_first_row_of_an_order_has() -> None:
    rows = (
        "#1,11,refunded,30.00,30.00,1,A,10.00\n#1,11,,,,2,B,10.00\n#2,12,paid,5.00,0.00,1,C,5.00\n"
    )
    came = came_of(shop("where: {Status: {not: refunded}}"), HEADER + rows)
    assert came.total("order_items", "line_total") == Decimal("5.00")
    assert len(came.of("orders")) == 1


@pytest.mark.parametrize("where", ["emit", "check"])
def test_02_a_discount_that_was_carried_down_is_not_totalled(where: str) -> None:
    extra = "group: {by: Order, carry: [Discount]}"
    total = "{total: {sum: [-Discount]}}"
    if where == "check":
        extra += f"\ncheck: [{{name: c, equal: [{total}, a]}}]"
    with pytest.raises(MappingError, match="'Discount', which is carried from a record's first"):
        understood(events(extra=extra, amount="a" if where == "check" else total))
    plain = events(extra="group: {by: Order}", amount="{sum: [{total: a}, {total: {sum: [-x]}}]}")
    came = came_of(
        plain.replace("key: [d]", "each: group\n    key: [Order]"),
        "Order,d,q,a,x\nA,2026-01-01,1,10.00,6.00\nA,2026-01-01,1,10.00,\n",
    )
    assert came.total("sales_events", "amount") == Decimal("14.00")


def test_03_an_order_again_that_was_refunded_in_part() -> None:
    first = f"{HEADER}#9,19,paid,42.29,0.00,1,A,35.00\n"
    came = came_of(shop(), first, f"{HEADER}#9,19,partially_refunded,42.29,10.60,1,A,35.00\n")
    assert [each["total_amount"] for each in came.of("orders")] == ["31.69"]


def test_04_two_shops_that_call_an_order_alike() -> None:
    came = came_of(
        shop(),
        f"{HEADER}#1001,71,paid,10.00,0,1,A,10.00\n",
        f"{HEADER}#1001,88,paid,25.00,0,1,A,25\n",
    )
    assert came.total("orders", "total_amount") == 35
    assert len(came.of("orders")) == 2


def test_05_equal_lines_of_an_order_are_lines_of_their_own() -> None:
    rows = "#3,33,paid,75.00,0.00,1,A,25.00\n" + "#3,33,,,,1,A,25.00\n" * 2
    once = came_of(shop(), HEADER + rows)
    twice = came_of(shop(), HEADER + rows, HEADER + rows)
    assert once.total("order_items", "line_total") == 75
    assert twice.made["order_items"] == once.made["order_items"]


def test_06_and_07_a_summary_row_and_an_amount_of_one_unit() -> None:
    came = came_of(
        """
source: ebay
numbers: {symbols: true}
group: {by: Sales Record Number}
emit:
  order_items:
    where: {Item Number: filled}
    fields:
      order_item_id: {id: [line, Sales Record Number, Item Number], occurrence: true}
      order_id: {id: [order, Sales Record Number]}
      product_id: {id: [product, Item Number]}
      quantity: Quantity
      unit_price: Sold For
      line_total: {product: [Quantity, Sold For]}
""",
        "Sales Record Number,Item Number,Quantity,Sold For\n"
        "119,,2,$28.00\n119,I1,1,$13.00\n119,I2,1,$15.00\n120,I3,3,AU $260.00\n",
    )
    assert [each["line_total"] for each in came.of("order_items")] == ["13.00", "15.00", "780.00"]


def test_08_the_first_row_of_a_settlement_is_its_total() -> None:
    mapping = """
source: amazon
read: {delimiter: tab, quote: none}
skip: {total of the settlement: {total-amount: filled}}
group: {by: order-id, adjacent: false}
emit:
  sales_events:
    each: group
    fields:
      external_id: order-id
      event_type: {is: sale}
      occurred_at: posted
      quantity: {is: 1}
      list_price: {total: {when: {kind: Principal}, of: amount}}
      amount: {total: amount}
"""
    came = came_of(
        mapping,
        "total-amount\torder-id\tposted\tkind\tamount\n15.50\t\t\t\t\n"
        "\tO1\t2026-09-01\tPrincipal\t20.00\n\tO1\t2026-09-01\tCommission\t-3.00\n"
        "\tO1\t2026-09-01\tFee\t-1.50\n",
    )
    [event] = came.of("sales_events")
    assert (event["amount"], event["list_price"]) == ("15.5000", "20.0000")
    assert came.counts.skipped == {"total of the settlement": 1}


def test_09_a_footer_is_no_rows_and_is_the_control() -> None:
    extra = """
read: {delimiter: tab, quote: none, stop: {first: "^Total_"}}
check: [{name: rows are the footer's total, of: file, equal: [{total: a}, {footer: Total_Amount}]}]
"""
    text = "d\tq\ta\n2026-01-01\t1\t3.00\n2026-01-02\t1\t5.38\nTotal_Rows\t2\nTotal_Amount\t8.38\n"
    came = came_of(events(extra=extra), text)
    assert came.total("sales_events", "amount") == Decimal("8.38")
    assert (came.counts.footer, came.warnings) == (2, [])
    wrong = came_of(events(extra=extra), text.replace("5.38", "5.39"))
    assert ["8.39 is not 8.38" in str(each) for each in wrong.warnings] == [True]


def test_10_a_lone_quotation_mark_where_nothing_is_quoted() -> None:
    came = came_of(
        events(extra="read: {delimiter: tab, quote: none}", more="title: t"),
        't\td\tq\ta\nGood\t2026-01-01\t1\t2.00\n"Unclosed\t2026-01-02\t1\t3.00\n'
        "More\t2026-01-03\t1\t4.00\n",
    )
    assert came.total("sales_events", "amount") == 9


def test_11_a_decimal_comma() -> None:
    came = came_of(
        events(extra='read: {delimiter: ";"}\nnumbers: {decimal: ","}'),
        "d;q;a\n2026-01-01;1;1.234\n2026-01-02;1;1.234,50\n2026-01-03;1;12.34\n",
    )
    assert [each["amount"] for each in came.of("sales_events")] == ["1234.0000", "1234.5000"]
    assert came.rules == ["4: amount is not a number written like 1.234,50"]


def test_12_the_day_comes_first_because_the_mapping_says_so() -> None:
    came = came_of(
        events(extra='dates: ["%d/%m/%Y"]'), "d,q,a\n03/04/2026,1,1.00\n13/04/2026,1,1.00\n"
    )
    days = [each["occurred_at"][:10] for each in came.of("sales_events")]
    assert days == ["2026-04-03", "2026-04-13"]


def test_13_a_date_alone_is_not_shifted_by_the_zone() -> None:
    extra = 'dates: ["%Y-%m-%d", "%Y-%m-%d %H:%M"]\nzone: Asia/Karachi'
    came = came_of(events(extra=extra), "d,q,a\n2026-05-01,1,1.00\n2026-05-01 03:00,1,1.00\n")
    assert [each["occurred_at"] for each in came.of("sales_events")] == [
        "2026-05-01T00:00:00Z", "2026-04-30T22:00:00Z",
    ]  # fmt: skip


def test_14_ids_that_a_spreadsheet_has_shortened() -> None:
    came = came_of(
        "source: x\nemit: {customers: {fields: {customer_id: {id: [customer, Id]}, name: N, "
        'email: {is: ""}}}}',
        "Id,N\n8.50927E+12,Ada\n8.50927E+12,Bo\n",
    )
    assert came.of("customers") == []
    assert all("a spreadsheet has shortened this number" in rule for rule in came.rules)
    assert len(came.rules) == 2


def test_15_signs_by_the_kind_of_row() -> None:
    sign = "{of: %s, abs: true, negate: {T: Refund}}"
    mapping = events("d, T", amount=sign % "a").replace("quantity: q", f"quantity: {sign % 'q'}")
    came = came_of(mapping, "d,T,q,a\n2026-09-04,Order,2,65.45\n2026-09-09,Refund,1,-31.38\n")
    assert came.total("sales_events", "amount") == Decimal("34.07")
    assert sum(each["quantity"] for each in came.of("sales_events")) == 1


def test_16_a_refund_that_has_the_id_of_its_sale() -> None:
    mapping = events().replace("key: [d]", "").replace("fields:", "fields:\n      external_id: Pay")
    came = came_of(mapping, "Tx,Pay,d,q,a\nT1,P1,2026-09-13,1,12.00\nT1,P2,2026-09-20,-1,-12.00\n")
    assert len(came.of("sales_events")) == 2
    assert came.total("sales_events", "amount") == 0


def test_17_a_blank_key_groups_nothing() -> None:
    rows = "".join(f",{number},paid,5.00,0,1,A,5.00\n" for number in range(1, 41))
    came = came_of(shop().replace("[customer, Name]", "[customer, Id]"), HEADER + rows)
    assert len(came.of("orders")) == 40


def test_18_an_amount_that_is_no_number_is_not_zero() -> None:
    came = came_of(events(), 'd,q,a\n2026-01-01,1,"2,65"\n2026-01-02,1,3.14\n')
    assert came.total("sales_events", "amount") == Decimal("3.14")
    assert came.rules == ["2: amount is not a number written like 1,234.50"]


def test_19_an_amount_that_a_later_report_tells_under_another_name() -> None:
    mapping = (
        events(extra="columns: {A: [Earnings Amount, Payment Amount]}", amount="A")
        .replace("key: [d]", "")
        .replace("fields:", 'fields:\n      external_id: {text: "{Id}:{Type}"}')
    )
    came = came_of(
        mapping, "Id,Type,d,q,Payment Amount\nI1,Sale,2020-02-02,1,\n",
        "Id,Type,d,q,Earnings Amount\nI1,Sale,2020-02-02,1,3.19\n",
    )  # fmt: skip
    assert [each["amount"] for each in came.of("sales_events")] == ["3.1900"]


def test_20_a_header_that_is_there_twice() -> None:
    mapping = events("t", amount='"Royalty Earned"').replace("q:", "Qty.:").replace(": q", ": Qty.")
    mapping = mapping.replace("occurred_at: d", 'occurred_at: {is: "2026-01-01"}')
    text = "t,Qty.,Royalty Earned,Qty.,Royalty Earned\nFirst,12,36.48,15,50.13\n"
    assert came_of(mapping, text).total("sales_events", "amount") == Decimal("36.48")
    second = mapping.replace('"Royalty Earned"', '"Royalty Earned #2"')
    assert came_of(second, text).total("sales_events", "amount") == Decimal("50.13")


def test_21_a_renamed_column_fails_the_file() -> None:
    with pytest.raises(MappingError) as failed:
        came_of(events(amount="Net Due"), "d,q,Net due (USD)\n2026-01-01,1,2.65\n")
    assert (
        "names the column 'Net Due', which file1.csv has not, did you mean 'Net due (USD)'?"
        in str(failed.value)
    )


def test_22_a_record_stands_or_falls_together() -> None:
    rows = "#5,55,paid,30.00,0.00,1,A,10.00\n#5,55,,,,x,B,20.00\n#6,66,paid,7.00,0.00,1,A,7.00\n"
    came = came_of(shop(), HEADER + rows)
    assert [each["external_order_id"] for each in came.of("orders")] == ["#6"]
    assert [each["line_total"] for each in came.of("order_items")] == ["7.00"]
    assert came.rules[0] == "2: record is refused: another row of its record is"
    assert came.rules[1] == "3: quantity is not a number written like 1,234.50"
    assert came.rejected[1].text == "#5,55,,,,x,B,20.00"


def test_23_currencies_are_never_added_up() -> None:
    came = came_of(
        events(more="currency: c"), "d,q,a,c\n2026-01-01,1,89.95,EUR\n2026-01-02,1,500,jpy\n"
    )
    assert came.by_currency("sales_events", "amount") == {
        "EUR": Decimal("89.95"), "JPY": Decimal(500),
    }  # fmt: skip


def test_24_a_share_as_a_percentage() -> None:
    came = came_of(
        events(amount="{product: [a, r], round: 2}"), "d,q,a,r\n2026-01-01,1,4.99,70.0%\n"
    )
    assert came.total("sales_events", "amount") == Decimal("3.49")


def test_27_a_column_of_the_line_is_not_carried() -> None:
    mapping = shop().replace("{id: [product, Sku]}", "{id: [product, [Sku, Price]]}")
    rows = "#1,11,paid,30.00,0,1,A,10.00\n#1,11,,,,1,,20.00\n"
    came = came_of(mapping, HEADER + rows)
    first, second = came.of("order_items")
    assert first["product_id"] != second["product_id"]


def test_28_orders_that_nobody_paid_keep_their_status() -> None:
    rows = "#1,1,voided,20.00,0,1,A,20\n#2,2,pending,10.00,0,1,A,10\n#3,3,paid,5.00,0,1,A,5\n"
    came = came_of(shop(), HEADER + rows)
    assert {each["order_status"]: each["total_amount"] for each in came.of("orders")} == {
        "voided": "20.00", "pending": "10.00", "paid": "5.00",
    }  # fmt: skip


def test_30_a_fee_in_the_currency_that_was_converted_to() -> None:
    came = came_of(
        events(amount="{sum: [Converted Amount, -Fee]}", more="currency: Converted Currency"),
        "d,q,Amount,Currency,Converted Amount,Converted Currency,Fee\n"
        "2026-01-01,1,15.00,usd,534.80,thb,35.40\n",
    )
    assert came.by_currency("sales_events", "amount") == {"THB": Decimal("499.40")}


def test_31_a_file_without_the_mark_is_not_utf_16() -> None:
    with pytest.raises(WrongFileError, match="does not begin with the mark of utf-16"):
        came_of(events(extra="read: {encoding: utf-16}"), "d,q,a\n2026-01-01,1,2.00\n")
    marked = "d,q,a\n2026-01-01,1,2.00\n"
    came = came_of(events(), marked.encode("utf-16"), encoding="utf-16")
    assert came.total("sales_events", "amount") == 2


def test_33_a_tax_that_is_in_the_total_already() -> None:
    check = """
check:
  - name: lines and shipping are the total, taxes in it or on top
    equal: [{sum: [Subtotal, Shipping]}, Total, {sum: [Total, -Taxes]}]
"""
    mapping = events(extra=check, amount="Total")
    header = "d,q,Subtotal,Shipping,Taxes,Total\n"
    inside = came_of(mapping, f"{header}2026-01-01,1,302.51,13.99,52.75,316.50\n")
    assert inside.warnings == []
    on_top = came_of(mapping, f"{header}2026-01-01,1,302.51,13.99,52.75,369.25\n")
    assert on_top.warnings == []
    wrong = came_of(mapping, f"{header}2026-01-01,1,302.51,13.99,52.75,330.00\n")
    assert len(wrong.warnings) == 1


def test_34_a_file_that_begins_in_the_middle_of_an_order() -> None:
    came = came_of(shop(), f"{HEADER}#1,,,,,2,B,10.00\n#2,12,paid,5.00,0.00,1,C,5.00\n")
    assert [each["external_order_id"] for each in came.of("orders")] == ["#2"]
    assert "2: total_amount must not be missing" in came.rules
    assert "2: order_id has nothing to make an id of" in came.rules


def test_rows_of_a_record_that_do_not_stand_together_are_all_refused() -> None:
    rows = "#1,1,paid,30,0,1,A,10\n#2,2,paid,5.00,0,1,C,5\n#1,1,,,,2,B,10\n#3,3,paid,1,0,1,C,1\n"
    came = came_of(shop(), HEADER + rows)
    assert [each["external_order_id"] for each in came.of("orders")] == ["#2", "#3"]
    assert came.rules == [
        f"{line}: group has rows of this record that do not stand together" for line in (2, 4)
    ]


def test_the_rows_of_a_large_file_stay_with_their_records() -> None:
    """Batches end anywhere; records must not."""
    written = io.StringIO()
    rows = csv.writer(written)
    for number in range(3000):
        rows.writerow([f"#{number}", number, "paid", "30.00", "0", 1, "A", "10.00"])
        rows.writerow([f"#{number}", number, "", "", "", 2, "B", "10.00"])
    came = came_of(shop(), HEADER + written.getvalue())
    assert came.counts.made == {"orders": 3000, "order_items": 6000}
    assert {each["order_status"] for each in came.of("orders")} == {"paid"}


def test_arithmetic_of_many_digits_is_exact_or_refused() -> None:
    """Python's own decimals round to 28 digits without a word."""
    long = "1234567.12345678901234567890"
    mapping = events(amount="{product: [a, b]}")
    came = came_of(mapping, f"d,q,a,b\n2026-01-01,1,{long},{long}\n2026-01-01,1,0.50,0.50\n")
    assert came.rules == ["2: amount must be less than 10000000000"]
    assert [each["amount"] for each in came.of("sales_events")] == ["0.2500"]
    rounded = came_of(
        events(amount="{sum: [a, b], round: 2}"), f"d,q,a,b\n2026-01-01,1,{long},-{long}\n"
    )
    assert [each["amount"] for each in rounded.of("sales_events")] == ["0.0000"]


def test_columns_that_whoever_exports_chooses_may_be_missing_where_the_mapping_says_so() -> None:
    mapping = events(more="marketplace: Country")
    with pytest.raises(MappingError, match="names the column 'Country', which file1"):
        came_of(mapping, "d,q,a\n2026-01-01,1,2.00\n")
    mapping = mapping.replace("source: x", "source: x\noptional: [Country]")
    came = came_of(mapping, "d,q,a\n2026-01-01,1,2.00\n", "d,Country,q,a\n2026-01-02,US,1,2.00\n")
    assert [each["marketplace"] for each in came.of("sales_events")] == [None, "US"]
    with pytest.raises(MappingError, match=r"optional is 'Contry', which nothing reads, did you"):
        understood(mapping.replace("[Country]", "Contry"))
