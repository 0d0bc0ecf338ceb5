"""The check `order_totals`: items and charges come to the total, as far as they are told."""

from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from ingestion_pipeline.domains.commerce import offenders
from ingestion_pipeline_tests.domains.commerce.builders import (
    customer,
    load,
    order,
    order_item,
    product,
)

# What orders say, of one item of 19.80, and whether that is right.
CASES: list[tuple[dict[str, Any], bool]] = [
    ({"total_amount": "19.80"}, True),
    ({"total_amount": "24.70"}, False),  # nothing is told: as ever
    ({"total_amount": "24.70", "shipping_amount": "4.90"}, True),
    ({"total_amount": "19.80", "shipping_amount": "4.90"}, False),
    ({"total_amount": "17.80", "discount_amount": "2.00"}, True),
    ({"total_amount": "20.80", "tip_amount": "1.00"}, True),
    ({"total_amount": "9.80", "refunded_amount": "10.00"}, True),
    ({"total_amount": "23.56", "tax_amount": "3.76"}, True),  # in it, or on top
    ({"total_amount": "19.80", "tax_amount": "3.76"}, True),
    ({"total_amount": "20.00", "tax_amount": "3.76"}, False),
    ({"total_amount": "19.80", "tax_amount": "3.76", "tax_included": True}, True),
    ({"total_amount": "23.56", "tax_amount": "3.76", "tax_included": True}, False),
    ({"total_amount": "19.80", "tax_amount": "3.76", "tax_included": False}, False),
    ({"total_amount": "23.56", "tax_amount": "3.76", "tax_included": False}, True),
    ({"total_amount": "19.80", "tax_included": False}, True),
    ({"total_amount": "22.46", "shipping_amount": "4.90", "tax_amount": "3.76",
      "discount_amount": "2.00", "refunded_amount": "4.00", "tax_included": False}, True),
]  # fmt: skip


@pytest.fixture(scope="module")
def found(shared_database_url: str, tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """The external ids of the orders of all cases that are told to differ."""
    engine = sa.create_engine(shared_database_url)
    folder: Path = tmp_path_factory.mktemp("orders")
    load(engine, folder, {
        "customers_1.ndjson": [customer(1)],
        "products_1.ndjson": [product(1)],
        "orders_1.ndjson": [order(n, 1, **said) for n, (said, _) in enumerate(CASES)],
        "order_items_1.ndjson": [order_item(n, n, 1) for n in range(len(CASES))],
    })  # fmt: skip
    differ = offenders.totals_that_differ().subquery()
    name = sa.text("SELECT external_order_id FROM orders WHERE order_id = ANY(:ids)")
    with engine.connect() as connection:
        ids = list(connection.execute(sa.select(differ.c.order_id)).scalars())
        names = set(connection.execute(name, {"ids": ids}).scalars())
    engine.dispose()
    return names


@pytest.mark.parametrize(
    ("number", "case"), list(enumerate(CASES)), ids=[str(said) for said, _ in CASES]
)
def test_an_order_is_told_to_differ_where_items_and_charges_are_not_its_total(
    found: set[str], number: int, case: tuple[dict[str, Any], bool]
) -> None:
    assert (f"X{number}" not in found) is case[1]
