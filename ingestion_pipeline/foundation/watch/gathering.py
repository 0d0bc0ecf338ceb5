"""Where the facts of the health document come from: each wing's own word, and the ledger's numbers.

A wing says how its services are in its `freshness.py`, by a function
`services(connection, configuration) -> {service: Service}`; of what files describe, which is no
wing's, `by_file.py` does. A wing without one is left out: its
services are there, and UNKNOWN. Nobody waits for a wing whose question takes too long.

All numbers are of a window that an index finds, and of at most its newest 200,000 rows: so they
cost the same however large the ledger is.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from ingestion_pipeline.foundation.settings import Settings
from ingestion_pipeline.foundation.watch.health import (
    ABSENT,
    CACHED,
    Breaker,
    Cache,
    Facts,
    Metrics,
    Service,
)

logger = logging.getLogger(__name__)

SERVICES = {
    "macro": "markets",
    "fundamentals": "markets",
    "comps": "markets",
    "buildings": "buildings",
    "commerce": "commerce",
    "kpis": "kpis",
    "book_sales": "book_sales",
    "mapped_files": "mapped_files",
    "series": "series",
}
PATIENCE = timedelta(seconds=2)  # with each question

Question = Callable[[sa.Connection, Settings], Mapping[str, Service]]


@dataclass(frozen=True)
class Questions:
    """What a wing can be asked: its `freshness.py`, handed in.

    Attributes:
        services: how its services are.
        services_of: how those are that are a tenant's own; None where it has none.
    """

    services: Question
    services_of: Callable[[sa.Connection, int], Mapping[str, Service]] | None = None


# The windows are spelled out: as parameters they would be planned as if they were all of time.
# What programs beside ours say, and what strangers ask, is left out before the newest are taken: it
# moves no figure, hides none. Programs come with a tenant's key, strangers with none.
REQUESTS = sa.text("""
    SELECT count(*), percentile_cont(0.95) WITHIN GROUP (ORDER BY duration_ms)
    FROM (SELECT duration_ms FROM api_requests
          WHERE requested_at >= now() - interval '5 minutes' AND service = 'gateway'
            AND status NOT BETWEEN 400 AND 499 AND (tenant_id IS NOT NULL OR status < 400)
            AND route NOT IN ('/livez', '/readyz', '/metrics', '/docs', '/docs/{name}',
                              '/openapi.json', '/api/health/data')
          ORDER BY requested_at DESC LIMIT 200000) AS newest
""")
PREDICTIONS = sa.text("""
    SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY duration_ms),
           percentile_cont(0.95) WITHIN GROUP (ORDER BY duration_ms)
    FROM (SELECT duration_ms FROM api_requests
          WHERE requested_at >= now() - interval '5 minutes' AND service = 'prediction'
            AND tenant_id IS NULL
          ORDER BY requested_at DESC LIMIT 200000) AS newest
""")
REPEATED = sa.text("""
    SELECT j.kind, count(*) FROM job_attempts AS a JOIN jobs AS j USING (job_id)
    WHERE a.attempt > 1 AND a.started_at >= now() - interval '5 minutes'
      AND NOT starts_with(j.kind, 'outside.')
    GROUP BY j.kind
""")
LOOKUPS = sa.text("""
    SELECT service, count(*), count(*) FILTER (WHERE outcome = 'hit')
    FROM (SELECT service, outcome FROM cache_metrics
          WHERE recorded_at >= now() - interval '1 hour' AND NOT outside
          ORDER BY recorded_at DESC LIMIT 200000) AS newest
    WHERE outcome <> 'invalidation' GROUP BY service
""")
FINISHED = sa.text("""
    SELECT tenant_id, count(*), count(*) FILTER (WHERE status <> 'completed')
    FROM (SELECT tenant_id, status FROM jobs
          WHERE status IN ('completed', 'failed', 'dead')
            AND updated_at >= now() - interval '1 hour'
            AND NOT starts_with(kind, 'outside.') AND NOT senders_fault
          ORDER BY updated_at DESC LIMIT 200000) AS newest
    GROUP BY tenant_id
""")
# By the beginning of a job's kind; the first that fits.
_SERVICE_OF_KIND = {
    "markets.market.fundamentals": "fundamentals",
    "markets.comps": "comps",
    "markets.macro": "macro",
    **{f"{wing}.": wing for wing in ("buildings", "commerce", "kpis", "book_sales")},
    "intake.load.": "mapped_files",
}
_BREAKERS = sa.text("SELECT name, upper(state), failures FROM circuit_breakers")


def gather(
    connection: sa.Connection, configuration: Settings, questions: Mapping[str, Questions]
) -> Facts:
    """All facts of this moment; the caller's transaction is only read in.

    `questions` has one for each wing that can be asked (`domains.registry.questions()`).

    Raises:
        sqlalchemy.exc.DBAPIError: the database does not answer, or not in time.
    """
    milliseconds = int(PATIENCE.total_seconds() * 1000)
    connection.exec_driver_sql(f"SET LOCAL statement_timeout = {milliseconds}")
    now = connection.execute(sa.select(sa.func.clock_timestamp())).scalar_one()
    metrics = _metrics(connection)
    found: dict[str, Service] = {}
    for wing in dict.fromkeys(SERVICES.values()):
        if wing in questions:
            found |= _ask(connection, configuration, wing, questions[wing].services)
    breakers = {row[0]: Breaker(row[1], row[2]) for row in _rows(connection, _BREAKERS, unknown=[])}
    services = {
        name: _complete(name, found.get(name, ABSENT), breakers, metrics, configuration)
        for name in SERVICES
    }
    return Facts(now, services, metrics)


def services_of_tenant(
    connection: sa.Connection, questions: Mapping[str, Questions], tenant_id: int
) -> dict[str, Service]:
    """The services that are a tenant's own, of the wings that have some: `services_of`."""
    found: dict[str, Service] = {}
    for each in questions.values():
        if each.services_of is not None:
            found |= each.services_of(connection, tenant_id)
    return found


def _metrics(connection: sa.Connection) -> Metrics:
    [(requests, p95)] = _rows(connection, REQUESTS, unknown=[(0, None)])
    [(p50_prediction, p95_prediction)] = _rows(connection, PREDICTIONS, unknown=[(None, None)])
    retries = dict.fromkeys(SERVICES, 0)
    for kind, number in _rows(connection, REPEATED, unknown=[]):
        for beginning, service in _SERVICE_OF_KIND.items():
            if kind.startswith(beginning):
                retries[service] += number
                break
    lookups = {
        row[0]: (row[1], row[2])
        for row in _rows(connection, LOOKUPS, unknown=[])
        if row[0] in CACHED
    }
    by_tenant = [(row[1], row[2]) for row in _rows(connection, FINISHED, unknown=[])]
    finished, failed = (sum(each[n] for each in by_tenant) for n in (0, 1))
    ratios: dict[str, float | None] = dict.fromkeys(CACHED)
    return Metrics(
        cache_hit_ratio=ratios | {name: hits / all_ for name, (all_, hits) in lookups.items()},
        cache_lookups={name: all_ for name, (all_, _) in lookups.items()},
        api_retry_count_5m=retries,
        prediction_latency_ms_p50=p50_prediction,
        prediction_latency_ms_p95=p95_prediction,
        job_failure_rate_1h=failed / finished if finished else None,
        worst_failure_rate_1h=max((f / n for n, f in by_tenant), default=None),
        api_latency_ms_p95=p95,
        finished_jobs=finished,
        requests=requests,
    )


def _rows(
    connection: sa.Connection, statement: sa.TextClause, *, unknown: Sequence[tuple[Any, ...]]
) -> Sequence[Any]:
    """What a question brings; `unknown` where a log is gone or too slow, which is no ill health."""
    try:
        with connection.begin_nested():
            return connection.execute(statement).all()
    except sa.exc.DBAPIError as error:
        if error.connection_invalidated:
            raise
        logger.warning("a metric is not known: %s", str(error).partition("\n")[0])
        return unknown


def _ask(
    connection: sa.Connection, configuration: Settings, wing: str, question: Question
) -> Mapping[str, Service]:
    """What a wing says of itself; a wing that can't be asked is down, and the others are not."""
    try:
        with connection.begin_nested():
            return question(connection, configuration)
    except sa.exc.SQLAlchemyError as error:
        if connection.closed or connection.invalidated:
            raise
        reason = str(error).partition("\n")[0]
        logger.warning("health of %s not known: %s", wing, reason)
        unread = Service(source=wing, down=True, problem="its tables can't be read in time")
        return {name: unread for name, home in SERVICES.items() if home == wing}


def _complete(
    name: str,
    service: Service,
    breakers: Mapping[str, Breaker],
    metrics: Metrics,
    configuration: Settings,
) -> Service:
    """With its breaker, and for a market service also its cache."""
    added: dict[str, Any] = {}
    if service.upstream is not None:
        added["breaker"] = breakers.get(service.upstream, Breaker())
    if name in CACHED:
        added.setdefault("breaker", Breaker())
        lifetime: timedelta | None = getattr(configuration, f"cache_ttl_{name}", None)
        seconds = lifetime.total_seconds() if lifetime is not None else 0.0
        added["cache"] = Cache(used=bool(metrics.cache_hit_ratio.get(name)), ttl_seconds=seconds)
    return replace(service, **added)
