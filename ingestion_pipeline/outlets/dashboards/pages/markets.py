"""Markets: macro series that everybody shares, and the tenant's own markets."""

from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from ingestion_pipeline.outlets.dashboards.asking import PAGE_ROWS, Ask, Shown, page
from ingestion_pipeline.outlets.dashboards.findings import link_of
from ingestion_pipeline.outlets.dashboards.tables import Column, Table
from ingestion_pipeline.outlets.dashboards.telling import share_of

_STALE = timedelta(days=30)
_OBSERVATIONS = 24  # of a sparkline
_MACRO = sa.text("""
    SELECT m.*, line.values FROM macro_latest AS m
    CROSS JOIN LATERAL (
        SELECT array_agg(value ORDER BY observed_on) AS values FROM (
            SELECT observed_on, value FROM macro_latest
            WHERE series_id = m.series_id ORDER BY observed_on DESC LIMIT :observations
        ) AS newest
    ) AS line
    WHERE m.newest ORDER BY m.series_id LIMIT :limit
""")
_MARKETS = sa.text("""
    SELECT DISTINCT ON (market_slug) market_slug, city, as_of_date, vacancy_rate_pct,
           avg_asking_rent_psf_yr_nnn, yoy_rent_growth_pct, avg_cap_rate_pct
    FROM market_fundamentals WHERE tenant_id = :tenant_id
    ORDER BY market_slug, as_of_date DESC LIMIT :limit
""")
_COMPS = sa.text("""
    SELECT market_slug, sale_date, address, building_class, building_sf, price_per_sf_usd,
           cap_rate_pct, occupancy_pct, source
    FROM market_comps WHERE tenant_id = :tenant_id
    ORDER BY sale_date DESC, market_slug, comp_key LIMIT :limit OFFSET :offset
""")
_MOST = 1_000
_OF_MACRO = (
    Column("series", "series", link="link"),
    Column("value", "value", "number"),
    Column("change", "change", "number"),
    Column("year_before", "year before", "number"),
    Column("on_year", "on the year", "change"),
    Column("first_print", "first print", "number"),
    Column("revision", "revised by", "number"),
    Column("values", f"{_OBSERVATIONS} values", "spark", shown_only=True),
    Column("of", "of", "day"),
)
BRIEF_MACRO = ("series", "value", "year_before", "values", "of")
_OF_MARKETS = (
    Column("market", "market"),
    Column("city", "city"),
    Column("vacancy", "vacancy", "percent"),
    Column("rent", "asking rent", "money", "$/sf"),
    Column("growth", "rent growth", "percent"),
    Column("cap_rate", "cap rate", "percent"),
    Column("as_of", "as of", "day", level="level"),
)
BRIEF_MARKETS = ("market", "vacancy", "growth", "cap_rate", "as_of")
_OF_COMPS = (
    Column("market_slug", "market"),
    Column("sale_date", "sold", "day"),
    Column("address", "address"),
    Column("building_class", "class"),
    Column("building_sf", "size", "count", "sf"),
    Column("price_per_sf_usd", "price", "money", "$/sf"),
    Column("cap_rate_pct", "cap rate", "percent"),
    Column("occupancy_pct", "occupied", "percent"),
    Column("source", "source"),
)


@page("/markets", nav="Markets")
def markets(ask: Ask) -> Shown:
    """Macro series, markets, sales to compare with."""
    found = ask.rows(_COMPS, tenant_id=ask.tenant_id, **ask.window)
    comps = Table(
        "comps", "Comparable sales, newest first", _OF_COMPS, [row._asdict() for row in found],
        empty="No comparable sale yet.",
    )  # fmt: skip
    tables = (macro(ask), fundamentals(ask), comps.paged(
        ask.page, size=PAGE_ROWS, whole=ask.exporting))  # fmt: skip
    return Shown("markets.html", "Markets", tables)


def macro(ask: Ask) -> Table:
    """The newest value of each macro series."""
    rows = [_macro(row) for row in ask.rows(_MACRO, observations=_OBSERVATIONS, limit=_MOST)]
    return Table("macro", "Macro series: what is known now", _OF_MACRO, rows,
                 empty="No macro series is worked out yet.")  # fmt: skip


def fundamentals(ask: Ask) -> Table:
    """The newest figures of each market."""
    stale = (ask.now - _STALE).date()
    rows = [
        {
            "market": row.market_slug, "city": row.city, "vacancy": row.vacancy_rate_pct,
            "rent": row.avg_asking_rent_psf_yr_nnn, "growth": row.yoy_rent_growth_pct,
            "cap_rate": row.avg_cap_rate_pct, "as_of": row.as_of_date,
            "level": "warn" if row.as_of_date < stale else "",
        }
        for row in ask.rows(_MARKETS, tenant_id=ask.tenant_id, limit=_MOST)
    ]  # fmt: skip
    return Table("markets", "Markets: newest fundamentals", _OF_MARKETS, rows,
                 empty="No market yet. Events of your workflows bring the first.")  # fmt: skip


def _macro(row: sa.Row[Any]) -> dict[str, Any]:
    return {
        "series": row.series_id, "link": link_of("markets", row.series_id), "value": row.value,
        "change": row.change, "year_before": row.year_before,
        "on_year": share_of(row.value, row.year_before), "first_print": row.first_print,
        "revision": row.revision, "of": row.observed_on,
        "values": [None if value is None else float(value) for value in row.values],
    }  # fmt: skip
