"""Files of the lake: how rows are cut into them, and how those of a partition are found again."""

from datetime import timedelta
from itertools import combinations
from typing import Any

import pyarrow as pa
import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st
from pyiceberg.manifest import ManifestFile

from ingestion_pipeline.outlets.lake import files, reading
from ingestion_pipeline.outlets.lake import sync as syncing
from ingestion_pipeline.outlets.lake.catalogue import Lake
from ingestion_pipeline.outlets.lake.sync import sync
from ingestion_pipeline.outlets.lake.tables import BY_NAME
from ingestion_pipeline_tests.outlets.marts.filling import BASE, new_customer, new_points

POINTS, CUSTOMERS = BY_NAME["kpi_points"], BY_NAME["customers"]


def test_what_is_there_of_some_partitions_is_found_without_the_manifests_of_others(
    engine: sa.Engine, tenant_id: int, lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else each piece of a first export reads all that was written before it."""
    for day in (-20_600, 0, 1, 40):  # the first is of before 1970, a negative number in the lake
        with engine.begin() as connection:
            new_points(connection, tenant_id, {BASE + timedelta(days=day): 1.0})
            new_customer(connection, tenant_id)
        sync(engine, lake, POINTS)
        sync(engine, lake, CUSTOMERS)
    read: list[ManifestFile] = []
    fetch = ManifestFile.fetch_manifest_entry

    def noted(self: ManifestFile, *args: Any, **more: Any) -> Any:
        read.append(self)
        return fetch(self, *args, **more)

    monkeypatch.setattr(ManifestFile, "fetch_manifest_entry", noted)
    for name in ("kpi_points", "customers"):
        table = lake.table(f"tenant_{tenant_id}", name)
        assert table is not None
        every = files.there(table)
        for some in (set(of) for n in range(len(every) + 1) for of in combinations(every, n)):
            found = files.there(table, some)
            assert found == {values: every[values] for values in every if values in some}
    table = lake.table(f"tenant_{tenant_id}", "kpi_points")
    assert table is not None
    read.clear()
    assert [*files.there(table, {max(every_day := files.there(table))})] == [max(every_day)]
    assert len(read) == len(every_day) + 1


@given(st.lists(st.integers(0, 60), max_size=30))
def test_batches_become_row_groups_that_lose_nothing(sizes: list[int]) -> None:
    batches = [pa.record_batch({"n": pa.array(range(n), pa.int64())}) for n in sizes]
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(files, "ROW_GROUP", 50)
        groups = list(files.row_groups(iter(batches)))
    assert [n for group in groups for n in group["n"].to_pylist()] == [
        n for size in sizes for n in range(size)
    ]
    assert all(50 <= group.num_rows < 50 + 60 for group in groups[:-1])
    assert all(group.num_rows for group in groups)


def test_a_row_group_of_wide_rows_is_no_larger_than_memory_may_be(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(files, "ROW_GROUP_BYTES", 3_000)
    wide = pa.record_batch({"text": ["x" * 1_000]})
    assert [group.num_rows for group in files.row_groups(iter([wide] * 7))] == [3, 3, 1]


def test_a_sync_of_many_pieces_connects_once(
    engine: sa.Engine, tenant_id: int, lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ADBC reads all of a database's types when it connects: a tenth of a second a piece."""
    with engine.begin() as connection:
        new_points(connection, tenant_id, {BASE + timedelta(days=day): 1.0 for day in range(5)})
    connected: list[sa.URL] = []

    def counted(url: sa.URL) -> Any:
        connected.append(url)
        return reading.reading(url)

    monkeypatch.setattr(syncing, "reading", counted)
    monkeypatch.setattr("ingestion_pipeline.outlets.lake.due.MOST", 2)
    done = sync(engine, lake, POINTS)
    assert (done.partitions, done.commits, done.rows) == (5, 3, 5)
    assert len(connected) == 1
    assert sync(engine, lake, POINTS).partitions == 0
    assert len(connected) == 1  # nothing was due
