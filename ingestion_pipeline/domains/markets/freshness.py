"""How fresh markets are, for the health document: FRED's series, and each market's newest rows."""

from collections.abc import Mapping
from datetime import date, timedelta

import sqlalchemy as sa

from ingestion_pipeline.domains.markets.contract.ages import FETCHED_WITHIN, WARMED_WITHIN
from ingestion_pipeline.domains.markets.publish.macro import newest_day
from ingestion_pipeline.domains.markets.sources.fred import NAME as UPSTREAM
from ingestion_pipeline.domains.markets.tables import comps, fundamentals, series
from ingestion_pipeline.foundation.settings import Settings
from ingestion_pipeline.foundation.watch.health import MAX_STALENESS, Service

MIN_RECENT = 10  # comparables that a market needs within the last year
_RECENT = timedelta(days=365)


def services(connection: sa.Connection, configuration: Settings) -> Mapping[str, Service]:
    """The three services of markets."""
    return {
        "macro": _macro(connection, configuration),
        "fundamentals": _fundamentals(connection),
        "comps": _comps(connection),
    }


def services_of(connection: sa.Connection, tenant_id: int) -> Mapping[str, Service]:
    """The services of markets that are a tenant's own, with its markets only."""
    return {
        "fundamentals": _fundamentals(connection, tenant_id),
        "comps": _comps(connection, tenant_id),
    }


def ages(configuration: Settings) -> Mapping[str, timedelta | str]:
    """By asset, how long ago it may have been made; or why that is no fault."""
    fetched = configuration.fred_api_key is not None
    return {
        "events": "Providers send when they like; the check `applied` looks at what waits",
        # No event for so long, and no market can be fresh; the check `fresh` looks at each.
        "fundamentals": MAX_STALENESS,
        "comps": "Sales come when they happen; health counts the recent ones of each market",
        "predictions": "The prediction API reports when it likes",
        "macro_observations": (
            FETCHED_WITHIN if fetched else "FRED_API_KEY is not set: no schedule fetches"
        ),
        "cache": WARMED_WITHIN,
    }


def _macro(connection: sa.Connection, configuration: Settings) -> Service:
    of_ours = series.c.series_id.in_(configuration.fred_series_ids)
    row = connection.execute(
        sa.select(
            sa.func.min(series.c.fetched_at),
            sa.func.count(series.c.fetched_at),
            sa.func.min(series.c.error),
        ).where(of_ours)
    ).one()
    oldest, fetched, error = row
    day = newest_day(connection)
    configured = configuration.fred_api_key is not None
    return Service(
        source="FRED",
        configured=configured,
        last_success_at=oldest if fetched == len(configuration.fred_series_ids) else None,
        fresh_for=WARMED_WITHIN if configured else None,
        problem=error if configured else None,
        upstream=UPSTREAM if configured else None,
        details={"last_row_as_of": _instant(day)},
    )


def _fundamentals(connection: sa.Connection, tenant_id: int | None = None) -> Service:
    last = sa.func.max(fundamentals.c.as_of_date)
    newest = (
        sa.select(
            fundamentals.c.market_slug,
            last.label("as_of"),
            sa.func.max(fundamentals.c.updated_at).label("updated_at"),
        )
        .where(_of(fundamentals.c.tenant_id, tenant_id))
        .group_by(fundamentals.c.tenant_id, fundamentals.c.market_slug)
        .subquery()
    )
    rows = connection.execute(
        sa.select(
            newest.c.market_slug,
            newest.c.as_of,
            newest.c.updated_at,
            (newest.c.as_of < sa.func.current_date() - MAX_STALENESS).label("stale"),
        )
    ).all()
    stale = sorted({row.market_slug for row in rows if row.stale})
    newest_day_ = max((row.as_of for row in rows), default=None)
    return Service(
        source="webhook",
        configured=bool(rows),
        last_success_at=max((row.updated_at for row in rows), default=None),
        stale=bool(stale),
        details={
            "last_row_as_of": _instant(newest_day_),
            "max_allowed_staleness_days": MAX_STALENESS.days,
            "stale_markets": stale,
        },
    )


def _comps(connection: sa.Connection, tenant_id: int | None = None) -> Service:
    recent = sa.func.count().filter(comps.c.sale_date >= sa.func.current_date() - _RECENT)
    rows = connection.execute(
        sa.select(
            comps.c.market_slug,
            sa.func.max(comps.c.sale_date).label("as_of"),
            sa.func.max(comps.c.updated_at).label("updated_at"),
            recent.label("recent"),
        )
        .where(_of(comps.c.tenant_id, tenant_id))
        .group_by(comps.c.tenant_id, comps.c.market_slug)
    ).all()
    below = sorted({row.market_slug for row in rows if row.recent < MIN_RECENT})
    newest_day_ = max((row.as_of for row in rows), default=None)
    return Service(
        source="webhook",
        configured=bool(rows),
        last_success_at=max((row.updated_at for row in rows), default=None),
        stale=bool(below),
        details={
            "last_row_as_of": _instant(newest_day_),
            "min_required_recent": MIN_RECENT,
            "markets_below_min": below,
        },
    )


def _of(column: sa.Column[int], tenant_id: int | None) -> sa.ColumnElement[bool]:
    return sa.true() if tenant_id is None else column == tenant_id


def _instant(day: date | None) -> str | None:
    """The beginning of a day, as an instant."""
    return None if day is None else f"{day.isoformat()}T00:00:00+00:00"
