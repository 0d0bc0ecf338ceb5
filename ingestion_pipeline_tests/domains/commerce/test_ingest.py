"""The shell's way: a folder of files, some of them damaged, and what a dry run says of them."""

import gzip
import json
import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from functools import partial
from pathlib import Path

import pytest
import sqlalchemy as sa

from ingestion_pipeline.domains.commerce.contract.entities import ENTITIES
from ingestion_pipeline.domains.commerce.merge.folder import data_files, dry_run, merge_folder
from ingestion_pipeline.foundation.ledger.uploads import Counts
from ingestion_pipeline_tests.domains.commerce.builders import (
    BOUNDS,
    all_counts,
    assert_sound,
    customer,
    finals,
    line,
    lines,
    load,
    order,
    order_item,
    product,
    rejections,
    sizes,
    staged_rows,
    statuses,
    write_files,
)

REAL = Path(__file__).parents[3] / ".." / "shared" / "real" / "commerce"


def _everything(engine: sa.Engine) -> dict[str, object]:
    """How many rows every table has."""
    with engine.connect() as connection:
        return {
            name: connection.exec_driver_sql(f"SELECT count(*) FROM {name}").scalar()
            for name in sa.inspect(engine).get_table_names()
        }


# Files.


def test_files_are_ordered_parents_first_and_the_rest_is_named(tmp_path: Path) -> None:
    names = [
        "order_items_1.csv", "orders_1.ndjson.gz", "customers_2.jsonl", "customers_1.csv.zst",
        "products_1.ndjson", "notes.txt", ".customers_hidden.csv", "invoices_1.csv",
    ]  # fmt: skip
    write_files(tmp_path, dict.fromkeys(names, b""))
    (tmp_path / "customers_folder.csv").mkdir()
    files, others = data_files(tmp_path)
    assert [path.name for path, _ in files] == [
        "customers_1.csv.zst", "customers_2.jsonl", "products_1.ndjson", "orders_1.ndjson.gz",
        "order_items_1.csv",
    ]  # fmt: skip
    assert len(others) == 2
    assert "invoices_1.csv" in others[0]
    assert "notes.txt" in others[1]


def test_a_csv_file_with_a_bad_header_fails_alone(engine: sa.Engine, tmp_path: Path) -> None:
    files = {"customers_bad.csv": b"a,b\n1,2\n", "customers_good.ndjson": [customer(1)]}
    result = load(engine, tmp_path, files)
    bad, good = result.files
    assert bad.error is not None
    assert bad.error.startswith("header: customers needs the columns")
    assert bad.counts == Counts()
    assert good.counts.inserted == 1
    assert statuses(engine) == {"failed", "loaded"}
    assert result.as_dict()["files"][0]["error"] == bad.error


def test_the_document_of_an_ingest_is_json_and_its_totals_are_sums(
    engine: sa.Engine, tmp_path: Path
) -> None:
    files = {"customers_1.ndjson": lines([customer(1)]) + b"x\n", "orders_1.ndjson": [order(1, 2)]}
    document = json.loads(json.dumps(load(engine, tmp_path, files).as_dict()))
    assert document["totals"] == {
        "lines": 3, "blank": 0, "preamble": 0, "rejected": 1, "staged": 2, "inserted": 1,
        "updated": 0,
        "unchanged": 0, "superseded": 0, "waiting": 1,
    }  # fmt: skip
    assert document["rejected_by_reason"] == {"line: must be one JSON object": 1}
    assert [file["type"] for file in document["files"]] == ["customers", "orders"]


def test_every_byte_read_is_reported(engine: sa.Engine, tmp_path: Path) -> None:
    write_files(tmp_path, {"customers_1.ndjson": map(customer, range(5_000))})
    files, _ = data_files(tmp_path)
    seen: list[int] = []
    merge_folder(
        engine,
        files,
        tenant="acme",
        bounds=BOUNDS,
        bytes_read=lambda _, position: seen.append(position),
    )
    assert seen == sorted(seen)
    assert seen[-1] == files[0][0].stat().st_size


# Dry runs.


def _mixed(folder: Path) -> Path:
    return write_files(
        folder,
        {
            "customers_1.ndjson": lines([customer(1), customer(2), customer(1, name="new")]) + b"x",
            "orders_1.ndjson": [order(1, 1), order(2, 99), order(1, 1, currency="XYZ")],
            "order_items_1.ndjson": [order_item(1, 1, 1), order_item(2, 2, 1)],
            "products_1.ndjson": [product(1, price="-1"), product(1)],
            "products_2.csv": b"no,header\n",
        },
    )


@pytest.mark.parametrize("already_loaded", [False, True])
def test_a_dry_run_says_the_numbers_of_the_real_run_and_writes_nothing(
    engine: sa.Engine, tmp_path: Path, already_loaded: bool
) -> None:
    files, _ = data_files(_mixed(tmp_path / "mixed"))
    if already_loaded:
        load(engine, tmp_path / "before", {"customers_1.ndjson": [customer(1), customer(2)]})
    before = _everything(engine)
    would = dry_run(engine, files, tenant="acme", bounds=BOUNDS)
    assert _everything(engine) == before
    really = merge_folder(engine, files, tenant="acme", bounds=BOUNDS)
    assert would.rejected_by_reason == really.rejected_by_reason
    assert [(file.error, asdict(file.counts)) for file in would.files] == [
        (file.error, asdict(file.counts)) for file in really.files
    ]
    assert_sound(engine)


def test_a_dry_run_of_a_large_file_leaves_the_partition_as_it_was(
    engine: sa.Engine, tmp_path: Path
) -> None:
    write_files(tmp_path, {"customers_1.ndjson": map(customer, range(11_000))})
    files, _ = data_files(tmp_path)
    assert dry_run(engine, files, tenant="acme", bounds=BOUNDS).totals.inserted == 11_000
    assert staged_rows(engine) == 0
    assert merge_folder(engine, files, tenant="acme", bounds=BOUNDS).totals.inserted == 11_000


def test_dry_runs_and_loads_side_by_side_do_not_deadlock(engine: sa.Engine, tmp_path: Path) -> None:
    """A dry run kept its locks from merge to merge, and met another that went the other way."""
    write_files(
        tmp_path,
        {
            "customers_1.ndjson": map(customer, range(400)),
            "products_1.ndjson": map(product, range(400)),
            "orders_1.ndjson": (order(n, n % 400) for n in range(400)),
            "order_items_1.ndjson": (order_item(n, n % 400, n % 400) for n in range(400)),
        },
    )
    files, _ = data_files(tmp_path)
    three = range(3)
    works: list[Callable[[], object]] = [
        *(partial(merge_folder, engine, files, tenant=f"load-{n}", bounds=BOUNDS) for n in three),
        *(partial(dry_run, engine, files, tenant=f"dry-{n % 2}", bounds=BOUNDS) for n in three),
    ] * 2  # fmt: skip
    with ThreadPoolExecutor(5) as pool:
        for done in [pool.submit(work) for work in works]:
            done.result(timeout=300)
    assert_sound(engine)
    assert sizes_of(engine, "load-0") == dict.fromkeys(ENTITIES, 400)


def sizes_of(engine: sa.Engine, tenant: str) -> dict[str, int]:
    return {name: len(rows) for name, rows in finals(engine, tenant).items()}


# Every damage of the issue in one delivery.


def test_damaged_files_keep_their_good_rows_and_say_what_is_wrong_with_the_others(
    engine: sa.Engine, tmp_path: Path
) -> None:
    chance = random.Random(3)
    many = lines(customer(1_000 + n, metadata={"r": chance.getrandbits(256)}) for n in range(3_000))
    torn = gzip.compress(many)
    files = {
        "customers_1.ndjson": b"\n".join([
            line(customer(1)),
            line(customer(2), customer_id='"not-a-uuid"'),
            line(customer(3), name=json.dumps("x" * 300)),
            line(customer(4)).rstrip(b"}"),
            line(customer(5)).replace(b"Customer 5", b"Caf\xe9"),
            line(customer(6), metadata=json.dumps({"long": "x" * 2 * 1024 * 1024})),
            b"",
            line(customer(1, name="last")),
            line(customer(7)),
        ]),
        "customers_2.ndjson": b"\xef\xbb\xbf" + lines([customer(1, name="later"), customer(8)])
        .replace(b"\n", b"\r\n"),
        "customers_3.ndjson": b"",
        "customers_4.ndjson.gz": torn[: len(torn) // 2],
        "products_1.ndjson": b"\n".join([
            line(product(1), price="NaN"), line(product(2), price="1.005"),
            line(product(3), price='"-3"'), line(product(4)),
        ]),
        "orders_1.ndjson": b"\n".join([
            line(order(1, 1), currency='"EURO"'), line(order(2, 1), currency='"eur"'),
            line(order(3, 1)), line(order(4, 2)),
        ]),
        "order_items_1.ndjson": b"\n".join([
            line(order_item(1, 3, 4), quantity="-1"), line(order_item(2, 3, 4), quantity="0"),
            line(order_item(3, 3, 4), quantity="NaN"), line(order_item(4, 3, 4)),
            line(order_item(5, 4, 4)),
        ]),
    }  # fmt: skip
    result = load(engine, tmp_path, files)
    assert all(file.counts.add_up for file in result.files)
    assert_sound(engine)
    counts = {file.file: file.counts for file in result.files}
    assert counts["customers_1.ndjson"] == Counts(
        lines=9, blank=1, rejected=5, staged=3, inserted=2, superseded=1
    )
    assert counts["customers_2.ndjson"] == Counts(lines=2, staged=2, inserted=1, updated=1)
    assert counts["customers_3.ndjson"] == Counts()
    assert [file.error for file in result.files if file.error] == [
        "the file is empty (0 bytes): its transfer failed"
    ]
    assert counts["customers_4.ndjson.gz"].rejected == 1
    assert counts["customers_4.ndjson.gz"].inserted > 500
    assert counts["products_1.ndjson"] == Counts(lines=4, rejected=3, staged=1, inserted=1)
    assert counts["orders_1.ndjson"] == Counts(lines=4, rejected=2, staged=2, inserted=1, waiting=1)
    assert counts["order_items_1.ndjson"] == Counts(
        lines=5, rejected=3, staged=2, inserted=1, waiting=1
    )
    damaged = next(r for r in result.rejected_by_reason if "damaged" in r)
    assert result.rejected_by_reason == {
        "currency: must be an ISO 4217 currency code": 2,
        "quantity: must be at least 1": 2,
        damaged: 1,
        "customer_id: must be a UUID": 1,
        "line: must be UTF-8 (byte 68 is not)": 1,
        "line: must be at most 1 MiB long": 1,
        "line: must be one JSON object": 1,
        "name: must be at most 255 characters long": 1,
        "price: must be a finite number": 1,
        "price: must be at least 0": 1,
        "price: must have at most 2 decimals": 1,
        "quantity: must be a finite number": 1,
    }
    stored = finals(engine)
    names = {row["name"] for row in stored["customers"].values()}
    assert "later" in names
    assert "last" not in names


def test_a_nested_or_huge_value_in_one_line_does_not_stop_the_file(
    engine: sa.Engine, tmp_path: Path
) -> None:
    deep = "[" * 200_000 + "]" * 200_000
    content = b"\n".join([
        line(customer(1)), line(customer(2), metadata=f'{{"a": {deep}}}'),
        line(customer(3), metadata='{"a": 1e200000}'), line(customer(4)),
    ])  # fmt: skip
    files = {
        "customers_1.ndjson": content,
        "products_1.ndjson": line(product(1), price="1e1000000"),
    }
    assert load(engine, tmp_path, files).totals == Counts(lines=5, rejected=3, staged=2, inserted=2)
    assert set(rejections(engine)) == {1, 2, 3}


# Real data.

needs_real_data = pytest.mark.skipif(
    not REAL.is_dir(), reason="the real data is not in ../shared/real/commerce"
)
REAL_SIZES = {"customers": 2_000, "products": 1_639, "orders": 2_000, "order_items": 2_082}


@needs_real_data
def test_real_data_is_loaded_whole_and_again_without_a_change(engine: sa.Engine) -> None:
    files, others = data_files(REAL)
    assert others == []
    first = merge_folder(engine, files, tenant="olist", bounds=BOUNDS)
    assert {file.type: file.counts.inserted for file in first.files} == REAL_SIZES
    assert first.rejected_by_reason == {}
    assert sizes(engine) == REAL_SIZES
    second = merge_folder(engine, files, tenant="olist", bounds=BOUNDS)
    assert {file.type: file.counts.unchanged for file in second.files} == REAL_SIZES
    assert_sound(engine)


@needs_real_data
def test_real_data_in_reverse_order_one_by_one_comes_to_the_same(engine: sa.Engine) -> None:
    files, _ = data_files(REAL)
    for file in reversed(files):
        merge_folder(engine, [file], tenant="olist", bounds=BOUNDS)
        assert_sound(engine)
    assert sizes(engine) == REAL_SIZES
    assert staged_rows(engine) == 0


@needs_real_data
def test_orders_of_customers_who_come_late_wait_for_them(engine: sa.Engine, tmp_path: Path) -> None:
    files, _ = data_files(REAL)
    customers = files[0][0].read_bytes().splitlines(keepends=True)
    late = set(random.Random(1).sample(range(len(customers)), len(customers) // 100))
    kept = b"".join(text for n, text in enumerate(customers) if n not in late)
    rest = b"".join(text for n, text in enumerate(customers) if n in late)
    write_files(tmp_path / "first", {"customers_1.ndjson": kept})
    first, _ = data_files(tmp_path / "first")
    result = merge_folder(engine, [*first, *files[1:]], tenant="olist", bounds=BOUNDS)
    assert result.totals.waiting >= len(late)
    assert sizes(engine)["orders"] == 2_000 - result.files[2].counts.waiting
    assert_sound(engine)
    load(engine, tmp_path / "late", {"customers_2.ndjson": rest}, tenant="olist")
    assert sizes(engine) == REAL_SIZES
    assert sum(counts.waiting for counts in all_counts(engine).values()) == 0
    assert staged_rows(engine) == 0
    assert_sound(engine)
