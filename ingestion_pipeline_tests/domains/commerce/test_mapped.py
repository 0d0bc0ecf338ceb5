"""Commerce's sink: what mappings make comes to the same tables, once, and adds up."""

from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path

import pytest
import sqlalchemy as sa

from ingestion_pipeline.domains.commerce import offenders
from ingestion_pipeline.domains.commerce.contract.entities import ENTITIES
from ingestion_pipeline.domains.commerce.mapped import SINK
from ingestion_pipeline.domains.commerce.merge.claimed import merge_claimed
from ingestion_pipeline.domains.commerce.merge.uploads import merge_upload
from ingestion_pipeline.foundation.intake.sinks import Taken
from ingestion_pipeline.foundation.ledger import uploads
from ingestion_pipeline.foundation.ledger.uploads import Upload
from ingestion_pipeline.foundation.loading.known import known_of
from ingestion_pipeline.foundation.settings import Settings
from ingestion_pipeline.foundation.storage import roles
from ingestion_pipeline.foundation.storage.privileges import RUNS
from ingestion_pipeline_tests.domains.commerce.builders import (
    assert_sound,
    finals,
    line,
    load_everything,
    merge_file,
    number,
    product,
    sizes,
    stage_file,
    staged_rows,
)
from ingestion_pipeline_tests.domains.commerce.mapping_files import (
    Came,
    came,
    land,
    load,
    mapped_statuses,
    understood,
)
from ingestion_pipeline_tests.foundation.loading.running import deliver, load_all
from ingestion_pipeline_tests.foundation.storage.test_roles import logged_in

SHOP = """
source: shop
mapping: orders_export
dates: ["%Y-%m-%d %H:%M:%S %z"]
group: {by: Name, carry: {all_but: [Lineitem *, Discount]}}
emit:
  customers:
    each: group
    only_new: true
    fields:
      customer_id: {id: [customer, Email], lower: true}
      name:        Buyer
      email:       Email
      created_at:  Created at
  products:
    only_new: true
    fields:
      product_id: {id: [product, Lineitem sku]}
      sku:        Lineitem sku
      name:       Lineitem name
      price:      Lineitem price
      active:     {is: "true"}
  orders:
    each: group
    fields:
      order_id:                {id: [order, Id]}
      external_order_id:       Name
      customer_id:             {id: [customer, Email], lower: true}
      customer_name_snapshot:  Buyer
      customer_email_snapshot: Email
      total_amount:            Total
      currency:                Currency
      order_status:            Status
      order_date:              Created at
      created_at:              Created at
      raw_payload:             {of: [Total, Status, Note]}
  order_items:
    replace: order_id
    fields:
      order_item_id: {id: [line, Id, Lineitem sku, Lineitem price], occurrence: true}
      order_id:      {id: [order, Id]}
      product_id:    {id: [product, Lineitem sku]}
      quantity:      Lineitem quantity
      unit_price:    Lineitem price
      line_total:    {product: [Lineitem quantity, Lineitem price]}
"""
HEADER = (
    "Name,Id,Email,Buyer,Status,Currency,Total,Created at,Note,"
    "Lineitem quantity,Lineitem name,Lineitem sku,Lineitem price\n"
)


def first(name: str, sku: str, price: str, *, total: str, quantity: int = 1, note: str = "") -> str:
    """The first row of an order, which has all of its fields."""
    return (
        f"#{name},{name},c{name}@example.org,Buyer {name},paid,EUR,{total},"
        f"2026-05-01 10:00:00 +0200,{note},{quantity},Thing {sku},{sku},{price}\n"
    )


def more(name: str, sku: str, price: str, *, quantity: int = 1) -> str:
    """A further row of an order."""
    return f"#{name},,,,,,,,,{quantity},Thing {sku},{sku},{price}\n"


TWO_ORDERS = (
    HEADER
    + first("1", "A", "10.00", total="30.00")
    + more("1", "B", "20.00")
    + first("2", "A", "10.00", total="10.00")
)


def line_totals(engine: sa.Engine) -> list[Decimal]:
    """The amounts of all lines, sorted."""
    return sorted(row["line_total"] for row in finals(engine)["order_items"].values())


def test_a_mapped_file_is_loaded_with_its_counts_and_sums(engine: sa.Engine) -> None:
    taken = load(engine, SHOP, TWO_ORDERS)
    assert sizes(engine) == {"customers": 2, "products": 2, "orders": 2, "order_items": 3}
    assert taken.rejected == []
    assert {name: counts["inserted"] for name, counts in taken.by_target.items()} == sizes(engine)
    assert sum(row["total_amount"] for row in finals(engine)["orders"].values()) == 40
    assert sum(line_totals(engine)) == 40
    assert_sound(engine)
    assert staged_rows(engine) == 0


def test_objects_hold_the_columns_that_the_mapping_lists_and_no_other(engine: sa.Engine) -> None:
    load(engine, SHOP, HEADER + first("1", "A", "10.00", total="10.00", note='"say ""hi"""'))
    [order] = finals(engine)["orders"].values()
    assert order["raw_payload"] == {"Total": "10.00", "Status": "paid", "Note": 'say "hi"'}
    assert order["extra"] is None


def test_the_uploads_of_a_mapped_file_say_which_file_it_was(engine: sa.Engine) -> None:
    file = came(engine, SHOP, TWO_ORDERS)
    land(engine, file)
    with engine.connect() as connection:
        rows = connection.exec_driver_sql(
            "SELECT type, source, location, file_name, mapped_from, mapped_source, status"
            " FROM uploads WHERE domain = 'commerce' ORDER BY upload_id"
        ).all()
    assert [row.type for row in rows] == ["customers", "products", "orders", "order_items"]
    assert {row[1:] for row in rows} == {
        ("mapped", "file:///landed/export.csv", "export.csv", file.delivery.upload_id, "shop",
         "staged")
    }  # fmt: skip


def test_landing_a_file_again_takes_nothing_twice(engine: sa.Engine) -> None:
    file = came(engine, SHOP, TWO_ORDERS)
    once = land(engine, file)
    assert land(engine, file).by_target == once.by_target
    settled = SINK.settle(engine, file.delivery)
    assert land(engine, file).by_target == once.by_target
    assert SINK.settle(engine, file.delivery) == settled
    assert sizes(engine) == {"customers": 2, "products": 2, "orders": 2, "order_items": 3}
    assert_sound(engine)


def test_what_was_killed_between_landing_and_settling_comes_in_with_the_next(
    engine: sa.Engine,
) -> None:
    land(engine, came(engine, SHOP, TWO_ORDERS))
    assert sizes(engine)["orders"] == 0
    load(engine, SHOP, HEADER + first("3", "C", "5.00", total="5.00"))
    assert sizes(engine) == {"customers": 3, "products": 3, "orders": 3, "order_items": 4}
    assert mapped_statuses(engine) == {"loaded"}


def test_a_row_that_commerce_refuses_goes_back_with_its_line_and_its_whole_order(
    engine: sa.Engine,
) -> None:
    too_long = "\x01" * 200_000  # six characters each in JSON, of which a line has a limit
    file = HEADER + first("1", "A", "10.00", total="30.00", note=too_long) + more("1", "B", "20.00")
    taken = load(engine, SHOP, file + first("2", "A", "10.00", total="10.00"))
    told = [(each.line, [reason.rule for reason in each.reasons]) for each in taken.rejected]
    assert told == [
        (2, ["must be at most 1 MiB long"]),
        (2, ["is refused: another row of its order is"]),
        (3, ["is refused: another row of its order is"]),
    ]
    assert all(reason.line == each.line for each in taken.rejected for reason in each.reasons)
    assert sizes(engine) == {"customers": 2, "products": 2, "orders": 1, "order_items": 1}
    assert_sound(engine)
    with engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM rejected_rows").scalar() == 0


def test_staged_rows_that_a_crash_of_the_server_took_are_made_of_the_file_again(
    engine: sa.Engine, configured: Settings, tenant_id: int
) -> None:
    mapping = known_of(understood(SHOP), dict.fromkeys(SINK.targets, SINK))
    deliver(engine, configured, tenant_id, mapping, TWO_ORDERS)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(SINK), "settle", lambda *_: Taken())  # killed before it
        assert [attempt.status for attempt in load_all(engine, configured, mapping)] == ["done"]
    with engine.begin() as connection:  # unlogged tables are empty after a crash
        for name in ENTITIES:
            connection.exec_driver_sql(f"TRUNCATE {name}_staging_arrived")
    for entity in ENTITIES.values():
        merge_claimed(engine, entity)
    assert mapped_statuses(engine) == {"failed"}
    assert [attempt.status for attempt in load_all(engine, configured, mapping)] == ["done"]
    assert mapped_statuses(engine) == {"loaded"}
    assert sizes(engine) == {"customers": 2, "products": 2, "orders": 2, "order_items": 3}
    assert load_all(engine, configured, mapping) == []
    assert staged_rows(engine) == 0


def test_an_id_that_a_spreadsheet_shortened_refuses_its_order_before_it_lands(
    engine: sa.Engine,
) -> None:
    file = came(engine, SHOP, HEADER + first("1", "1.23457E+12", "10.00", total="10.00"))
    assert file.refused == 1
    assert [each.number for each in file.records] == [0, 0, 0, 0]
    assert land(engine, file).by_target == {"order_items": {"staged": 0, "rejected": 0}}


def test_two_that_land_and_merge_the_same_orders_at_once_come_to_the_later_ones(
    engine: sa.Engine,
) -> None:
    files = [
        came(engine, SHOP, HEADER + "".join(
            first(str(n), "A", f"{price}.00", total=f"{price}.00") for n in range(30)
        ))
        for price in range(1, 7)
    ]  # fmt: skip

    def take(file: Came) -> None:
        land(engine, file)
        SINK.settle(engine, file.delivery)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(take, reversed(files)))
    assert line_totals(engine) == [Decimal("6.00")] * 30
    assert {row["total_amount"] for row in finals(engine)["orders"].values()} == {Decimal(6)}
    assert mapped_statuses(engine) == {"loaded"}
    assert_sound(engine)


def test_two_labels_that_make_the_same_record_do_not_overwrite_each_other_for_ever(
    engine: sa.Engine,
) -> None:
    one = """
      product_id: {id: [product, Lineitem sku]}
      sku: Lineitem sku
      price: {is: "1.00"}
      active: {is: "true"}
"""
    twice = f"""
source: shop
mapping: products
emit:
  products/first:
    fields:
      name: {{is: first}}{one}
  products/second:
    where: {{Lineitem sku: A}}
    fields:
      name: {{is: second}}{one}
"""
    load(engine, twice, TWO_ORDERS)
    names = {row["sku"]: row["name"] for row in finals(engine)["products"].values()}
    assert names == {"A": "second", "B": "first"}
    assert load(engine, twice, TWO_ORDERS).by_target["products"] == {
        "inserted": 0, "updated": 0, "unchanged": 2, "superseded": 3, "waiting": 0
    }  # fmt: skip
    assert_sound(engine)


RETURNS = """
source: till
mapping: items
numbers: {symbols: true}
emit:
  customers:
    only_new: true
    fields: {customer_id: {id: [customer, {is: walk-in}]}, name: {is: Walk-in}, email: {is: ""}}
  products:
    only_new: true
    fields: {product_id: {id: [product, Item]}, sku: Item, name: Item, price: {is: "0"}, active: {is: "true"}}
  orders:
    fields:
      order_id: {id: [order, Payment]}
      external_order_id: Payment
      customer_id: {id: [customer, {is: walk-in}]}
      customer_name_snapshot: {is: Walk-in}
      customer_email_snapshot: {is: ""}
      total_amount: {sum: [Net, Tax]}
      tax_amount: Tax
      tax_included: {is: "false"}
      currency: Currency
      order_status: {of: Event, lookup: {Payment: paid, Refund: refunded}}
      order_date: Day
      created_at: Day
  order_items:
    replace: order_id
    fields:
      order_item_id: {id: [line, Payment, Item], occurrence: true}
      order_id: {id: [order, Payment]}
      product_id: {id: [product, Item]}
      quantity: QUANTITY
      unit_price: {is: "0"}
      line_total: Net
"""  # noqa: E501
TILL = "Payment,Event,Item,Qty,Net,Tax,Currency,Day\n"


def test_a_return_is_an_order_of_its_own_with_negative_amounts(engine: sa.Engine) -> None:
    file = TILL + "P1,Payment,Cup,2.0,$8.0000,$0.80,usd,2026-05-01\n"
    file += "P2,Refund,Cup,-1.0,-$4.00,-$0.40,usd,2026-05-02\n"
    mapping = RETURNS.replace("QUANTITY", "{of: Qty, abs: true}")
    assert load(engine, mapping, file).rejected == []
    rows = finals(engine)
    totals = {row["external_order_id"]: row["total_amount"] for row in rows["orders"].values()}
    assert totals == {"P1": Decimal("8.80"), "P2": Decimal("-4.40")}
    items = sorted((row["quantity"], row["line_total"]) for row in rows["order_items"].values())
    assert items == [(1, Decimal(-4)), (2, Decimal(8))]
    assert {row["currency"] for row in rows["orders"].values()} == {"USD"}
    with engine.connect() as connection:
        assert connection.execute(offenders.totals_that_differ()).all() == []
    assert all(
        counts["inserted"] == counts["updated"] == 0
        for counts in load(engine, mapping, file).by_target.values()
    )


def test_a_negative_quantity_is_refused_with_its_order(engine: sa.Engine) -> None:
    file = TILL + "P1,Payment,Cup,2,8.00,0.80,USD,2026-05-01\n"
    file += "P2,Refund,Cup,-1,-4.00,-0.40,USD,2026-05-02\n"
    came_in = came(engine, RETURNS.replace("QUANTITY", "Qty"), file)
    assert came_in.refused == 1
    assert {each.emit.target.name: each.number for each in came_in.records} == {
        "customers": 1, "products": 1, "orders": 1, "order_items": 1
    }  # fmt: skip


def test_a_run_with_a_role_of_its_own_may_land_and_merge(engine: sa.Engine) -> None:
    files = [came(engine, SHOP, TWO_ORDERS), came(engine, SHOP, TWO_ORDERS.replace(",B,", ",C,"))]
    roles.ensure(engine)
    with logged_in(engine, RUNS) as connection:
        connection.execution_options(isolation_level="READ COMMITTED")
        for file in files:
            with connection.begin():
                SINK.land(connection, file.delivery, file.records)
                for entity in ENTITIES.values():
                    for upload in uploads.staged(connection, domain="commerce", type_=entity.name):
                        assert merge_upload(connection, upload) is not None
    assert sizes(engine) == {"customers": 2, "products": 3, "orders": 2, "order_items": 3}


def test_files_of_our_own_format_and_mapped_ones_win_by_when_they_came(
    engine: sa.Engine, tmp_path: Path, tenant_id: int
) -> None:
    catalogue = """
source: given
mapping: products
emit:
  products:
    fields: {product_id: Id, sku: Name, name: Name, price: Price, active: {is: "true"}}
"""

    def mapped(name: str) -> Came:
        return came(engine, catalogue, f"Id,Name,Price\n{number(2, 1)},{name},1.00\n")

    def native(name: str) -> Upload:
        path = tmp_path / "products_1.ndjson"
        path.write_bytes(line(product(1, name=name)) + b"\n")
        return stage_file(engine, tenant_id, path)

    def name_of_it() -> str:
        return str(finals(engine)["products"][number(2, 1)]["name"])

    first_come = mapped("mapped first")
    merge_file(engine, native("ours second"))
    land(engine, first_come)
    assert SINK.settle(engine, first_come.delivery).by_target["products"]["superseded"] == 1
    assert name_of_it() == "ours second"
    late = native("ours third")
    last = mapped("mapped fourth")
    land(engine, last)
    SINK.settle(engine, last.delivery)
    assert name_of_it() == "mapped fourth"
    assert merge_file(engine, late) is None  # it came before, and was merged with it
    assert_sound(engine)


def test_what_was_killed_before_it_was_merged_is_merged_by_a_run_of_commerces_own(
    engine: sa.Engine, configured: Settings
) -> None:
    land(engine, came(engine, SHOP, TWO_ORDERS))
    load_everything(engine)  # another file's run: it merges, as it finds what is staged
    assert sizes(engine)["order_items"] == 3
    land(engine, came(engine, SHOP, HEADER + first("3", "C", "5.00", total="5.00")))
    jobs = "SELECT kind, status FROM jobs ORDER BY job_id"
    with engine.begin() as connection:
        assert connection.exec_driver_sql(jobs).all() == [
            ("commerce.load.order_items", "completed"), ("commerce.load.order_items", "pending")
        ]  # fmt: skip
        connection.exec_driver_sql("UPDATE jobs SET available_at = now()")
    load_everything(engine)
    with engine.connect() as connection:
        assert {row.status for row in connection.exec_driver_sql(jobs)} == {"completed"}
    assert sizes(engine) == {"customers": 3, "products": 3, "orders": 3, "order_items": 4}
