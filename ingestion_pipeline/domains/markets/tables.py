"""The tables of markets as SQLAlchemy sees them; made by migration 0009."""

from typing import Any

import sqlalchemy as sa

from ingestion_pipeline.foundation.storage.columns import date, integer, now, text, timestamp
from ingestion_pipeline.foundation.storage.metadata import metadata
from ingestion_pipeline.foundation.storage.wording import CREATED_AT, TENANT, UPDATED_AT


def _market() -> list[sa.Column[Any]]:
    return [
        integer("tenant_id", primary_key=True, comment=TENANT),
        text(
            "market_slug",
            primary_key=True,
            comment="The market, by the short name that its events use",
        ),
    ]


def _number(name: str, *, comment: str, nullable: bool = True) -> sa.Column[Any]:
    return sa.Column(name, sa.Numeric, nullable=nullable, comment=comment)


def _origin() -> list[sa.Column[Any]]:
    return [
        text("source", comment="Who sent it: `source` of the event"),
        text(
            "ingestion_id", comment="The event that wrote it last (ingestion_events.ingestion_id)"
        ),
        timestamp(
            "sent_at",
            comment="When that event was sent, UTC; an event that was sent earlier changes nothing",
        ),
        integer("version", default="1", comment="How often the row was written, from 1"),
        now("updated_at", comment=UPDATED_AT),
    ]


fundamentals = sa.Table(
    "market_fundamentals",
    metadata,
    *_market(),
    date(
        "as_of_date",
        primary_key=True,
        comment="The day of which the figures are, as the sender wrote it",
    ),
    text("city", nullable=True, comment="City of the market; NULL: not told"),
    _number("vacancy_rate_pct", nullable=False, comment="Vacant share of the space, percent"),
    _number(
        "avg_asking_rent_psf_yr_nnn",
        nullable=False,
        comment="Average asking rent, US dollars a square foot and year, triple net",
    ),
    _number(
        "yoy_rent_growth_pct",
        nullable=False,
        comment="Growth of the rent against the year before, percent",
    ),
    _number("avg_cap_rate_pct", nullable=False, comment="Average capitalization rate, percent"),
    _number(
        "under_construction_sf", comment="Space under construction, square feet; NULL: not told"
    ),
    _number(
        "absorption_sf_ytd",
        comment="Net absorption of the year to date, square feet; NULL: not told",
    ),
    _number("inventory_sf", comment="All space of the market, square feet; NULL: not told"),
    *_origin(),
    comment="Fundamentals of real estate markets: a row a tenant, market and day",
)

comps = sa.Table(
    "market_comps",
    metadata,
    *_market(),
    text(
        "comp_key",
        primary_key=True,
        comment="Identity of the comparable: of its id, else of its address and sale date",
    ),
    text("comp_id", nullable=True, comment="Id that the sender gave it; NULL: none"),
    date("sale_date", comment="Day of the sale, as the sender wrote it"),
    _number("building_sf", nullable=False, comment="Size of the building, square feet"),
    _number("price_per_sf_usd", nullable=False, comment="Price, US dollars a square foot"),
    _number("cap_rate_pct", comment="Capitalization rate, percent; NULL: not told"),
    _number("noi_annual", comment="Net operating income of a year; NULL: not told"),
    _number("year_built", comment="Year in which it was built; NULL: not told"),
    _number("occupancy_pct", comment="Occupied share, percent; NULL: not told"),
    text("address", nullable=True, comment="Address of the building; NULL: not told"),
    text("city", nullable=True, comment="City of the building; NULL: not told"),
    text("submarket", nullable=True, comment="Part of the market; NULL: not told"),
    text("building_class", nullable=True, comment="Class of the building; NULL: not told"),
    *_origin(),
    comment="Comparable sales of buildings: a row a tenant, market and comparable",
)

series = sa.Table(
    "macro_series",
    metadata,
    text("series_id", primary_key=True, comment="Id of the series at FRED"),
    timestamp(
        "fetched_at",
        nullable=True,
        comment="When it was last fetched with success, UTC; NULL: never",
    ),
    now("checked_at", comment="When it was last asked for, UTC"),
    text("error", nullable=True, comment="Newest failure since the last success; NULL: none"),
    comment="Series of FRED that are followed, and how asking for them went",
)

observations = sa.Table(
    "macro_observations",
    metadata,
    text(
        "series_id", primary_key=True, comment="Id of the series at FRED (macro_series.series_id)"
    ),
    date("date", primary_key=True, comment="Date of the observation"),
    date(
        "realtime_start",
        primary_key=True,
        comment="First day on which this was what was known of the date",
    ),
    date("realtime_end", comment="Last day on which it was, inclusive; 9999-12-31: it still is"),
    _number(
        "value", comment="The value, in the series' own unit; NULL: FRED says that it is missing"
    ),
    now("recorded_at", comment=CREATED_AT),
    comment="Observations of FRED with all their vintages: what was known of a date, and when",
)
