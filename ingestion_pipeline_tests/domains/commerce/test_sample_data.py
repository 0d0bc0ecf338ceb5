"""Sample data: the same every time, and the loader agrees about every single line."""

import json
import tracemalloc
from collections import Counter, defaultdict
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import pytest
import sqlalchemy as sa

from ingestion_pipeline.domains.commerce.contract.entities import (
    ENTITIES,
    MAXIMUM_LINE_BYTES,
    entity_of_file,
)
from ingestion_pipeline.domains.commerce.land.fields import read_line
from ingestion_pipeline.domains.commerce.merge.folder import data_files, merge_folder
from ingestion_pipeline.domains.commerce.sample import SampleFile, write_sample_data
from ingestion_pipeline_tests.domains.commerce.builders import BOUNDS

# A third of each file is enough for every kind of damage, twice.
SIZES = {"customers": 240, "products": 330, "orders": 480, "order_items": 1001}
BAD_SHARE = 0.333


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, SampleFile]:
    """Files with good and bad lines."""
    return write_sample_data(tmp_path_factory.mktemp("mixed"), **SIZES, bad_share=BAD_SHARE)


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[dict]]:
    """The rows of files without bad lines, decimals as they are written."""
    files = write_sample_data(tmp_path_factory.mktemp("good"), **SIZES)
    return {
        name: [json.loads(line, parse_float=Decimal) for line in lines_of(file.path)]
        for name, file in files.items()
    }


def lines_of(path: Path) -> list[bytes]:
    return path.read_bytes().split(b"\n")[:-1]


def contents(files: dict[str, SampleFile]) -> list[bytes]:
    return [file.path.read_bytes() for file in files.values()]


def test_the_same_arguments_give_the_same_bytes(tmp_path: Path, mixed: dict[str, SampleFile]):
    again = write_sample_data(tmp_path, **SIZES, bad_share=BAD_SHARE)
    assert contents(again) == contents(mixed)


def test_another_seed_gives_other_ids(tmp_path: Path, good: dict[str, list[dict]]):
    files = write_sample_data(tmp_path, **SIZES, seed=2)
    for name, entity in ENTITIES.items():
        others = {json.loads(line)[entity.key] for line in lines_of(files[name].path)}
        assert others.isdisjoint(row[entity.key] for row in good[name])


def test_file_names_tell_the_type_and_nothing_else_is_left(mixed: dict[str, SampleFile]):
    assert list(mixed) == list(ENTITIES)
    for name, file in mixed.items():
        assert entity_of_file(file.path.name).name == name
    folder = next(iter(mixed.values())).path.parent
    assert sorted(folder.iterdir()) == sorted(file.path for file in mixed.values())


def test_a_failure_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("ingestion_pipeline.domains.commerce.sample._one_of", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        write_sample_data(tmp_path, **SIZES)
    assert list(tmp_path.iterdir()) == []


def test_files_have_as_many_lines_as_asked_for(mixed: dict[str, SampleFile]):
    for name, file in mixed.items():
        assert len(lines_of(file.path)) == file.lines == SIZES[name]
        assert file.bad == SIZES[name] * 333 // 1000
        assert file.good == file.lines - file.bad


def test_the_number_of_bad_lines_is_not_at_the_mercy_of_floats(tmp_path: Path):
    files = write_sample_data(
        tmp_path, customers=100, products=1, orders=0, order_items=0, bad_share=0.29
    )
    assert files["customers"].bad == 29


def test_bad_lines_are_spread_evenly(mixed: dict[str, SampleFile]):
    file = mixed["orders"]
    numbers = [
        number
        for number, line in enumerate(lines_of(file.path), 1)
        if len(line) > MAXIMUM_LINE_BYTES or isinstance(read_line(line, ENTITIES["orders"]), list)
    ]
    gaps = {later - earlier for earlier, later in pairwise(numbers)}
    assert gaps <= {3, 4}


def test_ids_are_unique(good: dict[str, list[dict]]):
    for name, entity in ENTITIES.items():
        assert len({row[entity.key] for row in good[name]}) == SIZES[name]


def test_children_copy_their_parents(good: dict[str, list[dict]]):
    customers = {row["customer_id"]: row for row in good["customers"]}
    products = {row["product_id"]: row for row in good["products"]}
    for order in good["orders"]:
        customer = customers[order["customer_id"]]
        assert order["customer_name_snapshot"] == customer["name"]
        assert order["customer_email_snapshot"] == customer["email"]
        assert order["order_date"] >= customer["created_at"]
    for item in good["order_items"]:
        assert item["unit_price"] == products[item["product_id"]]["price"]


def test_amounts_add_up_to_the_cent(good: dict[str, list[dict]]):
    totals: dict[str, Decimal] = defaultdict(Decimal)
    for item in good["order_items"]:
        assert item["line_total"] == item["quantity"] * item["unit_price"]
        assert item["line_total"].as_tuple().exponent == -2
        totals[item["order_id"]] += item["line_total"]
    assert totals == {order["order_id"]: order["total_amount"] for order in good["orders"]}


@pytest.mark.parametrize(
    ("orders", "items"), [(1, 1), (2, 3), (5, 5), (7, 8), (8, 100), (9, 4), (10, 0), (3, 2)]
)
def test_every_order_has_items_where_there_are_enough(tmp_path: Path, orders: int, items: int):
    files = write_sample_data(tmp_path, customers=1, products=1, orders=orders, order_items=items)
    order_ids = [json.loads(line)["order_id"] for line in lines_of(files["orders"].path)]
    used = Counter(json.loads(line)["order_id"] for line in lines_of(files["order_items"].path))
    assert set(used) <= set(order_ids)
    assert sum(used.values()) == items
    if items >= orders:
        assert set(used) == set(order_ids)


def test_values_look_real(good: dict[str, list[dict]]):
    assert any(not customer["name"].isascii() for customer in good["customers"])
    assert all(customer["email"].isascii() for customer in good["customers"])
    assert len({order["currency"] for order in good["orders"]}) >= 4
    assert len({order["order_status"] for order in good["orders"]}) >= 4
    assert {product["category_id"] is None for product in good["products"]} == {True, False}
    years = {row["created_at"][:4] for row in good["orders"]}
    assert years == {"2023", "2024"}


def test_bad_lines_break_every_rule_of_every_field(mixed: dict[str, SampleFile]):
    for name, entity in ENTITIES.items():
        blamed: dict[str, set[str]] = defaultdict(set)
        overlong = 0
        for line in lines_of(mixed[name].path):
            overlong += len(line) > MAXIMUM_LINE_BYTES
            outcome = read_line(line, entity)
            for reason in outcome if isinstance(outcome, list) else []:
                blamed[reason["field"]].add(reason["rule"])
        assert overlong == 1
        assert set(blamed) == {"line", *(rule.name for rule in entity.fields)}
        for rule in entity.fields:
            rules = " / ".join(blamed[rule.name])
            if rule.maximum_length:
                assert f"at most {rule.maximum_length} characters" in rules
            if rule.minimum is not None:
                assert f"at least {rule.minimum}" in rules
            if rule.kind == "money":
                assert "finite" in rules
                assert "at most 2 decimals" in rules
            if rule.kind != "object" and not rule.nullable:
                assert "must not be null" in rules
                assert "must not be missing" in rules


def test_the_loader_takes_every_good_line_and_rejects_every_bad_one(
    mixed: dict[str, SampleFile], engine: sa.Engine
):
    files, others = data_files(mixed["orders"].path.parent)
    assert others == []
    result = merge_folder(engine, files, tenant="acme", bounds=BOUNDS)
    assert [file.type for file in result.files] == list(mixed)
    for file in result.files:
        written = mixed[file.type]
        assert file.error is None
        assert file.counts.add_up
        assert file.counts.lines == written.lines
        assert file.counts.rejected == written.bad
        assert file.counts.inserted == written.good


def test_orders_in_the_database_are_the_sum_of_their_items(
    mixed: dict[str, SampleFile], engine: sa.Engine
):
    files, _ = data_files(mixed["orders"].path.parent)
    merge_folder(engine, files, tenant="acme", bounds=BOUNDS)
    with engine.connect() as connection:
        wrong = connection.scalar(
            sa.text("""
                SELECT count(*) FROM orders WHERE total_amount IS DISTINCT FROM (
                    SELECT sum(line_total) FROM order_items
                    WHERE order_items.order_id = orders.order_id
                )
            """)
        )
    assert wrong == 0


def test_memory_does_not_grow_with_the_files(tmp_path: Path):
    peaks = []
    for size in (500, 5_000):
        tracemalloc.start()
        write_sample_data(
            tmp_path, customers=size, products=size, orders=size, order_items=size, bad_share=0.01
        )
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] + 2 * 1024 * 1024  # one overlong line more


@pytest.mark.parametrize(
    ("changed", "complaint"),
    [
        ({"customers": 0}, "customers: must not be 0 where there are orders"),
        ({"products": 0}, "products: must not be 0 where there are order_items"),
        ({"orders": 0}, "orders: must not be 0 where there are order_items"),
        ({"bad_share": 1.0}, "bad_share: must be at least 0 and less than 1"),
        ({"bad_share": -0.1}, "bad_share: must be at least 0 and less than 1"),
    ],
)
def test_what_cannot_be_made_is_refused(tmp_path: Path, changed: dict, complaint: str):
    with pytest.raises(ValueError, match=complaint):
        write_sample_data(tmp_path, **(SIZES | changed))
    assert list(tmp_path.iterdir()) == []
