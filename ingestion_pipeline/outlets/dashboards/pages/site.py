"""One site: hour by day as a heat map, its rooms, its points, alerts, and what is missing."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, timedelta
from itertools import takewhile

import sqlalchemy as sa

from ingestion_pipeline.outlets.dashboards.asking import PAGE_ROWS, Ask, NotThereError, Shown, page
from ingestion_pipeline.outlets.dashboards.findings import point_link
from ingestion_pipeline.outlets.dashboards.pages.buildings import (
    CELSIUS,
    COVERAGE,
    MEAN_TEMPERATURE,
    SITES,
    alerts,
    day_of,
    hours_of,
)
from ingestion_pipeline.outlets.dashboards.spans import address
from ingestion_pipeline.outlets.dashboards.tables import Column, Table
from ingestion_pipeline.outlets.dashboards.telling import day as told_day
from ingestion_pipeline.outlets.dashboards.telling import unit_of

_DAYS = 14  # of the heat map
_MEASURES = {"co2": ("CO₂ max", "ppm"), "temperature": ("°C mean", "°C")}
_LEVELS = 9
_HEAT = sa.text(f"""
    SELECT (hour AT TIME ZONE :zone)::date AS day,
           CAST(extract(hour FROM hour AT TIME ZONE :zone) AS integer) AS clock,
           max(maximum) AS most, avg({CELSIUS}) FILTER (WHERE abs(mean) < 1e150) AS mean
    FROM building_hours
    WHERE site_name = :site AND measure = :measure AND (:room = '' OR room = :room)
      AND hour >= :start AND hour < :end AND mean IS NOT NULL
    GROUP BY 1, 2
""")  # noqa: S608  (a constant)
_ROOMS = sa.text(f"""
    SELECT room, max(maximum) FILTER (WHERE measure = 'co2') AS co2,
           sum(minutes_above) FILTER (WHERE measure = 'co2') AS above,
           {MEAN_TEMPERATURE},
           sum(comfort_minutes) AS comfort,
           sum(occupied_minutes) FILTER (WHERE comfort_minutes IS NOT NULL) AS occupied,
           {COVERAGE}, count(DISTINCT point_name) AS points
    FROM building_hours WHERE site_name = :site AND hour >= :start AND hour < :end
    GROUP BY room ORDER BY co2 DESC NULLS LAST, room LIMIT 500
""")  # noqa: S608  (a constant)
_LINES = sa.text("""
    SELECT room, hour, max(maximum) AS most FROM building_hours
    WHERE site_name = :site AND measure = 'co2' AND hour >= :start AND hour < :end
    GROUP BY 1, 2
""")
_POINTS = sa.text(f"""
    SELECT point_name, unit, min(minimum) AS least, max(maximum) AS most,
           avg(mean) FILTER (WHERE abs(mean) < 1e150) AS mean, {COVERAGE},
           sum(samples) AS samples
    FROM building_hours
    WHERE site_name = :site AND hour >= :start AND hour < :end
      AND position(lower(:like) IN lower(point_name)) > 0
    GROUP BY 1, 2 ORDER BY 1, 2 LIMIT :limit OFFSET :offset
""")  # noqa: S608  (a constant)
_GAPS = sa.text("""
    SELECT point_name, reason, count(*) AS gaps, EXISTS (
               SELECT FROM timeseries_hourly AS told
               WHERE told.site_name = :site AND told.point_name = gap.point_name) AS has_page,
           sum(extract(epoch FROM gap_end - gap_start)) / 3600 AS hours, max(day) AS day
    FROM timeseries_gaps AS gap WHERE site_name = :site AND day > :since
    GROUP BY 1, 2 ORDER BY hours DESC, 1 LIMIT 200
""")
_OF_ROOMS = (
    Column("room", "room", link="link"),
    Column("co2", "CO₂ max", "number", "ppm", level="co2_level"),
    Column("above", "above limit", "count", "min", level="co2_level"),
    Column("temperature", "mean", "number", "°C"),
    Column("comfort", "in comfort", "percent"),
    Column("coverage", "coverage", "percent"),
    Column("points", "points", "count"),
    Column("hours", "CO₂ of the day", "spark", shown_only=True),
)
_OF_POINTS = (
    Column("point", "point", link="link"),
    Column("unit", "unit"),
    Column("least", "least", "number"),
    Column("mean", "mean", "number"),
    Column("most", "most", "number"),
    Column("samples", "samples", "count"),
    Column("coverage", "coverage", "percent"),
)
_OF_GAPS = (
    Column("point", "point", link="link"),
    Column("reason", "why"),
    Column("gaps", "gaps", "count"),
    Column("hours", "hours missing", "number"),
    Column("day", "newest", "day"),
)
_OF_HEAT = (
    Column("day", "day", "day"), *(Column(f"h{hour}", f"{hour}", "number") for hour in range(24)),
)  # fmt: skip


@page("/buildings/site")
def site(ask: Ask) -> Shown:
    """A site by its name: `?site=`, and `&room=`, `&measure=` for the heat map."""
    name, room = ask.text("site"), ask.text("room")
    days = {row.site_name: row.day for row in ask.rows(SITES, tenant_id=ask.tenant_id)}
    if name not in days:
        raise NotThereError
    newest = days[name] or ask.now.date()
    measure = ask.text("measure")
    measure = measure if measure in _MEASURES else "co2"
    heat = _heat(ask, name, newest, measure=measure, room=room)
    tables = (heat, rooms(ask, name, newest), _points(ask, name, newest), alerts(ask, name),
              _gaps(ask, name, newest))  # fmt: skip
    return Shown("site.html", name, tables, {
        "site": name, "day": newest, "room": room, "measure": measure,
        "measures": {key: says for key, (says, _) in _MEASURES.items()},
        "unit": _MEASURES[measure][1],
    })  # fmt: skip


def rooms(ask: Ask, name: str, day: date) -> Table:
    """The rooms of a site on a day, the stalest air first."""
    lines: dict[str, list[float | None]] = defaultdict(lambda: [None] * 24)
    for row in ask.rows(_LINES, site=name, **day_of(day)):
        lines[row.room][row.hour.hour] = row.most
    found = ask.rows(_ROOMS, site=name, **day_of(day), hours=hours_of(ask, day))
    shared = "" if ask.exporting else shared_by([row.room for row in found if row.room])
    rows = [
        {
            **row._asdict(), "room": row.room.removeprefix(shared) or "no room",
            "link": address("/buildings/site", site=name, room=row.room) if row.room else None,
            "hours": lines.get(row.room, ()),
            "comfort": row.comfort / row.occupied * 100 if row.occupied else None,
            "co2_level": "" if row.above is None else "warn" if row.above > 0 else "good",
        }
        for row in found
    ]  # fmt: skip
    return Table("rooms", f"Rooms of {name} on {told_day(day)} (UTC)", _OF_ROOMS, rows,
                 empty="No hour of this day is worked out yet.")  # fmt: skip


def shared_by(rooms: Sequence[str]) -> str:
    """What all rooms' names begin with, which tells none from another.

    >>> shared_by(["a/site-1/room-1", "a/site-1/room-2"]), shared_by(["a/b", "c"]), shared_by([])
    ('a/site-1/', '', '')
    """
    if not rooms:
        return ""
    above = [room.split("/")[:-1] for room in rooms]
    parts = takewhile(lambda level: len(set(level)) == 1, zip(*above, strict=False))
    return "".join(f"{level[0]}/" for level in parts)


def _heat(ask: Ask, name: str, newest: date, *, measure: str, room: str) -> Table:
    """A row a day, a column an hour of the tenant's clock; `levels` says how hot each cell is."""
    end = day_of(newest)["end"]
    found = ask.rows(_HEAT, site=name, measure=measure, room=room, zone=ask.zone.key,
                     start=end - timedelta(days=_DAYS), end=end)  # fmt: skip
    values: dict[date, dict[str, float]] = defaultdict(dict)
    for row in found:
        values[row.day][f"h{row.clock}"] = row.most if measure == "co2" else row.mean
    every = [value for cells in values.values() for value in cells.values() if value is not None]
    low, high = (min(every), max(every)) if every else (0.0, 0.0)
    reach = high / 2 - low / 2
    rows = [
        {
            "day": day, **cells,
            "levels": {
                key: round((value / 2 - low / 2) / reach * _LEVELS) if reach else 0
                for key, value in cells.items()
                if value is not None
            },
        }
        for day, cells in sorted(values.items(), reverse=True)
    ]  # fmt: skip
    says, _ = _MEASURES[measure]
    return Table(
        "heat", f"{says} of {room or name} by day and hour ({ask.zone.key})", _OF_HEAT, rows,
        empty=f"Nothing here measures {'CO₂' if measure == 'co2' else 'temperature'}.",
    )  # fmt: skip


def _points(ask: Ask, name: str, day: date) -> Table:
    like = ask.text("q").strip()
    rows = [
        {**row._asdict(), "point": row.point_name, "unit": unit_of(row.unit),
         "link": address("/buildings/point", site=name, point=row.point_name)}
        for row in ask.rows(_POINTS, site=name, like=like, **day_of(day), **ask.window,
                            hours=hours_of(ask, day))
    ]  # fmt: skip
    table = Table("points", f"Points of {name} on {told_day(day)} (UTC)", _OF_POINTS, rows,
                  empty=f"No point has {like!r} in its name." if like else
                  "No point has a sample on this day.")  # fmt: skip
    return table.paged(ask.page, size=PAGE_ROWS, whole=ask.exporting)


def _gaps(ask: Ask, name: str, newest: date) -> Table:
    rows = [
        {
            **row._asdict(),
            "point": "every point" if row.point_name == "*" else row.point_name,
            "link": point_link(name if row.has_page else None, row.point_name),
        }
        for row in ask.rows(_GAPS, site=name, since=newest - timedelta(days=_DAYS))
    ]
    return Table("gaps", f"Hours without samples in {_DAYS} days", _OF_GAPS, rows,
                 empty="No hour is missing.")  # fmt: skip
