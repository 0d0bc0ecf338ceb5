"""Events: recorded once, step by step, and never undone."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import sqlalchemy as sa

from ingestion_pipeline.foundation.ledger import cron, events, tenants
from ingestion_pipeline.foundation.ledger.tables.operations import cron_logs


def _record(engine: sa.Engine, tenant_id: int, **values: Any) -> events.Recorded:
    arguments: dict[str, Any] = {"event_type": "comps.upsert", "payload": {"a": 1}} | values
    with engine.begin() as connection:
        return events.record(connection, tenant_id=tenant_id, **arguments)


def _read(engine: sa.Engine, tenant_id: int, ingestion_id: str) -> dict[str, Any]:
    with engine.connect() as connection:
        found = events.read(connection, tenant_id=tenant_id, ingestion_id=ingestion_id)
    assert found is not None
    return found


def test_the_same_event_is_recorded_once(engine: sa.Engine, tenant_id: int) -> None:
    first = _record(engine, tenant_id, job_id=7)
    again = _record(engine, tenant_id)
    assert not first.duplicate
    assert again == events.Recorded(first.ingestion_id, 7, "received", duplicate=True)
    assert not _record(engine, tenant_id, event_type="other").duplicate
    assert not _record(engine, tenant_id, payload={"a": 2}).duplicate


def test_a_webhook_id_is_used_once_whatever_the_body(engine: sa.Engine, tenant_id: int) -> None:
    first = _record(engine, tenant_id, webhook_id="msg_1")
    other = _record(engine, tenant_id, webhook_id="msg_1", payload={"a": 2})
    assert (other.ingestion_id, other.duplicate) == (first.ingestion_id, True)


def test_many_who_send_the_same_at_once_are_told_the_same(
    engine: sa.Engine, tenant_id: int
) -> None:
    with ThreadPoolExecutor(8) as pool:
        recorded = list(pool.map(lambda _: _record(engine, tenant_id), range(24)))
    assert len({each.ingestion_id for each in recorded}) == 1
    assert sum(not each.duplicate for each in recorded) == 1


def test_an_applied_event_says_what_it_did_and_stays_applied(
    engine: sa.Engine, tenant_id: int
) -> None:
    ingestion_id = _record(engine, tenant_id).ingestion_id
    with engine.begin() as connection:
        events.set_job(connection, ingestion_id, 9)
        events.validated(connection, ingestion_id)
        events.applied(
            connection, ingestion_id, processed_records=3, processing_time_ms=12.5,
            cache_invalidated=["comps_miami"], rejected=[{"index": 1, "reason": "no sale_date"}],
        )  # fmt: skip
        events.failed(connection, ingestion_id, "a zombie's late word")
    event = _read(engine, tenant_id, ingestion_id)
    assert (event["status"], event["error"], event["job_id"]) == ("applied", None, 9)
    assert event["cache_invalidated"] == ["comps_miami"]
    assert (event["processed_records"], event["processing_time_ms"]) == (3, 12.5)
    assert event["rejected"] == [{"index": 1, "reason": "no sale_date"}]
    assert event["received_at"] <= event["validated_at"] <= event["applied_at"]
    assert "payload" not in event


def test_a_failed_event_may_be_applied_after_all(engine: sa.Engine, tenant_id: int) -> None:
    ingestion_id = _record(engine, tenant_id).ingestion_id
    with engine.begin() as connection:
        events.failed(connection, ingestion_id, "bad\0news")
    assert _read(engine, tenant_id, ingestion_id)["error"] == "bad\\x00news"
    with engine.begin() as connection:
        events.applied(connection, ingestion_id)
    assert _read(engine, tenant_id, ingestion_id)["status"] == "applied"


def test_an_event_is_nobody_elses(engine: sa.Engine, tenant_id: int) -> None:
    ingestion_id = _record(engine, tenant_id).ingestion_id
    with engine.begin() as connection:
        other = tenants.ensure(connection, "other")
        assert events.read(connection, tenant_id=other, ingestion_id=ingestion_id) is None
        assert events.read(connection, tenant_id=tenant_id, ingestion_id="x") is None


def test_a_tick_of_the_clock_is_a_row(engine: sa.Engine) -> None:
    with engine.begin() as connection:
        well = cron.start(connection, "warm", trigger="http")
        cron.finish(connection, well, processed=3, succeeded=2, failed=1, details={"keys": 3})
        ill = cron.start(connection, "warm")
        cron.finish(connection, ill, error="boom")
        rows = connection.execute(sa.select(cron_logs).order_by(cron_logs.c.cron_log_id)).all()
    assert [(row.status, row.trigger, row.processed, row.error) for row in rows] == [
        ("completed", "http", 3, None),
        ("failed", "schedule", 0, "boom"),
    ]
