"""What must not be found of markets, as queries: one row an offender, a check each."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from ingestion_pipeline.domains.markets.contract.ages import FETCHED_WITHIN
from ingestion_pipeline.domains.markets.contract.events import (
    COMPS_NUMBERS,
    EVENT_TYPES,
    FUNDAMENTALS_NUMBERS,
    PREDICTION,
)
from ingestion_pipeline.domains.markets.tables import comps, fundamentals, observations, series
from ingestion_pipeline.foundation.ledger.tables.events import ingestion_events
from ingestion_pipeline.foundation.watch.health import MAX_STALENESS
from ingestion_pipeline.foundation.watch.offenders import must_not_be

_APPLIED_WITHIN = timedelta(minutes=15)
_RECENT = timedelta(days=7)


@must_not_be("events:applied", "No event has been waiting for 15 minutes.", warning=True)
def overdue() -> sa.Select[Any]:
    """Events that have been waiting for more than 15 minutes."""
    c = ingestion_events.c
    return sa.select(c.ingestion_id, c.event_type, c.status, c.received_at).where(
        c.status.in_(("received", "validated")),
        c.event_type.in_(EVENT_TYPES),
        c.received_at < sa.func.now() - _APPLIED_WITHIN,
    )


@must_not_be(
    "events:applicable", "No event of the last seven days could not be applied.", warning=True
)
def failed() -> sa.Select[Any]:
    """Events of the last seven days that could not be applied."""
    return _failed(*EVENT_TYPES)


@must_not_be(
    "predictions:applicable",
    "No report of the last seven days could not be recorded.",
    warning=True,
)
def failed_predictions() -> sa.Select[Any]:
    """Reports of the last seven days that could not be recorded."""
    return _failed(PREDICTION)


def _failed(*event_types: str) -> sa.Select[Any]:
    c = ingestion_events.c
    return sa.select(c.ingestion_id, c.event_type, c.error).where(
        c.status == "failed",
        c.event_type.in_(event_types),
        c.received_at > sa.func.now() - _RECENT,
    )


@must_not_be("fundamentals:in_range", "All numbers lie within the contract's bounds.")
def fundamentals_out_of_range() -> sa.Select[Any]:
    """Fundamentals with a number beyond the contract's bounds."""
    return _out_of_range(fundamentals, FUNDAMENTALS_NUMBERS)


@must_not_be("comps:in_range", "All numbers lie within the contract's bounds.")
def comps_out_of_range() -> sa.Select[Any]:
    """Comparable sales with a number beyond the contract's bounds."""
    return _out_of_range(comps, COMPS_NUMBERS)


def _out_of_range(
    table: sa.Table, numbers: Mapping[str, tuple[float | None, float | None, bool]]
) -> sa.Select[Any]:
    faults = []
    for name, (low, high, _) in numbers.items():
        if low is not None:
            faults.append(table.c[name] < low)
        if high is not None:
            faults.append(table.c[name] > high)
    return sa.select(*table.primary_key, *(table.c[name] for name in numbers)).where(
        sa.or_(*faults)
    )


@must_not_be("fundamentals:fresh", "No market's fundamentals are older than 30 days.", warning=True)
def stale_markets() -> sa.Select[Any]:
    """Markets whose fundamentals are older than 30 days."""
    c = fundamentals.c
    last = sa.func.max(c.as_of_date)
    return (
        sa.select(c.tenant_id, c.market_slug, last.label("as_of"))
        .group_by(c.tenant_id, c.market_slug)
        .having(last < sa.func.current_date() - MAX_STALENESS)
    )


@must_not_be(
    "macro_observations:vintages_do_not_overlap",
    "On every day exactly one vintage of a date is what was known.",
)
def overlapping() -> sa.Select[Any]:
    """Dates of a series of which one day knew two vintages."""
    later = (
        sa.func.lead(observations.c.realtime_start)
        .over(
            partition_by=(observations.c.series_id, observations.c.date),
            order_by=observations.c.realtime_start,
        )
        .label("next_start")
    )
    each = sa.select(observations, later).subquery()
    return sa.select(each.c.series_id, each.c.date, each.c.realtime_start).where(
        sa.or_(
            each.c.realtime_end >= each.c.next_start, each.c.realtime_end < each.c.realtime_start
        )
    )


@must_not_be(
    "macro_observations:fetched", "Every series was fetched within two days.", warning=True
)
def not_fetched() -> sa.Select[Any]:
    """Series that were not fetched within two days."""
    return sa.select(series.c.series_id, series.c.fetched_at, series.c.error).where(
        ~series.c.series_id.contains("/"),  # those come in files, when somebody has one
        sa.or_(series.c.fetched_at.is_(None), series.c.fetched_at < sa.func.now() - FETCHED_WITHIN),
    )
