"""Samples beyond the limits of a rule → `building_alerts`, one row a stretch of them.

Rules are those of alert_rules.py; samples whose quality is not good have no say. A stretch that
goes over midnight is one of each day. Who hears of them is in incidents.py.
"""

import time
from collections.abc import Sequence
from datetime import date
from typing import Any

import sqlalchemy as sa

from ingestion_pipeline.domains.buildings.publish.aggregates import lock_day, values_of_day
from ingestion_pipeline.domains.buildings.publish.by_file import publish_mapped_days
from ingestion_pipeline.domains.buildings.publish.incidents import Followed, follow
from ingestion_pipeline.domains.buildings.publish.quality import IS_GOOD
from ingestion_pipeline.domains.buildings.tables import alert_rules, alerts, collected_days

_DAYS_A_LOOK = 100
_SECONDS = 10.0

_INSERT = sa.text(rf"""
    WITH rules AS (
        SELECT rule_id, severity, minimum, maximum,
               replace(replace(replace(replace(
                   point_name, '\', '\\'), '%', '\%'), '_', '\_'), '*', '%') AS points
        FROM building_alert_rules WHERE active AND site_name IN (:site, '*')
    ), samples AS (
        SELECT rule_id, severity, minimum, maximum, point_name, timestamp, value,
               coalesce(value < minimum, false) OR coalesce(value > maximum, false) AS beyond
        FROM timeseries_raw JOIN rules ON point_name LIKE points
        WHERE site_name = :site AND timestamp >= :start AND timestamp < :end
          AND value IS NOT NULL AND {IS_GOOD}
    ), stretches AS (
        SELECT *,
               lead(timestamp) OVER (PARTITION BY rule_id, point_name ORDER BY timestamp) IS NULL
               AS is_last,
               row_number() OVER (PARTITION BY rule_id, point_name ORDER BY timestamp)
             - row_number() OVER (PARTITION BY rule_id, point_name, beyond ORDER BY timestamp)
               AS stretch
        FROM samples
    )
    INSERT INTO building_alerts
           (site_name, point_name, rule_id, started_at, ended_at, samples, extreme, severity,
            open_ended)
    SELECT :site, point_name, rule_id, min(timestamp), max(timestamp), count(*),
           CASE WHEN max(value) > max(maximum) THEN max(value) ELSE min(value) END, max(severity),
           bool_or(is_last)
    FROM stretches WHERE beyond GROUP BY rule_id, point_name, stretch
""")  # noqa: S608
# The same stretch, though samples that came late have made it longer, or cut it.
_STILL_TOLD = sa.text("""
    UPDATE building_alerts AS new SET incident = old.incident
    FROM unnest(CAST(:points AS text[]), CAST(:rules AS bigint[]), CAST(:starts AS timestamptz[]),
                CAST(:ends AS timestamptz[]), CAST(:incidents AS bigint[]))
         AS old (point_name, rule_id, started_at, ended_at, incident)
    WHERE new.site_name = :site AND new.started_at >= :start AND new.started_at < :end
      AND new.point_name = old.point_name AND new.rule_id = old.rule_id
      AND new.started_at <= old.ended_at AND new.ended_at >= old.started_at
""")


def publish_alerts(engine: sa.Engine, site: str, day: date) -> int:
    """Replace the alerts of a day; returns how many there are."""
    values = values_of_day(site, day)
    c, d = alerts.c, collected_days.c
    of_day = (
        c.site_name == site, c.started_at >= values["start"], c.started_at < values["end"],
    )  # fmt: skip
    with engine.begin() as connection:
        lock_day(connection, "alerts", site, day)
        told = connection.execute(
            sa.select(c.point_name, c.rule_id, c.started_at, c.ended_at, c.incident).where(
                *of_day, c.incident.is_not(None)
            )
        ).all()
        connection.execute(sa.delete(alerts).where(*of_day))
        r = alert_rules.c
        watched = sa.exists().where(r.active, r.site_name.in_([site, "*"]))
        found = 0
        if connection.scalar(sa.select(watched)):
            found = connection.execute(_INSERT, values).rowcount
        if told:
            connection.execute(_STILL_TOLD, values | _columns(told))
        connection.execute(
            sa.update(collected_days)
            .where(d.site_name == site, d.day == day)
            .values(watched_at=sa.func.now())
        )
    return found


def watch(engine: sa.Engine, *, seconds: float = _SECONDS) -> Followed:
    """Compare days that were collected since, by whomever, and make incidents of what is found;
    of days whose samples came in files, whatever is still due.

    Args:
        seconds: after so long, the other days are left to the next look.
    """
    started = time.monotonic()
    publish_mapped_days(engine, publish_alerts, seconds=seconds)
    with engine.connect() as connection:
        days = unwatched_days(connection, _DAYS_A_LOOK)
    for site, day in days:
        if time.monotonic() - started > seconds:
            break
        publish_alerts(engine, site, day)
    with engine.begin() as connection:
        return follow(connection)


def unwatched_days(connection: sa.Connection, most: int) -> list[tuple[str, date]]:
    """Days that were collected since their samples were last compared with the rules."""
    c = collected_days.c
    query = (
        sa.select(c.site_name, c.day)
        .where(sa.or_(c.watched_at.is_(None), c.watched_at < c.collected_at))
        .order_by(c.day.desc(), c.site_name)
        .limit(most)
    )
    return [(row.site_name, row.day) for row in connection.execute(query)]


def _columns(told: Sequence[sa.Row[Any]]) -> dict[str, list[Any]]:
    names = ("points", "rules", "starts", "ends", "incidents")
    columns: list[list[Any]] = [list(column) for column in zip(*told, strict=True)]
    return dict(zip(names, columns, strict=True))
