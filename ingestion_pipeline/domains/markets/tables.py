"""The tables of markets as SQLAlchemy sees them; made by migration 0009."""

from typing import Any

import sqlalchemy as sa

from ingestion_pipeline.foundation.storage.columns import now, timestamp
from ingestion_pipeline.foundation.storage.metadata import metadata
from ingestion_pipeline.foundation.storage.wording import CREATED_AT, TENANT, UPDATED_AT


def _market() -> list[sa.Column[Any]]:
    return [
        sa.Column("tenant_id", sa.Integer, primary_key=True, autoincrement=False, comment=TENANT),
        sa.Column(
            "market_slug",
            sa.Text,
            primary_key=True,
            comment="The market, by the short name that its events use",
        ),
    ]


def _number(name: str, *, comment: str, nullable: bool = True) -> sa.Column[Any]:
    return sa.Column(name, sa.Numeric, nullable=nullable, comment=comment)


def _origin() -> list[sa.Column[Any]]:
    return [
        sa.Column("source", sa.Text, nullable=False, comment="Who sent it: `source` of the event"),
        sa.Column(
            "ingestion_id",
            sa.Text,
            nullable=False,
            comment="The event that wrote it last (ingestion_events.ingestion_id)",
        ),
        timestamp(
            "sent_at",
            comment="When that event was sent, UTC; an event that was sent earlier changes nothing",
        ),
        sa.Column(
            "version",
            sa.Integer,
            nullable=False,
            server_default="1",
            comment="How often the row was written, from 1",
        ),
        now("updated_at", comment=UPDATED_AT),
    ]


fundamentals = sa.Table(
    "market_fundamentals",
    metadata,
    *_market(),
    sa.Column(
        "as_of_date",
        sa.Date,
        primary_key=True,
        comment="The day of which the figures are, as the sender wrote it",
    ),
    sa.Column("city", sa.Text, comment="City of the market; NULL: not told"),
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
    sa.Column(
        "comp_key",
        sa.Text,
        primary_key=True,
        comment="Identity of the comparable: of its id, else of its address and sale date",
    ),
    sa.Column("comp_id", sa.Text, comment="Id that the sender gave it; NULL: none"),
    sa.Column(
        "sale_date", sa.Date, nullable=False, comment="Day of the sale, as the sender wrote it"
    ),
    _number("building_sf", nullable=False, comment="Size of the building, square feet"),
    _number("price_per_sf_usd", nullable=False, comment="Price, US dollars a square foot"),
    _number("cap_rate_pct", comment="Capitalization rate, percent; NULL: not told"),
    _number("noi_annual", comment="Net operating income of a year; NULL: not told"),
    _number("year_built", comment="Year in which it was built; NULL: not told"),
    _number("occupancy_pct", comment="Occupied share, percent; NULL: not told"),
    sa.Column("address", sa.Text, comment="Address of the building; NULL: not told"),
    sa.Column("city", sa.Text, comment="City of the building; NULL: not told"),
    sa.Column("submarket", sa.Text, comment="Part of the market; NULL: not told"),
    sa.Column("building_class", sa.Text, comment="Class of the building; NULL: not told"),
    *_origin(),
    comment="Comparable sales of buildings: a row a tenant, market and comparable",
)

series = sa.Table(
    "macro_series",
    metadata,
    sa.Column("series_id", sa.Text, primary_key=True, comment="Id of the series at FRED"),
    timestamp(
        "fetched_at",
        nullable=True,
        comment="When it was last fetched with success, UTC; NULL: never",
    ),
    now("checked_at", comment="When it was last asked for, UTC"),
    sa.Column("error", sa.Text, comment="Newest failure since the last success; NULL: none"),
    comment="Series of FRED that are followed, and how asking for them went",
)

observations = sa.Table(
    "macro_observations",
    metadata,
    sa.Column(
        "series_id",
        sa.Text,
        primary_key=True,
        comment="Id of the series at FRED (macro_series.series_id)",
    ),
    sa.Column("date", sa.Date, primary_key=True, comment="Date of the observation"),
    sa.Column(
        "realtime_start",
        sa.Date,
        primary_key=True,
        comment="First day on which this was what was known of the date",
    ),
    sa.Column(
        "realtime_end",
        sa.Date,
        nullable=False,
        comment="Last day on which it was, inclusive; 9999-12-31: it still is",
    ),
    _number(
        "value", comment="The value, in the series' own unit; NULL: FRED says that it is missing"
    ),
    now("recorded_at", comment=CREATED_AT),
    comment="Observations of FRED with all their vintages: what was known of a date, and when",
)
