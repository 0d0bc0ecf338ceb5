"""Jobs and events of programs beside ours, in the same tables and views."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from ingestion_pipeline.foundation.errors import ContractError
from ingestion_pipeline.foundation.ledger import jobs, outside, tenants
from ingestion_pipeline.foundation.ledger.job_ids import uuid_of


def _update(engine: sa.Engine, tenant_id: int, job_id: int, status: str, **values: str) -> bool:
    with engine.begin() as connection:
        return outside.update_job_status(
            connection, tenant_id=tenant_id, job_id=job_id, status=status, error=values.get("error")
        )


def _create(engine: sa.Engine, tenant_id: int) -> int:
    with engine.begin() as connection:
        return outside.create_job(
            connection, tenant_id=tenant_id, kind="predict", payload={"token": "hunter2"}
        )


def _view(engine: sa.Engine, view: str, columns: str) -> list[tuple[object, ...]]:
    with engine.connect() as connection:
        return [tuple(row) for row in connection.exec_driver_sql(f"SELECT {columns} FROM {view}")]


def test_a_job_goes_its_way_and_its_attempts_are_counted(engine: sa.Engine, tenant_id: int) -> None:
    job_id = _create(engine, tenant_id)
    seen = []
    for status in ("processing", "retrying", "processing", "processing", "completed"):
        assert _update(engine, tenant_id, job_id, status)
        seen += _view(engine, "market_jobs", "status, attempts")
    assert seen == [
        ("RUNNING", 1), ("QUEUED", 1), ("RUNNING", 2), ("RUNNING", 2), ("COMPLETED", 2)
    ]  # fmt: skip
    attempts = _view(engine, "ingestion_attempts ORDER BY attempt_number", "attempt_number, status")
    assert attempts == [(1, "failed"), (2, "completed")]


def test_a_completed_job_stays_completed(engine: sa.Engine, tenant_id: int) -> None:
    job_id = _create(engine, tenant_id)
    _update(engine, tenant_id, job_id, "completed")
    with pytest.raises(ContractError, match="stays so"):
        _update(engine, tenant_id, job_id, "failed")
    with pytest.raises(ContractError, match="must be one of"):
        _update(engine, tenant_id, job_id, "lost")


def test_neither_another_tenant_nor_our_own_queue_is_touched(
    engine: sa.Engine, tenant_id: int
) -> None:
    job_id = _create(engine, tenant_id)
    with engine.begin() as connection:
        other = tenants.ensure(connection, "other")
        ours = jobs.enqueue(
            connection, kind="load", payload={}, max_attempts=3, tenant_id=tenant_id
        )
        assert outside.read_job(connection, tenant_id=other, job_id=job_id) is None
    assert not _update(engine, other, job_id, "completed")
    assert not _update(engine, tenant_id, ours, "completed")


def test_no_worker_of_ours_takes_it(engine: sa.Engine, tenant_id: int) -> None:
    _create(engine, tenant_id)
    with engine.begin() as connection:
        lease = timedelta(minutes=1)
        assert jobs.claim(connection, kind="predict", worker="w", lease=lease) == []


def test_views_have_what_dashboards_query_and_no_payload(engine: sa.Engine, tenant_id: int) -> None:
    job_id = _create(engine, tenant_id)
    with engine.begin() as connection:
        queued = jobs.enqueue(
            connection, kind="book_sales.import.gumroad",
            payload={"platform": "gumroad", "access_token": "hunter2"},
            max_attempts=3, tenant_id=tenant_id,
        )  # fmt: skip
    _update(engine, tenant_id, job_id, "failed", error="no model")
    rows = _view(
        engine,
        "ingestion_jobs ORDER BY job_id",
        "id, job_id, tenant_id, platform, status, attempts, error_message",
    )
    assert rows == [
        (uuid_of(queued), queued, tenant_id, "gumroad", "pending", 0, None),
    ]
    assert _view(engine, "market_jobs ORDER BY id", "status") == [("FAILED",), ("QUEUED",)]
    for view in ("ingestion_jobs", "ingestion_attempts", "market_jobs"):
        assert "hunter2" not in str(_view(engine, view, "*"))


def test_an_event_of_theirs_is_recorded_with_its_outcome(engine: sa.Engine, tenant_id: int) -> None:
    def log(**values: str) -> tuple[str, bool]:
        with engine.begin() as connection:
            recorded = outside.log_ingestion_event(
                connection, tenant_id=tenant_id, event_type="api.prediction", payload=values,
                error=values.get("error"),
            )  # fmt: skip
        return recorded.status, recorded.duplicate

    assert log(id="1") == ("applied", False)
    assert log(id="1") == ("applied", True)
    assert log(id="2", error="no model") == ("failed", False)
