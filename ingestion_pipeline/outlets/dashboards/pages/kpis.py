"""All KPIs of a tenant: now, what is usual, how it went, how old it is."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from ingestion_pipeline.outlets.dashboards.asking import PAGE_ROWS, Ask, Shown, page
from ingestion_pipeline.outlets.dashboards.findings import link_of, open_findings
from ingestion_pipeline.outlets.dashboards.tables import Column, Table

HOURS = 72  # of a sparkline
# Those that have something to look at come first. `kpi_series` has a row a KPI.
_SERIES = sa.text("""
    SELECT found.kpi_id, at.observed_at, at.value, at.quality, usual.usual_low, usual.usual_middle,
           usual.usual_high
    FROM (
        SELECT kpi_id FROM kpi_series
        WHERE tenant_id = :tenant_id AND position(lower(:like) IN lower(kpi_id)) > 0
        ORDER BY kpi_id = ANY (:open) DESC, kpi_id LIMIT :limit OFFSET :offset
    ) AS found
    LEFT JOIN LATERAL (
        SELECT observed_at, value, quality FROM kpi_points
        WHERE tenant_id = :tenant_id AND kpi_points.kpi_id = found.kpi_id
        ORDER BY observed_at DESC LIMIT 1
    ) AS at ON true
    LEFT JOIN LATERAL (
        SELECT usual_low, usual_middle, usual_high FROM watched_subjects
        WHERE tenant_id = :tenant_id AND domain = 'kpis' AND subject = found.kpi_id
    ) AS usual ON true
    ORDER BY found.kpi_id = ANY (:open) DESC, found.kpi_id
""")
_HOURS = sa.text("""
    SELECT kpi_id, hour, mean FROM kpi_hourly
    WHERE tenant_id = :tenant_id AND kpi_id = ANY (:kpi_ids) AND hour > :since AND hour <= :now
""")
_COUNT = sa.text("SELECT count(*) FROM kpi_series WHERE tenant_id = :tenant_id")
COLUMNS = (
    Column("kpi", "KPI", link="link"),
    Column("now", "now", "number", level="level", live="kpi"),
    Column("usual", "usual", "number"),
    Column("usual_low", "from", "number"),
    Column("usual_high", "to", "number"),
    Column("hours", f"{HOURS} hours", "spark", shown_only=True),
    Column("quality", "quality"),
    Column("open", "to look at", "count"),
    Column("at", "age", "age"),
)


@page("/kpis", nav="KPIs")
def kpis(ask: Ask) -> Shown:
    """A row a KPI."""
    like = ask.text("q").strip()
    rows = series_rows(ask, like=like, **ask.window)
    table = Table(
        "kpis", "KPIs: now, what is usual now, age", COLUMNS, rows,
        empty=f"No KPI has {like!r} in its name." if like else
        "No reading yet. A POST to /api/kpi-data brings the first: docs/README, “KPIs”.",
    )  # fmt: skip
    total = ask.rows(_COUNT, tenant_id=ask.tenant_id)[0][0]
    return Shown(
        "kpis.html", "KPIs", (table.paged(ask.page, size=PAGE_ROWS, whole=ask.exporting),),
        {"total": total},
    )  # fmt: skip


def series_rows(ask: Ask, *, like: str = "", limit: int, offset: int = 0) -> list[dict[str, Any]]:
    """KPIs as rows of a table."""
    open_by_kpi = open_findings(ask, "kpis")
    found = ask.rows(
        _SERIES, tenant_id=ask.tenant_id, like=like, open=list(open_by_kpi), limit=limit,
        offset=offset,
    )  # fmt: skip
    lines = _lines(ask, [row.kpi_id for row in found[:PAGE_ROWS]])
    return [
        {
            "kpi": row.kpi_id, "now": row.value,
            "link": None if row.observed_at is None else link_of("kpis", row.kpi_id),
            "usual": row.usual_middle, "usual_low": row.usual_low, "usual_high": row.usual_high,
            "hours": lines.get(row.kpi_id, ()), "quality": row.quality,
            "open": open_by_kpi[row.kpi_id],
            "at": row.observed_at, "level": "bad" if open_by_kpi[row.kpi_id] else "",
        }
        for row in found
    ]  # fmt: skip


def _lines(ask: Ask, kpi_ids: Sequence[str]) -> dict[str, list[float | None]]:
    """The means of the last hours by KPI; None where an hour has none."""
    last = ask.now.replace(minute=0, second=0, microsecond=0)
    since = last - timedelta(hours=HOURS)
    values = {"kpi_ids": list(kpi_ids), "since": since, "now": last}
    by_kpi: dict[str, dict[datetime, float]] = defaultdict(dict)
    for row in ask.rows(_HOURS, tenant_id=ask.tenant_id, **values):
        by_kpi[row.kpi_id][row.hour] = row.mean
    hours = [last - timedelta(hours=ago) for ago in range(HOURS - 1, -1, -1)]
    return {kpi: [means.get(hour) for hour in hours] for kpi, means in by_kpi.items()}
