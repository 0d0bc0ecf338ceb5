"""A tenant's own figures: its markets by name, its jobs, its programs' caches and predictions.

The public document (`gathering.py`) speaks of the system only. Here are the same members, of
what is one tenant's, for that tenant. Windows and limits are the same, too.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from ingestion_pipeline.foundation.watch.gathering import Questions, services_of_tenant
from ingestion_pipeline.foundation.watch.health import Facts, Metrics, document

_REQUESTS = sa.text("""
    SELECT percentile_cont(0.95) WITHIN GROUP (ORDER BY duration_ms)
               FILTER (WHERE service = 'gateway' AND status NOT BETWEEN 400 AND 499),
           percentile_cont(0.5) WITHIN GROUP (ORDER BY duration_ms)
               FILTER (WHERE service = 'prediction'),
           percentile_cont(0.95) WITHIN GROUP (ORDER BY duration_ms)
               FILTER (WHERE service = 'prediction')
    FROM (SELECT service, status, duration_ms FROM api_requests
          WHERE requested_at >= now() - interval '5 minutes' AND tenant_id = :tenant_id
          ORDER BY requested_at DESC LIMIT 200000) AS newest
""")
_RETRIES = sa.text("""
    SELECT service, sum(retries) FROM api_requests
    WHERE requested_at >= now() - interval '5 minutes' AND tenant_id = :tenant_id
      AND service <> 'gateway'
    GROUP BY service ORDER BY service
""")
_LOOKUPS = sa.text("""
    SELECT service, count(*) FILTER (WHERE outcome = 'hit')::double precision / count(*)
    FROM (SELECT service, outcome FROM cache_metrics
          WHERE recorded_at >= now() - interval '1 hour' AND tenant_id = :tenant_id
            AND outcome <> 'invalidation'
          ORDER BY recorded_at DESC LIMIT 200000) AS newest
    GROUP BY service ORDER BY service
""")
_JOBS = sa.text("""
    SELECT starts_with(kind, 'outside.') AS outside,
           count(*) FILTER (WHERE status = 'completed'),
           count(*) FILTER (WHERE status <> 'completed' AND NOT senders_fault),
           count(*) FILTER (WHERE senders_fault)
    FROM (SELECT kind, status, senders_fault FROM jobs
          WHERE status IN ('completed', 'failed', 'dead')
            AND updated_at >= now() - interval '1 hour' AND tenant_id = :tenant_id
          ORDER BY updated_at DESC LIMIT 200000) AS newest
    GROUP BY 1
""")
_COUNTS = ("completed", "failed", "failed_by_sender")


def health_of(
    connection: sa.Connection, questions: Mapping[str, Questions], tenant_id: int
) -> dict[str, Any]:
    """How well all is that is a tenant's: the members of the health document, and `jobs`.

    `jobs` counts what ended within the hour: `imports` that we do (`failed_by_sender`: by what was
    sent, which is no failure of ours), and `programs`' own. `job_failure_rate_1h` is of all.

    Raises:
        sqlalchemy.exc.DBAPIError: the database does not answer.
    """
    mine = {"tenant_id": tenant_id}
    now: datetime = connection.execute(sa.select(sa.func.clock_timestamp())).scalar_one()
    p95, p50_prediction, p95_prediction = connection.execute(_REQUESTS, mine).one()
    retries = {row[0]: int(row[1]) for row in connection.execute(_RETRIES, mine)}
    ratios: dict[str, float | None] = {row[0]: row[1] for row in connection.execute(_LOOKUPS, mine)}
    jobs = {name: dict.fromkeys(_COUNTS, 0) for name in ("imports", "programs")}
    for outside, *counts in connection.execute(_JOBS, mine):
        jobs["programs" if outside else "imports"] = dict(zip(_COUNTS, counts, strict=True))
    finished = sum(sum(counts.values()) for counts in jobs.values())
    failed = finished - sum(counts["completed"] for counts in jobs.values())
    metrics = Metrics(
        cache_hit_ratio=ratios,
        api_retry_count_5m=retries,
        prediction_latency_ms_p50=p50_prediction,
        prediction_latency_ms_p95=p95_prediction,
        job_failure_rate_1h=failed / finished if finished else None,
        api_latency_ms_p95=p95,
    )
    facts = Facts(now, services_of_tenant(connection, questions, tenant_id), metrics)
    return {**document(facts), "jobs": jobs}
