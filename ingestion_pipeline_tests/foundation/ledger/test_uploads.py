"""The record of what was received, and the arithmetic of its lines."""

import json
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from ingestion_pipeline.foundation.ledger import tenants, uploads
from ingestion_pipeline.foundation.ledger.tables.uploads import rejected_rows
from ingestion_pipeline.foundation.ledger.uploads import COUNTS, Counts

counts = st.builds(Counts, **{name: st.integers(0, 1000) for name in COUNTS})


def _record(connection: sa.Connection, tenant_id: int, **values: Any) -> int | None:
    defaults: dict[str, Any] = {
        "domain": "commerce", "type_": "orders", "file_name": "orders_1.ndjson",
        "source": "test", "location": "memory://x",
    }  # fmt: skip
    return uploads.record(connection, tenant_id=tenant_id, **(defaults | values))


@given(counts, counts)
def test_counts_add_field_by_field(one: Counts, other: Counts) -> None:
    total = one + other
    assert all(getattr(total, name) == getattr(one, name) + getattr(other, name) for name in COUNTS)
    assert one + Counts() == one


@given(
    blank=st.integers(0, 9), rejected=st.integers(0, 9), merged=st.tuples(*[st.integers(0, 9)] * 5)
)
def test_counts_add_up_when_every_line_is_accounted_for(
    blank: int, rejected: int, merged: tuple[int, ...]
) -> None:
    staged = sum(merged)
    whole = Counts(blank + 2 + rejected + staged, blank, 2, rejected, staged, *merged)
    assert whole.add_up
    assert not (whole + Counts(lines=1)).add_up
    assert not (whole + Counts(inserted=1)).add_up


def test_a_file_of_one_source_is_recorded_once_a_tenant(engine: sa.Engine, tenant_id: int) -> None:
    with engine.begin() as connection:
        other = tenants.ensure(connection, "globex")
        first = _record(connection, tenant_id, source_key="drop/orders_1.ndjson")
        assert first is not None
        assert _record(connection, tenant_id, source_key="drop/orders_1.ndjson") is None
        assert _record(connection, other, source_key="drop/orders_1.ndjson") is not None
        assert _record(connection, tenant_id) is not None, "without a key each is new"
        assert _record(connection, tenant_id) is not None


def test_later_arrivals_have_greater_numbers(engine: sa.Engine, tenant_id: int) -> None:
    with engine.begin() as connection:
        numbers = [_record(connection, tenant_id) for _ in range(5)]
    assert numbers == sorted(numbers)  # type: ignore[type-var]
    with engine.connect() as connection:
        found = uploads.find(connection, reversed(numbers))  # type: ignore[arg-type]
    assert [upload.upload_id for upload in found] == numbers


def test_a_file_that_cannot_be_used_is_recorded_with_the_reason(
    engine: sa.Engine, tenant_id: int
) -> None:
    with engine.begin() as connection:
        upload_id = _record(connection, tenant_id, type_=None, error="file name: …")
        [upload] = uploads.find(connection, [upload_id])  # type: ignore[list-item]
        error = connection.exec_driver_sql("SELECT error FROM uploads").scalar()
    assert (upload.status, error) == ("failed", "file name: …")


def test_staged_lists_what_waits_for_its_merge_and_nothing_else(
    engine: sa.Engine, tenant_id: int
) -> None:
    with engine.begin() as connection:
        numbers = {
            status: _record(connection, tenant_id)
            for status in ("recorded", "staged", "loaded", "failed")
        }
        numbers["other domain"] = _record(connection, tenant_id, domain="books")
        numbers["other type"] = _record(connection, tenant_id, type_="customers")
        for name, number in numbers.items():
            status = name if not name.startswith("other") else "staged"
            uploads.update(connection, number, status=status)  # type: ignore[arg-type]
        staged = uploads.staged(connection, domain="commerce", type_="orders")
    assert [upload.upload_id for upload in staged] == [numbers["staged"]]


@pytest.mark.parametrize(
    ("status", "unfinished"),
    [("recorded", True), ("staged", True), ("loaded", False), ("failed", False)],
)
def test_an_earlier_file_counts_as_unfinished_until_it_is_loaded_or_failed(
    engine: sa.Engine, tenant_id: int, status: str, unfinished: bool
) -> None:
    with engine.begin() as connection:
        earlier = _record(connection, tenant_id)
        uploads.update(connection, earlier, status=status)  # type: ignore[arg-type]
        later = _record(connection, tenant_id)
        _record(connection, tenant_id)  # even later: no matter
        [upload] = uploads.find(connection, [later])  # type: ignore[list-item]
        found = uploads.earlier_unfinished(connection, upload, domain="commerce")
    assert found is unfinished


def test_changes_are_added_to_the_counts_that_are_there(engine: sa.Engine, tenant_id: int) -> None:
    with engine.begin() as connection:
        upload_id = _record(connection, tenant_id)
        assert upload_id is not None
        uploads.set_counts(connection, upload_id, Counts(lines=5, staged=5, waiting=5))
        uploads.add_to_counts(connection, upload_id, {"waiting": -2, "inserted": 2})
        found = uploads.counts_of(connection, [upload_id])[upload_id]
    assert found == Counts(lines=5, staged=5, waiting=3, inserted=2)
    assert found.add_up


def test_a_line_with_two_reasons_counts_under_both(engine: sa.Engine, tenant_id: int) -> None:
    too_long = {"field": "sku", "rule": "must be short", "value": "…"}
    no_uuid = {"field": "product_id", "rule": "must be a UUID", "value": "x"}
    with engine.begin() as connection:
        upload_id = _record(connection, tenant_id)
        assert upload_id is not None
        for line, reasons in enumerate([[too_long, no_uuid], [too_long]], 1):
            connection.execute(
                sa.insert(rejected_rows).values(
                    upload_id=upload_id, line_number=line, tenant_id=tenant_id,
                    file_name="f", raw=json.dumps({}), reasons=reasons,
                )
            )  # fmt: skip
        found = uploads.rejected_by_reason(connection, [upload_id])
        assert uploads.rejected_by_reason(connection, []) == {}
    assert found == {"sku: must be short": 2, "product_id: must be a UUID": 1}
    assert next(iter(found)) == "sku: must be short"
