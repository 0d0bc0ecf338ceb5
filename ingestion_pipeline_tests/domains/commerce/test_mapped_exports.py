"""Exports of shops by the shipped mappings, into the tables: to the cent, however often."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa

from ingestion_pipeline.domains.commerce import offenders
from ingestion_pipeline.domains.commerce.contract.mapped import TARGETS
from ingestion_pipeline.domains.commerce.mapped import SINK
from ingestion_pipeline.domains.commerce.tables import FINAL
from ingestion_pipeline_tests.domains.commerce.builders import assert_sound, finals, staged_rows
from ingestion_pipeline_tests.domains.commerce.mapping_files import came, land, load
from ingestion_pipeline_tests.mappings.expected import EXPECTED, Expected
from ingestion_pipeline_tests.mappings.samples import sample, shipped


def mapping_of(file: str) -> str:
    return file.partition(".")[0]


# Olist's files hold one type each, so that they wait for each other; a test of their own below.
SHOPS = [
    each for each in EXPECTED
    if {label.partition("/")[0] for label in each.made} <= set(TARGETS)
    and not each.file.startswith("olist_")
]  # fmt: skip
# Orders whose total their file does not explain: taxes without a column, a coupon without a sum.
NO_SUM = {
    "ebay_orders.1.csv": ["11-20000-00001", "11-20000-00003"],
    "bigcommerce_orders.1.csv": ["503"],
}
OF_ORDERS = sorted({mapping_of(each.file) for each in SHOPS if "orders" in each.made})


@pytest.fixture(scope="module")
def shared(shared_database_url: str) -> Iterator[sa.Engine]:
    """A database of the module; each test has tenants of its own."""
    engine = sa.create_engine(shared_database_url)
    yield engine
    engine.dispose()


def rows_of(engine: sa.Engine, tenant: str, name: str) -> list[dict[str, Any]]:
    return list(finals(engine, tenant)[name].values())


@pytest.mark.parametrize("expected", SHOPS, ids=[each.file for each in SHOPS])
def test_an_export_is_loaded_to_the_cent_and_a_second_time_nothing_changes(
    shared: sa.Engine, expected: Expected
) -> None:
    tenant, mapped = "once-" + expected.file.replace(".", "-"), shipped(mapping_of(expected.file))
    taken = load(shared, mapped, sample(expected.file), tenant=tenant)
    assert taken.rejected == []
    made: Counter[str] = Counter()
    for label, number in expected.made.items():
        made[label.partition("/")[0]] += number
    assert {name: sum(counts.values()) for name, counts in taken.by_target.items()} == made
    assert all(counts["waiting"] == 0 for counts in taken.by_target.values())
    sums: dict[str, Decimal] = defaultdict(Decimal)
    for row in rows_of(shared, tenant, "orders"):
        sums[f"orders {row['currency']}"] += row["total_amount"]
    assert dict(sums) == {name: Decimal(amount) for name, amount in expected.sums.items()}
    assert _told_to_differ(shared, tenant) == NO_SUM.get(expected.file, [])
    before = finals(shared, tenant)
    again = load(shared, mapped, sample(expected.file), tenant=tenant)
    for name, counts in again.by_target.items():
        assert counts["inserted"] == counts["updated"] == counts["waiting"] == 0, (name, counts)
    assert finals(shared, tenant) == before
    assert_sound(shared)


def _told_to_differ(engine: sa.Engine, tenant: str) -> list[str]:
    """Orders of which the check `order_totals` would warn."""
    differ = offenders.totals_that_differ().subquery()
    orders = FINAL["orders"].c
    mine = sa.text("(SELECT tenant_id FROM tenants WHERE name = :name)").bindparams(name=tenant)
    names = (
        sa.select(orders.external_order_id).join(differ, differ.c.order_id == orders.order_id)
        .where(orders.tenant_id == mine).order_by(orders.external_order_id)
    )  # fmt: skip
    with engine.connect() as connection:
        return list(connection.execute(names).scalars())


@pytest.mark.parametrize("mapping", OF_ORDERS)
def test_a_platforms_files_come_to_the_same_orders_whichever_is_loaded_first(
    shared: sa.Engine, mapping: str
) -> None:
    files = [each.file for each in SHOPS if mapping_of(each.file) == mapping]
    for turn in (1, -1):
        tenant = f"{'there' if turn == 1 else 'back'}-{mapping}"
        arrived = [came(shared, shipped(mapping), sample(file), tenant=tenant) for file in files]
        for file in arrived[::turn]:
            land(shared, file)
            SINK.settle(shared, file.delivery)
    assert _orders(shared, f"there-{mapping}") == _orders(shared, f"back-{mapping}")
    assert_sound(shared)
    assert staged_rows(shared) == 0


def _orders(engine: sa.Engine, tenant: str) -> dict[tuple[str, str], Any]:
    """Orders with their items, without the ids, which are a tenant's own. Two shops number theirs
    alike, so an order is told by its currency, too."""
    products = {row["product_id"]: row["sku"] for row in rows_of(engine, tenant, "products")}
    items: dict[UUID, list[tuple[Any, ...]]] = defaultdict(list)
    for row in rows_of(engine, tenant, "order_items"):
        sku = products[row["product_id"]]
        items[row["order_id"]].append((sku, row["quantity"], row["unit_price"], row["line_total"]))
    return {
        (order["external_order_id"], order["currency"]): (
            order["total_amount"], order["order_status"], order["order_date"],
            sorted(items[order["order_id"]]),
        )
        for order in rows_of(engine, tenant, "orders")
    }  # fmt: skip


def test_olists_files_wait_for_each_other_in_any_order(shared: sa.Engine) -> None:
    files = ["olist_order_items.1.csv", "olist_orders.1.csv", "olist_products.1.csv",
             "olist_customers.1.csv"]  # fmt: skip
    for tenant, turn in (("olist", files), ("back", files[::-1])):
        for file in turn:
            load(shared, shipped(mapping_of(file)), sample(file), tenant=tenant)
    assert _orders(shared, "olist") == _orders(shared, "back")
    assert_sound(shared)
