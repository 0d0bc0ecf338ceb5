"""All KPIs of a tenant: now, what is usual, how it went, how old it is."""

import sqlalchemy as sa

from ingestion_pipeline.outlets.dashboards.asking import PAGE_ROWS, Ask, Shown, page
from ingestion_pipeline.outlets.dashboards.tables import Column, Table

_SERIES = sa.text("""
    SELECT kpi_id FROM kpi_series
    WHERE tenant_id = :tenant_id AND position(lower(:like) IN lower(kpi_id)) > 0
    ORDER BY kpi_id LIMIT :limit OFFSET :offset
""")


@page("/kpis", nav="KPIs")
def kpis(ask: Ask) -> Shown:
    """A row a KPI."""
    rows = ask.rows(_SERIES, tenant_id=ask.tenant_id, like=ask.text("q"), **ask.window)
    table = Table(
        "kpis", "KPIs by name", (Column("kpi", "KPI"),), [{"kpi": row.kpi_id} for row in rows]
    )
    return Shown("kpis.html", "KPIs", (table.paged(ask.page, size=PAGE_ROWS),))
