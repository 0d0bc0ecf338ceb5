"""The tables of markets as SQLAlchemy sees them; made by migration 0009."""

from typing import Any

import sqlalchemy as sa

from ingestion_pipeline.storage.database import metadata

_timestamp = sa.DateTime(timezone=True)


def _market() -> list[sa.Column[Any]]:
    return [
        sa.Column("tenant_id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("market_slug", sa.Text, primary_key=True),
    ]


def _number(name: str, *, nullable: bool = True) -> sa.Column[Any]:
    return sa.Column(name, sa.Numeric, nullable=nullable)


def _origin() -> list[sa.Column[Any]]:
    return [
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("ingestion_id", sa.Text, nullable=False),
        sa.Column("sent_at", _timestamp, nullable=False),
        sa.Column("version", sa.Integer, nullable=False, server_default="1"),
        sa.Column("updated_at", _timestamp, nullable=False, server_default=sa.func.now()),
    ]


fundamentals = sa.Table(
    "market_fundamentals",
    metadata,
    *_market(),
    sa.Column("as_of_date", sa.Date, primary_key=True),
    sa.Column("city", sa.Text),
    _number("vacancy_rate_pct", nullable=False),
    _number("avg_asking_rent_psf_yr_nnn", nullable=False),
    _number("yoy_rent_growth_pct", nullable=False),
    _number("avg_cap_rate_pct", nullable=False),
    _number("under_construction_sf"),
    _number("absorption_sf_ytd"),
    _number("inventory_sf"),
    *_origin(),
)

comps = sa.Table(
    "market_comps",
    metadata,
    *_market(),
    sa.Column("comp_key", sa.Text, primary_key=True),
    sa.Column("comp_id", sa.Text),
    sa.Column("sale_date", sa.Date, nullable=False),
    _number("building_sf", nullable=False),
    _number("price_per_sf_usd", nullable=False),
    _number("cap_rate_pct"),
    _number("noi_annual"),
    _number("year_built"),
    _number("occupancy_pct"),
    sa.Column("address", sa.Text),
    sa.Column("city", sa.Text),
    sa.Column("submarket", sa.Text),
    sa.Column("building_class", sa.Text),
    *_origin(),
)

series = sa.Table(
    "macro_series",
    metadata,
    sa.Column("series_id", sa.Text, primary_key=True),
    sa.Column("fetched_at", _timestamp),
    sa.Column("checked_at", _timestamp, nullable=False, server_default=sa.func.now()),
    sa.Column("error", sa.Text),
)

observations = sa.Table(
    "macro_observations",
    metadata,
    sa.Column("series_id", sa.Text, primary_key=True),
    sa.Column("date", sa.Date, primary_key=True),
    sa.Column("realtime_start", sa.Date, primary_key=True),
    sa.Column("realtime_end", sa.Date, nullable=False),
    _number("value"),
    sa.Column("recorded_at", _timestamp, nullable=False, server_default=sa.func.now()),
)
