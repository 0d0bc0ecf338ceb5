"""Numbers of a window of time: right, and found by an index however long the history is."""

from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa

from ingestion_pipeline.domains import registry
from ingestion_pipeline.foundation.settings import Settings
from ingestion_pipeline.foundation.storage import database
from ingestion_pipeline.foundation.watch import gathering as health_sources

_FILL = """
    INSERT INTO api_requests (requested_at, request_id, method, route, status, duration_ms,
                              request_bytes, response_bytes, service, retries)
    SELECT now() - make_interval(secs => 30 * n), n, 'GET', '/x', 200, mod(n, 100), 1, 1,
           CASE WHEN mod(n, 2) = 0 THEN 'gateway' ELSE 'prediction' END, CAST(n = 3 AS integer)
    FROM generate_series(1, 100000) AS n;
    INSERT INTO cache_metrics (recorded_at, service, cache_key, outcome)
    SELECT now() - make_interval(secs => 30 * n), 'macro', 'macro_data',
           CASE mod(n, 4) WHEN 0 THEN 'miss' WHEN 1 THEN 'invalidation' ELSE 'hit' END
    FROM generate_series(1, 100000) AS n;
    INSERT INTO jobs (kind, max_attempts, attempt, status, created_at, updated_at)
    SELECT 'book_sales.import.gumroad', 3, 2,
           CASE WHEN mod(n, 10) = 0 THEN 'failed' ELSE 'completed' END,
           now() - make_interval(secs => 30 * n), now() - make_interval(secs => 30 * n)
    FROM generate_series(1, 100000) AS n;
    INSERT INTO job_attempts (job_id, attempt, started_at, finished_at, worker, outcome)
    SELECT job_id, 2, updated_at, updated_at, 'w', 'completed' FROM jobs;
    ANALYZE api_requests, cache_metrics, jobs, job_attempts;
"""


@pytest.fixture(scope="module")
def filled(shared_database_url: str) -> Iterator[sa.Engine]:
    """A month of everything: 100,000 rows a table, one in thirty seconds."""
    engine = database.engine(shared_database_url)
    with engine.begin() as connection:
        connection.exec_driver_sql(_FILL)
    yield engine
    engine.dispose()
    database.engine.cache_clear()


def _one(engine: sa.Engine, expression: str) -> Any:
    with engine.connect() as connection:
        return connection.exec_driver_sql(f"SELECT {expression}").scalar_one()


@pytest.mark.parametrize(
    ("statement", "index"),
    [
        (health_sources.REQUESTS, "api_requests_requested_at_idx"),
        (health_sources.LOOKUPS, "cache_metrics_recorded_at_idx"),
        (health_sources.FINISHED, "jobs_finished_idx"),
        (health_sources.REPEATED, "job_attempts_repeated_idx"),
    ],
)
def test_health_reads_its_window_by_an_index(
    filled: sa.Engine, statement: sa.TextClause, index: str
) -> None:
    with filled.connect() as connection:
        plan = "\n".join(
            row[0] for row in connection.execute(sa.text(f"EXPLAIN ANALYZE {statement.text}"))
        )
    assert index in plan
    assert "Seq Scan" not in plan


@pytest.mark.parametrize(
    ("call", "table"),
    [
        ("api_latency_ms(0.95)", "api_requests"),
        ("cache_hit_ratio('macro')", "cache_metrics"),
        ("job_failure_rate()", "jobs"),
        ("api_retry_count()", "job_attempts"),
    ],
)
def test_functions_read_their_window_by_an_index(filled: sa.Engine, call: str, table: str) -> None:
    def scans(connection: sa.Connection) -> int:
        connection.exec_driver_sql("SELECT pg_stat_force_next_flush()")
        connection.exec_driver_sql("SELECT pg_stat_clear_snapshot()")
        statement = f"SELECT seq_scan FROM pg_stat_user_tables WHERE relname = '{table}'"
        return int(connection.exec_driver_sql(statement).scalar_one())

    with filled.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        before = scans(connection)
        for _ in range(8):  # more often than it takes to settle for one plan for all windows
            connection.exec_driver_sql(f"SELECT {call}")
        assert scans(connection) == before


def test_the_numbers_are_those_of_the_window(filled: sa.Engine) -> None:
    # Of the last five minutes are n = 1 … 9 or 10, of the last hour n = 1 … 119 or 120.
    assert _one(filled, "cache_hit_ratio('macro', '1 hour')") == pytest.approx(2 / 3, abs=0.02)
    assert _one(filled, "cache_hit_ratio('comps')") is None
    assert _one(filled, "job_failure_rate('1 hour')") == pytest.approx(0.1, abs=0.02)
    assert _one(filled, "job_failure_rate('1 hour', 'other')") is None
    assert 7 <= _one(filled, "api_latency_ms(0.95, '5 minutes')") <= 10
    assert 4 <= _one(filled, "api_latency_ms(0.5, '5 minutes', 'prediction')") <= 6
    assert _one(filled, "api_retry_count('5 minutes')") in (10, 11)


def test_refusals_of_strangers_moved_the_latencies(filled: sa.Engine) -> None:
    """As many as one likes, slow or fast: what the health document leaves out, functions do too."""
    refused = """
        INSERT INTO api_requests (requested_at, request_id, method, route, status, duration_ms,
                                  request_bytes, response_bytes, service, retries)
        SELECT now(), n, 'GET', route, status, 90000, 1, 1, 'gateway', 0
        FROM generate_series(1, 100) AS n,
            (VALUES ('/x', 401), ('/x', 404), ('/x', 503), ('/api/health/data', 200))
                AS v (route, status)
    """
    p95s = """
        SELECT max(p95_ms) FROM api_latencies('5 minutes', '5 minutes') WHERE service = 'gateway'
    """
    with filled.connect() as connection:
        connection.exec_driver_sql(refused)
        assert connection.exec_driver_sql("SELECT api_latency_ms(0.95)").scalar_one() <= 10
        assert connection.exec_driver_sql(p95s).scalar_one() <= 10
        counted = "SELECT sum(requests) FROM api_latencies('5 minutes', '5 minutes')"
        assert connection.exec_driver_sql(counted).scalar_one() >= 400
        connection.rollback()


@pytest.mark.parametrize("function", ["cache_hit_ratios", "api_latencies", "job_failure_rates"])
def test_rates_by_window_cover_the_span(filled: sa.Engine, function: str) -> None:
    with filled.connect() as connection:
        rows = connection.exec_driver_sql(
            f"SELECT DISTINCT window_start FROM {function}('10 minutes', '1 hour')"
        ).all()
    assert 6 <= len(rows) <= 7


# What dashboards ask, by the names that the contracts promise them.
DASHBOARDS = {
    "jobs by platform and state": """
        SELECT platform, status, count(*), max(updated_at) FROM ingestion_jobs
        WHERE created_at >= now() - interval '1 day' GROUP BY platform, status""",
    "the newest failures": """
        SELECT id, job_id, tenant_id, platform, status, priority, attempts, max_attempts,
               scheduled_for, created_at, started_at, completed_at, error_message, result, run_id
        FROM ingestion_jobs WHERE status = 'failed' ORDER BY completed_at DESC LIMIT 20""",
    "attempts of a job": """
        SELECT a.id, a.attempt_number, a.status, a.outcome, a.started_at, a.completed_at,
               a.duration_ms, a.error_message, a.worker, a.run_id
        FROM ingestion_attempts AS a JOIN ingestion_jobs AS j ON j.id = a.job_id
        WHERE j.created_at >= now() - interval '1 hour' ORDER BY a.started_at""",
    "how long a platform takes": """
        SELECT platform, percentile_cont(0.95) WITHIN GROUP (ORDER BY duration_ms)
        FROM ingestion_attempts GROUP BY platform""",
    "jobs of markets": """
        SELECT job_type, status, count(*), avg(duration_ms), max(finished_at - queued_at)
        FROM market_jobs WHERE status IN ('QUEUED', 'RUNNING', 'COMPLETED', 'FAILED')
        GROUP BY job_type, status""",
    "hit ratios": "SELECT window_start, service, hits, misses, stale, hit_ratio "
                  "FROM cache_hit_ratios('5 minutes', '1 day')",
    "latencies": "SELECT window_start, service, requests, failures, p50_ms, p95_ms, p99_ms "
                 "FROM api_latencies('5 minutes', '1 day')",
    "failure rates": "SELECT window_start, kind, completed, failed, failure_rate "
                     "FROM job_failure_rates('1 hour', '1 day')",
    "requests by route": """
        SELECT method, route, status, count(*), avg(duration_ms), sum(request_bytes),
               sum(response_bytes) FROM api_requests
        WHERE requested_at >= now() - interval '1 hour' GROUP BY method, route, status""",
    "events": """
        SELECT ingestion_id, event_type, source, market_slug, status, processed_records,
               cache_invalidated, processing_time_ms, payload_sha256, received_at, applied_at, error
        FROM ingestion_events ORDER BY received_at DESC LIMIT 20""",
    "ticks": """
        SELECT name, trigger, status, processed, succeeded, failed, started_at, finished_at, error
        FROM cron_logs ORDER BY started_at DESC LIMIT 20""",
    "incidents": """
        SELECT name, message, value, threshold, started_at, resolved_at FROM alerts
        WHERE resolved_at IS NULL""",
}  # fmt: skip
_EMPTY_HERE = {"events", "ticks", "incidents"}


@pytest.mark.parametrize("what", DASHBOARDS)
def test_what_dashboards_ask_is_answered(filled: sa.Engine, what: str) -> None:
    with filled.connect() as connection:
        rows = connection.exec_driver_sql(DASHBOARDS[what]).all()
    assert bool(rows) == (what not in _EMPTY_HERE)


def test_markets_see_every_state_of_a_job(filled: sa.Engine) -> None:
    expected = {
        "pending": "QUEUED", "retrying": "QUEUED", "processing": "RUNNING",
        "completed": "COMPLETED", "failed": "FAILED", "dead": "FAILED",
    }  # fmt: skip
    with filled.connect() as connection:
        for status in expected:
            connection.exec_driver_sql(
                "INSERT INTO jobs (kind, max_attempts, status) "
                "VALUES ('book_sales.import.x', 1, %s)",
                (status,),
            )
        rows = connection.exec_driver_sql(
            "SELECT i.status, m.status FROM ingestion_jobs AS i "
            "JOIN market_jobs AS m USING (job_id) "
            "WHERE i.kind = 'book_sales.import.x'"
        )
        seen = {("failed" if s == "dead" else s, of_markets) for s, of_markets in expected.items()}
        assert {tuple(row) for row in rows} == seen  # and it is rolled back


def test_health_is_gathered_from_these(filled: sa.Engine) -> None:
    with filled.begin() as connection:
        facts = health_sources.gather(connection, Settings(), registry.questions())
    assert facts.status == "GREEN"
    metrics = facts.metrics
    assert metrics.cache_hit_ratio == {
        "macro": pytest.approx(2 / 3, abs=0.02), "fundamentals": None, "comps": None
    }  # fmt: skip
    assert metrics.job_failure_rate_1h == pytest.approx(0.1, abs=0.02)
    assert sum(metrics.api_retry_count_5m.values()) in (9, 10)
    assert metrics.api_latency_ms_p95 is not None
    assert metrics.prediction_latency_ms_p50 is not None
