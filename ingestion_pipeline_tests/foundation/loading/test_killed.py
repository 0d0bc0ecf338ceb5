"""`kill -9` at any moment of a load by a mapping; twice; in another order: it is as if once."""

import random
import subprocess
import sys
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from ingestion_pipeline.foundation.ledger import tenants
from ingestion_pipeline.foundation.loading.recording import record, record_again
from ingestion_pipeline.foundation.settings import Settings
from ingestion_pipeline.foundation.storage.landing import Landing, landing_name

KILLS = 8
SHOP = """
source: shop
mapping: orders
group: {by: Name}
emit:
  customers:
    each: group
    fields: {customer_id: {id: [customer, Email]}, name: Email, email: Email}
  products:
    fields:
      product_id: {id: [product, Sku]}
      sku: Sku
      name: Sku
      price: Price
      active: {is: "true"}
  orders:
    each: group
    fields:
      order_id: {id: [order, Name]}
      external_order_id: Name
      customer_id: {id: [customer, Email]}
      customer_name_snapshot: Email
      customer_email_snapshot: Email
      total_amount: {total: {product: [Qty, Price]}}
      currency: {is: USD}
      order_status: {is: paid}
      order_date: {is: "2026-01-01"}
      created_at: {is: "2026-01-01"}
  order_items:
    fields:
      order_item_id: {id: [line, Name, Sku], occurrence: true}
      order_id: {id: [order, Name]}
      product_id: {id: [product, Sku]}
      quantity: Qty
      unit_price: Price
      line_total: {product: [Qty, Price]}
"""
BOOKS = """
source: stall
mapping: sales
emit:
  sales_events:
    key: [Day, Title]
    fields:
      event_type: {is: sale}
      occurred_at: Day
      quantity: Count
      amount: Paid
      currency: {is: USD}
      title: Title
"""


def shop_file(part: int) -> str:
    """300 orders of two lines each, and one line without a price, which refuses its order."""
    rows = [
        f"#{part}-{n},c{n % 50}@example.org,S{(n + line) % 40},{1 + line},{2 + (n + line) % 40}.50"
        for n in range(300) for line in range(2)
    ]  # fmt: skip
    rows.append(f"#{part}-x,x@example.org,S1,1,free")
    return "\n".join(["Name,Email,Sku,Qty,Price", *rows, ""])


def books_file(part: int) -> str:
    rows = [f"2026-01-0{1 + n % 9},T{n}-{part},1,{n % 7}.25" for n in range(300)]
    return "\n".join(["Day,Title,Count,Paid", *rows, *rows[:5], ""])


def figures(engine: sa.Engine) -> dict[str, Any]:
    """What the tables hold, but for where it came from."""
    queries = {
        "orders": "SELECT count(*), sum(total_amount) FROM orders",
        "items": "SELECT count(*), sum(line_total) FROM order_items",
        "customers": "SELECT count(*), 0 FROM customers",
        "products": "SELECT count(*), sum(price) FROM products",
        "sales": "SELECT count(*), sum(amount) FROM sales_events",
        "ids": "SELECT md5(string_agg(order_item_id::text, ',' ORDER BY order_item_id)), 0 "
        "FROM order_items",
        "waiting": "SELECT count(*), 0 FROM order_items_staging",
    }
    with engine.connect() as connection:
        return {name: tuple(connection.exec_driver_sql(q).one()) for name, q in queries.items()}


def begin(*mappings: Path) -> subprocess.Popen[str]:
    """A load that has begun."""
    process = subprocess.Popen(
        [sys.executable, "-m", "ingestion_pipeline_tests.foundation.loading.killed",
         *map(str, mappings)],
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


@pytest.mark.slow
def test_a_load_that_is_killed_at_random_ends_as_if_it_never_was_and_again_changes_nothing(
    engine: sa.Engine, configured: Settings, tenant_id: int, tmp_path: Path
) -> None:
    shop, books = tmp_path / "shop.yaml", tmp_path / "books.yaml"
    shop.write_text(SHOP)
    books.write_text(BOOKS)
    landing, uploads = Landing(configured.landing), []
    with engine.begin() as connection:
        tenants.ensure(connection, "acme")
        for part in range(4):
            for name, text in (("shop/orders", shop_file(part)), ("stall/sales", books_file(part))):
                landed = landing.write(landing_name("acme", f"{part}.csv"), [text.encode()])
                uploads.append(
                    record(
                        connection, tenant_id=tenant_id, mapping=name, file_name=f"{part}.csv",
                        landed=landed, source="http", attempts=100,
                    ).upload_id
                )  # fmt: skip
    chance = random.Random(8)
    for _ in range(KILLS):
        process = begin(shop, books)
        time.sleep(chance.uniform(0.0, 1.5))
        process.kill()
        process.communicate()
    finished = begin(shop, books)
    finished.communicate(timeout=600)
    assert finished.returncode == 0
    found = figures(engine)
    prices = [Decimal(2 + (n + line) % 40) + Decimal("0.50") for n in range(300) for line in (0, 1)]
    total = sum(price * (1 + place % 2) for place, price in enumerate(prices)) * 4
    assert found["orders"] == (1200, total)
    assert found["items"][:2] == (2400, total)
    assert (found["customers"][0], found["products"][0], found["waiting"][0]) == (50, 40, 0)
    # Equal rows within a file are two sales.
    one = sum(Decimal(n % 7) + Decimal("0.25") for n in [*range(300), *range(5)])
    assert found["sales"] == (4 * 305, 4 * one)
    with engine.connect() as connection:
        told = connection.exec_driver_sql(
            "SELECT type, status, lines, rejected, staged FROM uploads WHERE domain = 'intake'"
        )
        assert set(map(tuple, told)) == {
            ("shop/orders", "loaded", 602, 1, 600), ("stall/sales", "loaded", 306, 0, 305),
        }  # fmt: skip
        kept = connection.exec_driver_sql("SELECT count(*) FROM rejected_rows").scalar()
        assert kept == 4

    with engine.begin() as connection:
        for upload_id in reversed(uploads):
            record_again(connection, upload_id, attempts=100)
    again = begin(shop, books)
    again.communicate(timeout=600)
    assert (again.returncode, figures(engine)) == (0, found)
