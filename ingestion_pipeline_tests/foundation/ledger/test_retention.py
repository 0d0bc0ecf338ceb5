"""The ledger forgets what is old and over, in batches, and nothing else."""

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from ingestion_pipeline.foundation.ledger import retention

_FILL = """
    INSERT INTO jobs (kind, max_attempts, status, updated_at)
    SELECT 'load', 3, status, now() - make_interval(days => days)
    FROM unnest(ARRAY['completed', 'failed', 'dead', 'pending', 'processing']) AS status,
         unnest(ARRAY[1, 100]) AS days;
    INSERT INTO job_attempts (job_id, attempt, worker) SELECT job_id, 1, 'w' FROM jobs;
    INSERT INTO uploads (tenant_id, domain, file_name, source, location, status, job_id)
    SELECT {tenant}, 'commerce', 'f', 's', 'l', 'loaded', job_id
    FROM jobs WHERE status = 'dead';
    INSERT INTO cache_metrics (recorded_at, service, cache_key, outcome)
    SELECT now() - make_interval(days => n / 10), 's', 'k', 'hit' FROM generate_series(0, 999) AS n;
    INSERT INTO ingestion_events (tenant_id, event_type, status, payload, payload_sha256, received_at)
    SELECT {tenant}, 'e', status, '{{}}', status || days, now() - make_interval(days => days)
    FROM unnest(ARRAY['applied', 'received']) AS status, unnest(ARRAY[1, 100]) AS days;
    INSERT INTO alerts (name, message, started_at, resolved_at) VALUES
        ('a', 'm', now() - interval '200 days', NULL),
        ('a', 'm', now() - interval '200 days', now() - interval '199 days');
    INSERT INTO kpi_receipts (tenant_id, channel, received_at, sent, stored, known, corrected,
                              conflicts, refused)
    SELECT {tenant}, 'post', now() - make_interval(days => days), 1, 1, 0, 0, 0, 0
    FROM generate_series(1, 150), unnest(ARRAY[89, 91]) AS days;
"""  # noqa: E501


@pytest.fixture
def swept(
    engine: sa.Engine, tenant_id: int, monkeypatch: pytest.MonkeyPatch
) -> dict[str, int | None]:
    monkeypatch.setattr(retention, "BATCH", 100)
    with engine.begin() as connection:
        connection.exec_driver_sql(_FILL.format(tenant=tenant_id))
    return retention.forget_all(engine, ledger=timedelta(days=90), metrics=timedelta(days=30))


def test_only_what_is_old_and_over_goes(engine: sa.Engine, swept: dict[str, int | None]) -> None:
    assert swept == {
        "api_requests": 0, "cache_metrics": 700, "cron_logs": 0, "ingestion_events": 1,
        "alerts": 1, "jobs": 2, "kpi_receipts": 150,
    }  # fmt: skip
    with engine.connect() as connection:
        left = connection.exec_driver_sql(
            "SELECT status FROM jobs WHERE updated_at < now() - interval '90 days' ORDER BY status"
        )
        # A dead job stays for the sake of its upload.
        assert left.scalars().all() == ["dead", "pending", "processing"]
        assert connection.exec_driver_sql("SELECT count(*) FROM job_attempts").scalar() == 8


def test_receipts_of_readings_are_found_by_their_index_however_many_there_are(
    engine: sa.Engine, swept: dict[str, int | None]
) -> None:
    statements: list[tuple[str, Any]] = []
    sa.event.listen(
        engine, "before_cursor_execute",
        lambda _c, _u, text, values, *_: statements.append((text, values)),
    )  # fmt: skip
    rules = retention.rules(ledger=timedelta(days=90), metrics=timedelta(days=30))
    [rule] = [each for each in rules if each.table.name == "kpi_receipts"]
    assert retention.forget(engine, rule) == 0
    [(text, values)] = statements
    with engine.connect() as connection:
        connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
        plan = "\n".join(connection.exec_driver_sql(f"EXPLAIN {text}", values).scalars())
    assert "kpi_receipts_tenant_idx" in plan
    assert "Seq Scan on kpi_receipts" not in plan


def test_a_table_that_cannot_be_swept_does_not_keep_the_others(
    engine: sa.Engine, swept: dict[str, int | None]
) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE cron_logs")
    again = retention.forget_all(engine, ledger=timedelta(days=90), metrics=timedelta(days=20))
    assert (again["cron_logs"], again["cache_metrics"]) == (None, 100)
