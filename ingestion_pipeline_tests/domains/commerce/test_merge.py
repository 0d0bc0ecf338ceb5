"""Staging → finals: foreign keys hold, the latest arrival wins, nothing is lost."""

import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingestion_pipeline.domains.commerce.contract.entities import ENTITIES
from ingestion_pipeline.domains.commerce.merge import uploads as merge
from ingestion_pipeline.domains.commerce.merge.folder import data_files, merge_folder
from ingestion_pipeline.foundation.errors import StagingLostError
from ingestion_pipeline.foundation.ledger import tenants
from ingestion_pipeline.foundation.ledger.uploads import Counts
from ingestion_pipeline_tests.domains.commerce.builders import (
    BOUNDS,
    Row,
    all_counts,
    assert_sound,
    customer,
    finals,
    load,
    merge_file,
    number,
    order,
    order_item,
    product,
    sizes,
    stage_file,
    staged_rows,
    statuses,
    write_files,
)


def _counts(engine: sa.Engine, folder: Path, **files: list[Row]) -> dict[str, Counts]:
    """Ingest files given as type=rows; the counts of each by type."""
    named = {f"{entity}_1.ndjson": rows for entity, rows in files.items()}
    result = load(engine, folder, named)
    return {file.type: file.counts for file in result.files}


def test_parents_and_children_of_one_delivery_are_all_in(engine: sa.Engine, tmp_path: Path) -> None:
    _counts(
        engine, tmp_path, order_items=[order_item(1, 1, 1)], orders=[order(1, 1)],
        products=[product(1)], customers=[customer(1)],
    )  # fmt: skip
    assert sizes(engine) == {"customers": 1, "products": 1, "orders": 1, "order_items": 1}
    assert staged_rows(engine) == 0
    assert_sound(engine)


def test_children_wait_for_parents_and_come_in_when_these_arrive(
    engine: sa.Engine, tmp_path: Path
) -> None:
    first = _counts(engine, tmp_path / "1", order_items=[order_item(1, 1, 1)])
    second = _counts(engine, tmp_path / "2", orders=[order(1, 1)])
    third = _counts(engine, tmp_path / "3", products=[product(1)])
    assert first["order_items"].waiting == second["orders"].waiting == 1
    assert third["products"].inserted == 1
    assert sizes(engine) == {"customers": 0, "products": 1, "orders": 0, "order_items": 0}
    assert_sound(engine)
    _counts(engine, tmp_path / "4", customers=[customer(1)])
    assert sizes(engine) == {"customers": 1, "products": 1, "orders": 1, "order_items": 1}
    assert {(c.inserted, c.waiting) for c in all_counts(engine).values()} == {(1, 0)}
    assert staged_rows(engine) == 0
    assert_sound(engine)


def test_a_waiting_row_says_since_when(engine: sa.Engine, tmp_path: Path) -> None:
    _counts(engine, tmp_path, orders=[order(1, 1)])
    with engine.connect() as connection:
        since = connection.exec_driver_sql(
            "SELECT now() - waiting_since < interval '1 minute' FROM orders_staging WHERE waiting"
        )
        assert list(since.scalars()) == [True]


def test_identical_rows_are_not_written_again(engine: sa.Engine, tmp_path: Path) -> None:
    files: dict[str, list[Row]] = {
        "customers": [customer(n) for n in range(5)],
        "products": [product(n) for n in range(5)],
        "orders": [order(n, n) for n in range(5)],
        "order_items": [order_item(n, n, n) for n in range(5)],
    }
    _counts(engine, tmp_path / "1", **files)
    before = _versions(engine)
    again = _counts(engine, tmp_path / "2", **files)
    assert [counts.unchanged for counts in again.values()] == [5, 5, 5, 5]
    assert _versions(engine) == before
    assert_sound(engine)


def _versions(engine: sa.Engine) -> set[tuple[Any, ...]]:
    """The physical version of every row."""
    with engine.connect() as connection:
        return {
            tuple(row)
            for name in ENTITIES
            for row in connection.exec_driver_sql(
                f"SELECT '{name}', ctid::text, xmin::text FROM {name}"
            )
        }


def test_numbers_and_times_written_otherwise_are_the_same(
    engine: sa.Engine, tmp_path: Path
) -> None:
    _counts(engine, tmp_path / "1", products=[product(1, price="9.90")])
    same = product(1, price=9.9, created_at="2024-05-01T12:00:00+02:00")
    assert _counts(engine, tmp_path / "2", products=[same])["products"].unchanged == 1


@pytest.mark.parametrize(
    ("field", "value"),
    [("name", "other"), ("price", "1.00"), ("category_id", number(9, 9)), ("active", False),
     ("new_field", 1)],
)  # fmt: skip
def test_any_difference_is_an_update(
    engine: sa.Engine, tmp_path: Path, field: str, value: object
) -> None:
    _counts(engine, tmp_path / "1", products=[product(1), product(2)])
    counts = _counts(engine, tmp_path / "2", products=[product(1, **{field: value}), product(2)])
    assert (counts["products"].updated, counts["products"].unchanged) == (1, 1)
    stored = finals(engine)["products"][number(2, 1)]
    assert (stored | (stored["extra"] or {}))[field] in (
        value,
        UUID(number(9, 9)),
    ) or field == "price"
    assert_sound(engine)


def test_the_last_of_several_versions_in_a_file_counts(engine: sa.Engine, tmp_path: Path) -> None:
    rows = [customer(1, name="first"), customer(2), customer(1, name="last"), customer(2)]
    counts = _counts(engine, tmp_path, customers=rows)["customers"]
    assert (counts.inserted, counts.superseded) == (2, 2)
    assert finals(engine)["customers"][number(1, 1)]["name"] == "last"
    assert_sound(engine)


def test_the_later_arrival_wins_although_it_was_merged_first(
    engine: sa.Engine, tenant_id: int, tmp_path: Path
) -> None:
    write_files(tmp_path, {"customers_1.ndjson": [customer(1, name="earlier"), customer(2)],
                           "customers_2.ndjson": [customer(1, name="later")]})  # fmt: skip
    earlier = stage_file(engine, tenant_id, tmp_path / "customers_1.ndjson")
    later = stage_file(engine, tenant_id, tmp_path / "customers_2.ndjson")
    assert merge_file(engine, later) == Counts(lines=1, staged=1, inserted=1)
    assert merge_file(engine, earlier) == Counts(lines=2, staged=2, inserted=1, superseded=1)
    assert finals(engine)["customers"][number(1, 1)]["name"] == "later"


def test_an_earlier_file_does_not_undo_what_a_later_one_has_confirmed(
    engine: sa.Engine, tenant_id: int, tmp_path: Path
) -> None:
    """v1 is there; v2 and then v1 again arrive; merged in the wrong order v1 has to stay."""
    versions = ["v1", "v2", "v1"]
    write_files(
        tmp_path,
        {f"customers_{n}.ndjson": [customer(1, name=name)] for n, name in enumerate(versions)},
    )
    staged = [stage_file(engine, tenant_id, path) for path in sorted(tmp_path.iterdir())]
    results = [merge_file(engine, staged[n]) for n in (0, 2, 1)]
    assert [r and (r.inserted, r.unchanged, r.superseded) for r in results] == [
        (1, 0, 0), (0, 1, 0), (0, 0, 1),
    ]  # fmt: skip
    assert finals(engine)["customers"][number(1, 1)]["name"] == "v1"


def test_a_newer_version_supersedes_one_that_waits(engine: sa.Engine, tmp_path: Path) -> None:
    _counts(engine, tmp_path / "1", orders=[order(1, 1, order_status="old")])
    _counts(engine, tmp_path / "2", orders=[order(1, 2, order_status="new")])
    assert [(c.waiting, c.superseded) for c in all_counts(engine).values()] == [(0, 1), (1, 0)]
    _counts(engine, tmp_path / "3", customers=[customer(1), customer(2)])
    assert finals(engine)["orders"][number(3, 1)]["order_status"] == "new"
    assert_sound(engine)


def test_a_version_that_waits_comes_in_as_an_update_when_its_parent_does(
    engine: sa.Engine, tmp_path: Path
) -> None:
    _counts(engine, tmp_path / "1", customers=[customer(1)], orders=[order(1, 1)])
    moved = _counts(engine, tmp_path / "2", orders=[order(1, 2)])
    assert moved["orders"].waiting == 1
    assert str(finals(engine)["orders"][number(3, 1)]["customer_id"]) == number(1, 1)
    _counts(engine, tmp_path / "3", customers=[customer(2)])
    assert str(finals(engine)["orders"][number(3, 1)]["customer_id"]) == number(1, 2)
    assert [c.updated for c in all_counts(engine).values()] == [0, 0, 1, 0]
    assert_sound(engine)


def test_an_upload_is_merged_once_whoever_asks(
    engine: sa.Engine, tenant_id: int, tmp_path: Path
) -> None:
    write_files(tmp_path, {"customers_1.ndjson": map(customer, range(2_000))})
    upload = stage_file(engine, tenant_id, tmp_path / "customers_1.ndjson")
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda _: merge_file(engine, upload), range(4)))
    assert [result for result in results if result] == [
        Counts(lines=2_000, staged=2_000, inserted=2_000)
    ]


# Tenants.


def test_the_same_ids_of_two_tenants_do_not_meet(engine: sa.Engine, tmp_path: Path) -> None:
    for tenant in ("acme", "globex"):
        files = {"customers_1.ndjson": [customer(1, name=tenant)],
                 "orders_1.ndjson": [order(1, 1, order_status=tenant)]}  # fmt: skip
        load(engine, tmp_path / tenant, files, tenant=tenant)
    for tenant in ("acme", "globex"):
        mine = finals(engine, tenant)
        assert mine["customers"][number(1, 1)]["name"] == tenant
        assert mine["orders"][number(3, 1)]["order_status"] == tenant
    assert_sound(engine)


def test_a_tenants_row_does_not_find_its_parent_at_another_tenant(
    engine: sa.Engine, tmp_path: Path
) -> None:
    load(engine, tmp_path / "a", {"customers_1.ndjson": [customer(1)]}, tenant="acme")
    load(engine, tmp_path / "g", {"orders_1.ndjson": [order(1, 1)]}, tenant="globex")
    assert finals(engine, "globex")["orders"] == {}
    load(engine, tmp_path / "a2", {"customers_1.ndjson": [customer(1, name="x")]}, tenant="acme")
    assert sizes(engine)["orders"] == 0
    load(engine, tmp_path / "g2", {"customers_1.ndjson": [customer(1)]}, tenant="globex")
    assert len(finals(engine, "globex")["orders"]) == 1
    assert finals(engine, "acme")["orders"] == {}
    assert finals(engine, "acme")["customers"][number(1, 1)]["name"] == "x"
    assert_sound(engine)


# Large uploads, and uploads that were lost.


def test_a_large_upload_empties_its_partition_at_once(
    engine: sa.Engine, tenant_id: int, tmp_path: Path
) -> None:
    write_files(tmp_path, {"customers_1.ndjson": map(customer, range(10_500))})
    upload = stage_file(engine, tenant_id, tmp_path / "customers_1.ndjson")
    before = _file_of(engine, "customers_staging_arrived")
    assert merge_file(engine, upload) == Counts(lines=10_500, staged=10_500, inserted=10_500)
    assert _file_of(engine, "customers_staging_arrived") != before, "TRUNCATE makes a new file"
    assert staged_rows(engine) == 0


def test_a_large_upload_leaves_the_rows_of_others_in_its_partition(
    engine: sa.Engine, tenant_id: int, tmp_path: Path
) -> None:
    write_files(tmp_path, {"customers_1.ndjson": map(customer, range(10_500)),
                           "customers_2.ndjson": [customer(99_999)]})  # fmt: skip
    large = stage_file(engine, tenant_id, tmp_path / "customers_1.ndjson")
    other = stage_file(engine, tenant_id, tmp_path / "customers_2.ndjson")
    merge_file(engine, large)
    assert staged_rows(engine) == 1
    assert merge_file(engine, other) == Counts(lines=1, staged=1, inserted=1)


def test_a_large_upload_does_not_wait_for_a_file_that_is_just_being_staged(
    engine: sa.Engine, tenant_id: int, tmp_path: Path
) -> None:
    write_files(tmp_path, {"customers_1.ndjson": map(customer, range(10_500))})
    large = stage_file(engine, tenant_id, tmp_path / "customers_1.ndjson")
    with engine.begin() as connection:
        connection.exec_driver_sql("LOCK TABLE customers_staging_arrived IN ROW EXCLUSIVE MODE")
        with ThreadPoolExecutor(1) as pool:
            result = pool.submit(merge_file, engine, large).result(timeout=120)
    assert result == Counts(lines=10_500, staged=10_500, inserted=10_500)
    assert staged_rows(engine) == 0


def _file_of(engine: sa.Engine, table: str) -> str:
    with engine.connect() as connection:
        return str(connection.exec_driver_sql(f"SELECT pg_relation_filepath('{table}')").scalar())


def _lose_all(connection: sa.Connection) -> None:
    connection.exec_driver_sql("TRUNCATE customers_staging_arrived")


def _lose_some(connection: sa.Connection) -> None:
    connection.exec_driver_sql("DELETE FROM customers_staging_arrived WHERE line_number = 2")


@pytest.mark.parametrize("lose", [_lose_all, _lose_some])
def test_staged_rows_that_are_gone_are_noticed_and_nothing_is_merged(
    engine: sa.Engine, tenant_id: int, tmp_path: Path, lose: Callable[[sa.Connection], None]
) -> None:
    write_files(tmp_path, {"customers_1.ndjson": map(customer, range(5))})
    upload = stage_file(engine, tenant_id, tmp_path / "customers_1.ndjson")
    with engine.begin() as connection:
        lose(connection)
    with pytest.raises(StagingLostError, match="5 rows were staged"):
        merge_file(engine, upload)
    assert sizes(engine)["customers"] == 0
    assert statuses(engine) == {"staged"}


# The reference model: what an obvious program would come to.


class Model:
    """Latest arrival a key; a row is final when its parents are."""

    def __init__(self) -> None:
        self.latest: dict[str, dict[str, Row]] = {name: {} for name in ENTITIES}

    def arrive(self, entity: str, rows: list[Row]) -> None:
        for row in rows:
            self.latest[entity][row[ENTITIES[entity].key]] = row

    def finals(self) -> dict[str, dict[str, Row]]:
        final: dict[str, dict[str, Row]] = {}
        for entity in ENTITIES.values():
            final[entity.name] = {
                key: row
                for key, row in self.latest[entity.name].items()
                if all(row[field] in final[parent] for field, parent in entity.parents.items())
            }
        return final


_few = st.integers(0, 4)
_status = st.sampled_from(["a", "b"])
_rows = {
    "customers": st.builds(lambda n, s: customer(n, name=s), _few, _status),
    "products": st.builds(lambda n, s: product(n, sku=s), _few, _status),
    "orders": st.builds(lambda n, of, s: order(n, of, order_status=s), _few, _few, _status),
    "order_items": st.builds(
        lambda n, of, what, q: order_item(n, of, what, quantity=q), _few, _few, _few,
        st.integers(1, 2),
    ),
}  # fmt: skip
_files = st.sampled_from(list(ENTITIES)).flatmap(
    lambda entity: st.tuples(st.just(entity), st.lists(_rows[entity], min_size=1, max_size=6))
)
# In the end every parent comes, in some order among the rest.
_all_parents: list[tuple[str, list[Row]]] = [
    ("customers", [customer(n) for n in range(5)]),
    ("products", [product(n) for n in range(5)]),
    ("orders", [order(n, n) for n in range(5)]),
]


@settings(
    max_examples=25, deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip
@given(
    deliveries=st.lists(_files, max_size=7).flatmap(
        lambda files: st.permutations([*files, *_all_parents])
    ),
    cuts=st.sets(st.integers(1, 9), max_size=4),
)
def test_any_files_in_any_order_end_in_the_tables_of_the_model(
    engine: sa.Engine, tmp_path_factory: pytest.TempPathFactory,
    deliveries: list[tuple[str, list[Row]]], cuts: set[int],
) -> None:  # fmt: skip
    _forget_everything(engine)
    model = Model()
    for batch in _batches(deliveries, cuts):
        files: dict[str, list[Row]] = {}
        for place, (entity, rows) in enumerate(batch):
            files[f"{entity}_{place:02}.ndjson"] = rows
        # Within a batch files of a type arrive in the order of their names, types parents first:
        # that is also what the model is told.
        for entity in ENTITIES:
            for name, rows in files.items():
                if name.rsplit("_", 1)[0] == entity:
                    model.arrive(entity, rows)
        load(engine, tmp_path_factory.mktemp("batch"), files)
        assert_sound(engine)
    expected, found = model.finals(), finals(engine)
    for entity in ENTITIES.values():
        assert _shown(found[entity.name]) == _shown(expected[entity.name])
    assert staged_rows(engine) == 0
    assert statuses(engine) == {"loaded"}


@settings(
    max_examples=15, deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip
@given(files=st.lists(_files, min_size=1, max_size=7), seed=st.integers(0, 99))
def test_merged_in_any_order_the_latest_arrival_still_wins(
    engine: sa.Engine, tmp_path_factory: pytest.TempPathFactory,
    files: list[tuple[str, list[Row]]], seed: int,
) -> None:  # fmt: skip
    """Files are staged in order of arrival and merged in another, as when one is retried."""
    _forget_everything(engine)
    folder, model = tmp_path_factory.mktemp("files"), Model()
    with engine.begin() as connection:
        tenant_id = tenants.ensure(connection, "acme")
    staged = []
    for place, (entity, rows) in enumerate([*_all_parents, *files, *_all_parents]):
        model.arrive(entity, rows)
        name = f"{entity}_{place}.ndjson"
        staged.append(stage_file(engine, tenant_id, write_files(folder, {name: rows}) / name))
    random.Random(seed).shuffle(staged)
    for upload in staged:
        merge_file(engine, upload)
    for entity in ENTITIES.values():
        with engine.begin() as connection:
            merge.merge_waiting(connection, tenant_id, entity)
    expected, found = model.finals(), finals(engine)
    for entity in ENTITIES.values():
        assert _shown(found[entity.name]) == _shown(expected[entity.name])
    assert_sound(engine)


def _batches(
    deliveries: list[tuple[str, list[Row]]], cuts: set[int]
) -> list[list[tuple[str, list[Row]]]]:
    batches: list[list[tuple[str, list[Row]]]] = [[]]
    for place, delivery in enumerate(deliveries):
        if place in cuts:
            batches.append([])
        batches[-1].append(delivery)
    return batches


def _shown(rows: dict[str, Any]) -> dict[str, dict[str, str]]:
    """What distinguishes versions in these tests."""
    names = ("name", "sku", "order_status", "customer_id", "order_id", "product_id", "quantity")
    return {
        key: {name: str(row[name]) for name in names if name in row} for key, row in rows.items()
    }


def _forget_everything(engine: sa.Engine) -> None:
    tables = [*ENTITIES, *(f"{name}_staging" for name in ENTITIES), "uploads"]
    with engine.begin() as connection:
        connection.exec_driver_sql(f"TRUNCATE {', '.join(tables)} CASCADE")


# Several at once.


def _delivery(folder: Path) -> Path:
    return write_files(
        folder,
        {
            "customers_1.ndjson": [customer(n) for n in range(300)],
            "customers_2.ndjson": [customer(n, name="second") for n in range(0, 300, 3)],
            "products_1.ndjson": [product(n) for n in range(50)],
            "orders_1.ndjson": [order(n, n % 350) for n in range(1_000)],
            "orders_2.ndjson": [order(n, n % 350, order_status="new") for n in range(0, 1_000, 7)],
            "order_items_1.ndjson": [order_item(n, n % 1_000, n % 50) for n in range(2_000)],
        },
    )


def test_concurrent_ingests_of_the_same_files_come_to_the_result_of_one(
    engine: sa.Engine, tmp_path: Path
) -> None:
    files, _ = data_files(_delivery(tmp_path))
    merge_folder(engine, files, tenant="alone", bounds=BOUNDS)
    with ThreadPoolExecutor(3) as pool:
        list(
            pool.map(
                lambda _: merge_folder(engine, files, tenant="together", bounds=BOUNDS), range(3)
            )
        )
    assert finals(engine, "together") == finals(engine, "alone")
    assert statuses(engine) == {"loaded"}
    assert_sound(engine)


def test_ingests_of_different_tenants_do_not_block_each_other_for_ever(
    engine: sa.Engine, tmp_path: Path
) -> None:
    files, _ = data_files(_delivery(tmp_path))
    names = [f"tenant-{n}" for n in range(4)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda name: merge_folder(engine, files, tenant=name, bounds=BOUNDS), names))
    results = [finals(engine, name) for name in names]
    assert all(result == results[0] for result in results)
    assert_sound(engine)


# A re-sent row without `created_at` keeps what is known: exports of shops leave it out.

_FIRST, _OTHER = "2024-05-01T10:00:00+00:00", "2025-01-01T00:00:00+00:00"


def _without_date(row: Row) -> Row:
    return {name: value for name, value in row.items() if name != "created_at"}


def _created(engine: sa.Engine, entity: str) -> list[str | None]:
    rows = finals(engine)[entity].values()
    return [None if row["created_at"] is None else row["created_at"].isoformat() for row in rows]


@pytest.mark.parametrize(("entity", "make"), [("customers", customer), ("products", product)])
def test_a_row_sent_again_without_its_date_keeps_the_date(
    engine: sa.Engine, tmp_path: Path, entity: str, make: Callable[..., Row]
) -> None:
    _counts(engine, tmp_path / "1", **{entity: [_without_date(make(1))]})
    assert _created(engine, entity) == [None]
    dated = _counts(engine, tmp_path / "2", **{entity: [make(1, created_at=_FIRST)]})
    again = _counts(engine, tmp_path / "3", **{entity: [_without_date(make(1))]})
    renamed = _counts(engine, tmp_path / "4", **{entity: [_without_date(make(1, name="New"))]})
    assert (dated[entity].updated, again[entity].unchanged, renamed[entity].updated) == (1, 1, 1)
    assert _created(engine, entity) == [_FIRST]
    assert next(iter(finals(engine)[entity].values()))["name"] == "New"
    assert_sound(engine)


def test_a_later_line_without_a_date_keeps_that_of_the_line_before_it(
    engine: sa.Engine, tmp_path: Path
) -> None:
    counts = _counts(
        engine, tmp_path,
        customers=[
            customer(1, created_at=_FIRST), customer(1, created_at=_OTHER),
            _without_date(customer(1, name="Last")), _without_date(customer(2)),
        ],
    )  # fmt: skip
    assert (counts["customers"].inserted, counts["customers"].superseded) == (2, 2)
    assert sorted(_created(engine, "customers"), key=str) == [_OTHER, None]
    assert finals(engine)["customers"][number(1, 1)]["name"] == "Last"
    assert_sound(engine)


def test_an_order_needs_its_dates(engine: sa.Engine, tmp_path: Path) -> None:
    counts = _counts(engine, tmp_path, orders=[_without_date(order(1, 1))])
    assert counts["orders"].rejected == 1
