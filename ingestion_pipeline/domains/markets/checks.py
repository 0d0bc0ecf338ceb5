"""What must hold of markets, as asset checks."""

from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from ingestion_pipeline.domains.markets.assets import EVENTS, key
from ingestion_pipeline.domains.markets.contract.events import (
    COMPS_NUMBERS,
    EVENT_TYPES,
    FUNDAMENTALS_NUMBERS,
    PREDICTION,
)
from ingestion_pipeline.domains.markets.merge.cache import look_up, place_of
from ingestion_pipeline.domains.markets.publish.documents import (
    comps_document,
    fundamentals_document,
    markets_with_documents,
)
from ingestion_pipeline.domains.markets.tables import comps, fundamentals, observations, series
from ingestion_pipeline.foundation.ledger.tables import ingestion_events
from ingestion_pipeline.orchestration.checks import documents_check, offenders_check

_APPLIED_WITHIN = timedelta(minutes=15)
_RECENT = timedelta(days=7)
_STALE = timedelta(days=30)
_FETCHED_WITHIN = timedelta(days=2)
_MOST_DOCUMENTS = 200
_DOCUMENTS = {"fundamentals": fundamentals_document, "comps": comps_document}


def _overdue() -> sa.Select[Any]:
    c = ingestion_events.c
    return sa.select(c.ingestion_id, c.event_type, c.status, c.received_at).where(
        c.status.in_(("received", "validated")),
        c.event_type.in_(EVENT_TYPES),
        c.received_at < sa.func.now() - _APPLIED_WITHIN,
    )


def _failed(*event_types: str) -> sa.Select[Any]:
    c = ingestion_events.c
    return sa.select(c.ingestion_id, c.event_type, c.error).where(
        c.status == "failed",
        c.event_type.in_(event_types),
        c.received_at > sa.func.now() - _RECENT,
    )


def _out_of_range(table: sa.Table, numbers: Any) -> sa.Select[Any]:
    faults = []
    for name, (low, high, _) in numbers.items():
        if low is not None:
            faults.append(table.c[name] < low)
        if high is not None:
            faults.append(table.c[name] > high)
    return sa.select(*table.primary_key, *(table.c[name] for name in numbers)).where(
        sa.or_(*faults)
    )


def _stale_markets() -> sa.Select[Any]:
    c = fundamentals.c
    last = sa.func.max(c.as_of_date)
    return (
        sa.select(c.tenant_id, c.market_slug, last.label("as_of"))
        .group_by(c.tenant_id, c.market_slug)
        .having(last < sa.func.current_date() - _STALE)
    )


def _overlapping() -> sa.Select[Any]:
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


def _not_fetched() -> sa.Select[Any]:
    return sa.select(series.c.series_id, series.c.fetched_at, series.c.error).where(
        sa.or_(series.c.fetched_at.is_(None), series.c.fetched_at < sa.func.now() - _FETCHED_WITHIN)
    )


def _differing_documents(connection: sa.Connection, most: int) -> list[str]:
    """The keys of what is cached and does not say what the tables say."""
    found = markets_with_documents(connection)[:most]
    places = [place_of(kind, market) for kind, market in found]
    cached = look_up(connection, places) if places else []
    return [
        f"{place.namespace}/{place.key}"
        for (kind, market), place, each in zip(found, places, cached, strict=True)
        if each.document is not None and each.document != _DOCUMENTS[kind](connection, market)
    ]


CHECKS = [
    offenders_check(
        asset=EVENTS.key,
        name="applied",
        description="No event has been waiting for 15 minutes.",
        offenders=_overdue,
        warning=True,
    ),
    offenders_check(
        asset=EVENTS.key,
        name="applicable",
        description="No event of the last seven days could not be applied.",
        offenders=lambda: _failed(*EVENT_TYPES),
        warning=True,
    ),
    offenders_check(
        asset=key("fundamentals"),
        name="in_range",
        description="All numbers lie within the contract's bounds.",
        offenders=lambda: _out_of_range(fundamentals, FUNDAMENTALS_NUMBERS),
    ),
    offenders_check(
        asset=key("fundamentals"),
        name="fresh",
        description="No market's fundamentals are older than 30 days.",
        offenders=_stale_markets,
        warning=True,
    ),
    offenders_check(
        asset=key("comps"),
        name="in_range",
        description="All numbers lie within the contract's bounds.",
        offenders=lambda: _out_of_range(comps, COMPS_NUMBERS),
    ),
    offenders_check(
        asset=key("predictions"),
        name="applicable",
        description="No report of the last seven days could not be recorded.",
        offenders=lambda: _failed(PREDICTION),
        warning=True,
    ),
    offenders_check(
        asset=key("macro_observations"),
        name="vintages_do_not_overlap",
        description="On every day exactly one vintage of a date is what was known.",
        offenders=_overlapping,
    ),
    offenders_check(
        asset=key("macro_observations"),
        name="fetched",
        description="Every series was fetched within two days.",
        offenders=_not_fetched,
        warning=True,
    ),
    documents_check(
        asset=key("cache"),
        description="What is cached of the first 200 markets says what the tables say.",
        differing=_differing_documents,
        most=_MOST_DOCUMENTS,
    ),
]
