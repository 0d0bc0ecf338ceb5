"""Buildings: the tenant's sites on their newest day, and alerts that are open."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import sqlalchemy as sa

from ingestion_pipeline.outlets.dashboards.asking import PAGE_ROWS, Ask, Shown, page
from ingestion_pipeline.outlets.dashboards.spans import address
from ingestion_pipeline.outlets.dashboards.tables import Column, Table
from ingestion_pipeline.outlets.dashboards.telling import unit_of

# Temperatures of a mart are °C or °F, as `building_hours.unit` says; pages tell °C. Of what calls
# itself a temperature there only Fahrenheit's names have an F (`outlets/marts/buildings.py`).
CELSIUS = "CASE WHEN lower(unit) LIKE '%f%' THEN (mean - 32) / 1.8 ELSE mean END"
# The share of a day's quarters that have a sample: an hour without any has no row.
COVERAGE = "LEAST(100, sum(coverage) * 100 / (:hours * count(DISTINCT point_name))) AS coverage"
MEAN_TEMPERATURE = f"""
    avg({CELSIUS}) FILTER (WHERE measure = 'temperature' AND abs(mean) < 1e150) AS temperature
"""
# Days are looked up where there is a row a site and day: samples are too many to ask for that.
SITES = sa.text("""
    SELECT site_name, GREATEST(
        (SELECT max(day) FROM collected_days WHERE collected_days.site_name = s.site_name),
        (SELECT max(day) FROM mapped_days WHERE mapped_days.site_name = s.site_name)
    ) AS day
    FROM tenant_sites AS s WHERE tenant_id = :tenant_id ORDER BY site_name
""")
_OF_DAY = sa.text(f"""
    SELECT count(DISTINCT room) AS rooms, count(DISTINCT point_name) AS points,
           max(maximum) FILTER (WHERE measure = 'co2') AS co2,
           sum(minutes_above) FILTER (WHERE measure = 'co2') AS stale_minutes,
           {MEAN_TEMPERATURE},
           sum(comfort_minutes) AS comfort, sum(occupied_minutes) FILTER (
               WHERE comfort_minutes IS NOT NULL) AS occupied,
           {COVERAGE}
    FROM building_hours WHERE site_name = :site AND hour >= :start AND hour < :end
""")  # noqa: S608  (a constant)
_ALERTS = sa.text("""
    SELECT site_name, point_name, severity, extreme, started_at, ended_at, samples, open_ended, (
        SELECT min(unit) FROM building_hours AS told
        WHERE told.site_name = a.site_name AND told.point_name = a.point_name
          AND told.hour = date_trunc('hour', a.started_at, 'UTC')) AS unit
    FROM building_alerts AS a
    WHERE (:site = '' OR site_name = :site) AND (open_ended OR started_at >= :since)
    ORDER BY open_ended DESC, started_at DESC, site_name, point_name LIMIT :limit OFFSET :offset
""")
_SITE_COLUMNS = (
    Column("site", "site", link="link"),
    Column("rooms", "rooms", "count"),
    Column("points", "points", "count"),
    Column("co2", "CO₂ max", "number", "ppm", level="co2_level"),
    Column("stale_minutes", "above limit", "count", "min", level="co2_level"),
    Column("temperature", "mean", "number", "°C"),
    Column("comfort", "in comfort", "percent"),
    Column("coverage", "coverage", "percent", level="coverage_level"),
    Column("alerts", "open alerts", "count", level="alert_level"),
    Column("day", "of", "day"),
)
ALERT_COLUMNS = (
    Column("site", "site"),
    Column("point", "point", link="link"),
    Column("severity", "severity", level="level"),
    Column("state", "state"),
    Column("extreme", "extreme", "number"),
    Column("unit", "unit"),
    Column("started_at", "since", "instant"),
    Column("minutes", "lasted", "count", "min"),
    Column("samples", "samples", "count"),
)
ALERT_DAYS = 7


@page("/buildings", nav="Buildings")
def buildings(ask: Ask) -> Shown:
    """A row a site."""
    tables = (sites(ask), alerts(ask))
    return Shown("buildings.html", "Buildings", tables, {"alert_days": ALERT_DAYS})


def sites(ask: Ask) -> Table:
    """The tenant's sites, each on its newest day."""
    open_alerts: dict[str, int] = {}
    for row in ask.rows(_OPEN):
        open_alerts[row.site_name] = row.open
    rows = [
        _site(row, of_day(ask, row.site_name, row.day), open_alerts.get(row.site_name, 0))
        for row in ask.rows(SITES, tenant_id=ask.tenant_id)
    ]
    return Table(
        "sites", "Sites on their newest day (UTC)", _SITE_COLUMNS, rows,
        empty="No site is yours. `ingestion-pipeline tenants sites add` makes one yours.",
    )  # fmt: skip


_OPEN = sa.text("""
    SELECT site_name, count(*) AS open FROM building_alerts WHERE open_ended GROUP BY 1
""")


def of_day(ask: Ask, site: str, day: date | None) -> Mapping[str, Any]:
    """The figures of a site's day; nothing where there is none."""
    if day is None:
        return {}
    row = ask.row(_OF_DAY, site=site, **day_of(day), hours=hours_of(ask, day))
    return {} if row is None else row._asdict()


def day_of(day: date) -> dict[str, datetime]:
    """From when to when a UTC day goes."""
    start = datetime.combine(day, time(), UTC)
    return {"start": start, "end": start + timedelta(days=1)}


def hours_of(ask: Ask, day: date) -> int:
    """How many hours of a UTC day have begun: of today not all."""
    begun = (ask.now - datetime.combine(day, time(), UTC)) // timedelta(hours=1) + 1
    return max(1, min(24, begun))


def alerts(ask: Ask, site: str = "") -> Table:
    """Open alerts, and those of the last days."""
    since = ask.now - timedelta(days=ALERT_DAYS)
    # A site's page turns the pages of its points.
    window = {"limit": PAGE_ROWS, "offset": 0} if site and not ask.exporting else ask.window
    found = ask.rows(_ALERTS, site=site, since=since, **window)
    table = Table(
        "alerts", f"Alerts that are open, or of the last {ALERT_DAYS} days", ALERT_COLUMNS,
        [_alert(row) for row in found], empty="Nothing is beyond its limits.",
    )  # fmt: skip
    return table.paged(ask.page, size=PAGE_ROWS, whole=ask.exporting)


def _site(row: sa.Row[Any], day: Mapping[str, Any], alerts: int) -> dict[str, Any]:
    coverage, occupied = day.get("coverage"), day.get("occupied")
    above = day.get("stale_minutes")
    return {
        **day, "site": row.site_name, "link": address("/buildings/site", site=row.site_name),
        "day": row.day, "alerts": alerts,
        "comfort": day["comfort"] / occupied * 100 if occupied else None,
        "co2_level": "" if above is None else "warn" if above > 0 else "good",
        "coverage_level": "" if coverage is None else "warn" if coverage < 95 else "good",
        "alert_level": "bad" if alerts else "",
    }  # fmt: skip


def _alert(row: sa.Row[Any]) -> dict[str, Any]:
    return {
        "site": row.site_name, "point": row.point_name, "severity": row.severity,
        "link": address("/buildings/point", site=row.site_name, point=row.point_name),
        "extreme": row.extreme, "unit": unit_of(row.unit), "samples": row.samples,
        "started_at": row.started_at,
        "minutes": (row.ended_at - row.started_at) / timedelta(minutes=1),
        "state": "open" if row.open_ended else "over", "level": "bad" if row.open_ended else "warn",
    }  # fmt: skip
