"""Alerts: an incident is told once when it begins and once when it is over.

    condition is met ──▶ an open row in `alerts` ──▶ told      (the row remembers what was told)
    no longer met    ──▶ the row is closed       ──▶ told      (once it was not met for a while)

Everything is in the table, so a restart changes nothing, and two who look at once open one
incident. A condition that comes and goes stays one incident until it has been away for long
enough. Where the target of the alerts is down one request is made at a time, later and later; what
could not be told is told once it is back. The database's own outage is in `outage.py`.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import httpx
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from ingestion_pipeline.foundation.ledger.tables.operations import alerts
from ingestion_pipeline.foundation.storage import locks
from ingestion_pipeline.foundation.upstreams import deadlines
from ingestion_pipeline.foundation.upstreams.quiet import say_no_urls
from ingestion_pipeline.foundation.watch.health import MAX_STALENESS, Facts

logger = logging.getLogger(__name__)

MOST_JOB_FAILURES = 0.05
LEAST_CACHE_HITS = 0.70
MOST_LATENCY_MS = 2000.0

_LONGEST_BACKOFF = timedelta(hours=1)
_TIMEOUT_SECONDS = 5.0
_LONGEST_SECONDS = 15.0  # of a target that sends a byte now and then, everybody would wait for ever
_MOST_AT_ONCE = 20  # news told in one tick


@dataclass(frozen=True)
class Condition:
    """Something that is worth an alert when it is met.

    Attributes:
        met: None: not known, which neither begins an incident nor ends one.
    """

    name: str
    met: bool | None
    message: str
    value: float | None = None
    threshold: float | None = None


@dataclass(frozen=True)
class Changes:
    """Incidents that begin and end."""

    begin: tuple[Condition, ...] = ()
    end: tuple[str, ...] = ()


def conditions(facts: Facts, *, minimum: int = 1) -> list[Condition]:
    """What is to be watched, as it is now; rates of fewer than `minimum` say nothing."""
    metrics = facts.metrics
    ratios = [
        ratio
        for name, ratio in metrics.cache_hit_ratio.items()
        if ratio is not None and metrics.cache_lookups.get(name, minimum) >= minimum
    ]
    # Of the tenant for whom we fail most: however much the others send, it hides no failure. None
    # finished in the last hour: none failed.
    failures = max(metrics.worst_failure_rate_1h or 0.0, metrics.job_failure_rate_1h or 0.0)
    p95 = metrics.api_latency_ms_p95 if metrics.requests >= minimum else None
    ages = [
        age.total_seconds() / 86_400
        for service in facts.services.values()
        if service.configured and (age := service.age(facts.as_of)) is not None
    ]
    stale = any(service.details.get("stale_markets") for service in facts.services.values())
    days = MAX_STALENESS.days
    oldest = max(ages, default=None)
    return [
        Condition("health_red", facts.status == "RED", f"health is {facts.status}"),
        _above("job_failures", failures, MOST_JOB_FAILURES),
        _below("cache_hits", min(ratios, default=None), LEAST_CACHE_HITS),
        _above("api_latency_ms_p95", p95, MOST_LATENCY_MS),
        Condition(
            "data_stale", stale or (oldest is not None and oldest > days),
            f"data is older than {days} days", oldest, float(days),
        ),
    ]  # fmt: skip


def decide(open_: frozenset[str], now: Sequence[Condition]) -> Changes:
    """What begins and what ends, given the incidents that are open."""
    return Changes(
        begin=tuple(each for each in now if each.met and each.name not in open_),
        end=tuple(each.name for each in now if each.met is False and each.name in open_),
    )


def note(
    connection: sa.Connection, now: Sequence[Condition], *, hold: timedelta = timedelta(0)
) -> Changes:
    """Open and close incidents; each is logged once.

    Args:
        connection: to write with.
        now: the conditions of this moment.
        hold: an incident is over once its condition has not been met for so long.
    """
    open_ = connection.scalars(sa.select(alerts.c.name).where(alerts.c.resolved_at.is_(None)))
    wanted = decide(frozenset(open_), now)
    begun = []
    for each in wanted.begin:
        values = {
            "name": each.name, "message": each.message, "value": each.value,
            "threshold": each.threshold,
        }  # fmt: skip
        opened = connection.execute(
            insert(alerts).values(values).on_conflict_do_nothing().returning(alerts.c.alert_id)
        ).one_or_none()
        if opened is not None:  # else somebody else was faster
            begun.append(each)
            logger.error("alert %s: %s", each.name, each.message)
    ended = _end(connection, wanted.end, again=[each.name for each in now if each.met], hold=hold)
    for name in ended:
        logger.warning("alert %s is over", name)
    return Changes(tuple(begun), tuple(ended))


def _end(
    connection: sa.Connection, calm: Sequence[str], *, again: Sequence[str], hold: timedelta
) -> Sequence[str]:
    """Close the incidents that have been calm for long enough; their names."""
    is_open = alerts.c.resolved_at.is_(None)
    connection.execute(
        sa.update(alerts)
        .where(is_open, alerts.c.name.in_(again), alerts.c.calm_since.is_not(None))
        .values(calm_since=None)
    )
    connection.execute(
        sa.update(alerts)
        .where(is_open, alerts.c.name.in_(calm), alerts.c.calm_since.is_(None))
        .values(calm_since=sa.func.now())
    )
    ended = (
        sa.update(alerts)
        .where(is_open, alerts.c.name.in_(calm), alerts.c.calm_since <= sa.func.now() - hold)
        .values(resolved_at=sa.func.now())
        .returning(alerts.c.name)
    )
    return connection.scalars(ended).all()


# Of what is dealt with where nobody is to be told: it is not told later, when somebody is.
NOBODY = "nobody is told: ALERT_WEBHOOK_URL is not set"


def tell(
    engine: sa.Engine,
    *,
    url: str | None,
    backoff: timedelta,
    transport: httpx.BaseTransport | None = None,
) -> int:
    """Tell what is due to be told, oldest first; returns how many were.

    The first that can't be told ends it: all wait then, each longer than before.
    """
    told = 0
    with client(transport) as http:
        while told < _MOST_AT_ONCE:
            with engine.begin() as connection:
                outcome = _tell_one(connection, http, url, backoff)
            if not outcome:
                break
            told += 1
    return told


def _tell_one(
    connection: sa.Connection, http: httpx.Client, url: str | None, backoff: timedelta
) -> bool:
    """Tell one; False: there is none, or it could not be told.

    A lock is held meanwhile, so that nobody else tells the same.
    """
    columns = alerts.c
    untold = sa.or_(
        columns.start_sent_at.is_(None),
        sa.and_(columns.resolved_at.is_not(None), columns.recovery_sent_at.is_(None)),
    )
    if not locks.try_hold(connection, locks.TELLING_ALERTS):
        return False
    # What is new waits with what could not be told: the target is down for both.
    waits = sa.select(sa.func.max(columns.next_delivery_at) > sa.func.now()).where(untold)
    if connection.scalar(waits):
        return False
    incident = connection.execute(
        sa.select(alerts).where(untold).order_by(columns.alert_id).limit(1)
    ).one_or_none()
    if incident is None:
        return False
    starts = incident.start_sent_at is None
    fault = post(http, url, _news(incident, starts=starts)) if url else None
    if fault is None:
        sent = "start_sent_at" if starts else "recovery_sent_at"
        values: dict[str, Any] = {sent: sa.func.now(), "delivery_error": None if url else NOBODY}
        values |= {"delivery_attempts": 0, "next_delivery_at": sa.func.now()}
        which = columns.alert_id == incident.alert_id
    else:
        attempts = incident.delivery_attempts + 1
        logger.warning("alert %s not told (%d times): %s", incident.name, attempts, fault)
        values = {
            "delivery_attempts": attempts,
            "delivery_error": fault,
            "next_delivery_at": sa.func.now() + longer(backoff, attempts),
        }
        which = untold  # it is the target that is down: the others wait with this one
    connection.execute(sa.update(alerts).where(which).values(values))
    return fault is None


def _news(incident: sa.Row[Any], *, starts: bool) -> dict[str, Any]:
    def iso(moment: datetime | None) -> str | None:
        return None if moment is None else moment.isoformat()

    return {
        "incident": incident.alert_id,
        "alert": incident.name,
        "state": "firing" if starts else "resolved",
        "message": incident.message if starts else f"over: {incident.message}",
        "value": incident.value,
        "threshold": incident.threshold,
        "started_at": iso(incident.started_at),
        "resolved_at": None if starts else iso(incident.resolved_at),
    }


def longer(backoff: timedelta, attempts: int) -> timedelta:
    """How long to wait after so many attempts."""
    return min(backoff * int(2 ** min(attempts - 1, 16)), _LONGEST_BACKOFF)


def client(transport: httpx.BaseTransport | None = None) -> httpx.Client:
    """What news is posted with; to be closed."""
    say_no_urls()  # the target's may hold a secret
    return deadlines.bounded(httpx.Client(timeout=_TIMEOUT_SECONDS, transport=transport))


def post(http: httpx.Client, url: str, news: Mapping[str, Any]) -> str | None:
    """Post it; what went wrong, without the URL, which may hold a secret."""
    key = f"alert-{news['incident']}-{news['state']}"
    try:
        with deadlines.within(_LONGEST_SECONDS):
            answer = http.post(url, json=dict(news), headers={"Idempotency-Key": key})
    except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
        return type(error).__name__
    return None if answer.is_success else f"status {answer.status_code}"


def _above(name: str, value: float | None, limit: float) -> Condition:
    met = None if value is None else value > limit
    return Condition(name, met, f"{name} is {_number(value)}, more than {limit:g}", value, limit)


def _below(name: str, value: float | None, limit: float) -> Condition:
    met = None if value is None else value < limit
    return Condition(name, met, f"{name} is {_number(value)}, less than {limit:g}", value, limit)


def _number(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.3g}"
