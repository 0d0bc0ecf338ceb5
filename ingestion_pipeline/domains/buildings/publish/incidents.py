"""Stretches beyond a limit → incidents of `alerts`, each told once when it is known and once when
it is over, like every alert.

    a stretch without incident ──▶ a row of `alerts`, or the incident that it goes on with
    the next sample is in order ──▶ its row is closed         (it may be both in one moment)

A stretch remembers its incident in the transaction that makes it, so nothing is told twice, however
often a day is looked at, and nothing is forgotten. Over midnight one incident goes on. What a
backfill finds of long ago, and what comes in a crowd, is one incident of a rule at a site.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Any

import sqlalchemy as sa

from ingestion_pipeline.domains.buildings.publish.quality import IS_GOOD
from ingestion_pipeline.foundation.ledger.tables.operations import alerts
from ingestion_pipeline.foundation.storage import locks

_KIND = "building_limit"
_NEWS = timedelta(days=3)  # what ended earlier is history
_CROWD = 20
_MOST = 5000

# What follows a stretch: `next_value`, the first number of good quality after it.
_NEXT = f"""
    LEFT JOIN LATERAL (
        SELECT timestamp AS next_at, value AS next_value FROM timeseries_raw
        WHERE site_name = b.site_name AND point_name = b.point_name AND timestamp > b.ended_at
          AND value IS NOT NULL AND {IS_GOOD}
        ORDER BY timestamp LIMIT 1
    ) AS follows ON b.open_ended
"""  # noqa: S608
# A stretch that another one follows is not what an incident hangs on, but the other one.
_GOES_ON = """
    b.open_ended AND r.rule_id IS NOT NULL AND (
        next_at IS NULL
        OR coalesce(next_value < r.minimum, false) OR coalesce(next_value > r.maximum, false))
    AND NOT EXISTS (
        SELECT FROM building_alerts AS n
        WHERE n.site_name = b.site_name AND n.point_name = b.point_name AND n.rule_id = b.rule_id
          AND n.started_at = next_at AND n.incident IS NOT NULL)
"""
# What somebody is making anew is left to the next look.
_UNTOLD = sa.text("""
    SELECT site_name, point_name, rule_id, started_at, ended_at, samples, extreme, severity
    FROM building_alerts WHERE incident IS NULL
    ORDER BY site_name, rule_id, started_at, point_name LIMIT :most FOR UPDATE SKIP LOCKED
""")
_ADJOINING = sa.text(f"""
    SELECT incident FROM building_alerts AS b JOIN alerts ON alert_id = b.incident
    WHERE site_name = :site AND point_name = :point AND rule_id = :rule AND resolved_at IS NULL
      AND NOT EXISTS (
        SELECT FROM timeseries_raw AS t
        WHERE t.site_name = :site AND t.point_name = :point AND t.value IS NOT NULL AND {IS_GOOD}
          AND t.timestamp > least(b.ended_at, :ended)
          AND t.timestamp < greatest(b.started_at, :started))
    ORDER BY incident DESC LIMIT 1
""")  # noqa: S608
_ASSIGN = sa.text("""
    UPDATE building_alerts SET incident = :incident
    WHERE site_name = :site AND point_name = :point AND rule_id = :rule AND started_at = :started
""")
_OVER = sa.text(f"""
    UPDATE alerts SET resolved_at = now()
    WHERE resolved_at IS NULL AND name LIKE '{_KIND} %' AND NOT EXISTS (
        SELECT FROM building_alerts AS b
        LEFT JOIN building_alert_rules AS r ON r.rule_id = b.rule_id AND r.active {_NEXT}
        WHERE b.incident = alerts.alert_id AND {_GOES_ON})
    RETURNING name
""")  # noqa: S608
_LIMITS = sa.text("SELECT minimum, maximum FROM building_alert_rules WHERE rule_id = :rule")


@dataclass(frozen=True)
class Followed:
    """Incidents that are new, and those that are over."""

    begun: int = 0
    ended: int = 0


def follow(connection: sa.Connection, *, now: datetime | None = None) -> Followed:
    """Make incidents of what is untold, and close those that are over; in the caller's transaction.

    Telling is left to `ingestion_pipeline.foundation.watch.alerts.tell`.
    """
    locks.hold(connection, locks.FOLLOWING_LIMITS)
    untold = connection.execute(_UNTOLD, {"most": _MOST}).all()
    begun = 0
    for stretches in _incidents(untold, (now or datetime.now(UTC)) - _NEWS):
        if len(stretches) == 1 and (known := _adjoining(connection, stretches[0])) is not None:
            incident = known
        else:
            incident = _begin(connection, stretches)
            begun += 1
        for each in stretches:
            connection.execute(_ASSIGN, {**_key(each), "incident": incident})
    ended = connection.execute(_OVER).all()
    return Followed(begun, len(ended))


def _incidents(untold: Sequence[sa.Row[Any]], news: datetime) -> Iterator[list[sa.Row[Any]]]:
    """The stretches that are told together: each alone, but for history and crowds."""
    for _, group in groupby(untold, key=lambda each: (each.site_name, each.rule_id)):
        stretches = list(group)
        recent = [each for each in stretches if each.ended_at >= news]
        old = [each for each in stretches if each.ended_at < news]
        for some, most in ((old, 1), (recent, _CROWD)):
            if len(some) > most:
                yield some
            else:
                yield from ([each] for each in some)


def _adjoining(connection: sa.Connection, stretch: sa.Row[Any]) -> int | None:
    """The open incident that a stretch goes on with: no sample in order is between them."""
    values = {**_key(stretch), "ended": stretch.ended_at}
    found: int | None = connection.scalar(_ADJOINING, values)
    return found


def _begin(connection: sa.Connection, stretches: Sequence[sa.Row[Any]]) -> int:
    first = stretches[0]
    limits = connection.execute(_LIMITS, {"rule": first.rule_id}).one_or_none()
    worst = max(stretches, key=lambda each: _beyond(each.extreme, limits)[0])
    row = {
        "name": f"{_KIND} {first.rule_id} {first.site_name}/{first.point_name} "
        f"{first.started_at.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%fZ}",
        "message": _message(stretches, worst, limits),
        "value": worst.extreme,
        "threshold": _beyond(worst.extreme, limits)[1],
        "started_at": min(each.started_at for each in stretches),
    }
    made = sa.insert(alerts).values(row).returning(alerts.c.alert_id)
    return int(connection.execute(made).scalar_one())


def _message(
    stretches: Sequence[sa.Row[Any]], worst: sa.Row[Any], limits: sa.Row[Any] | None
) -> str:
    limit = _beyond(worst.extreme, limits)[1]
    known = "" if limit is None else f", the limit is {limit:g}"
    samples = sum(each.samples for each in stretches)
    start = min(each.started_at for each in stretches).astimezone(UTC)
    end = max(each.ended_at for each in stretches).astimezone(UTC)
    when = f"from {start:%Y-%m-%d %H:%M:%S} to {end:%Y-%m-%d %H:%M:%S} UTC, samples: {samples}"
    if len(stretches) == 1:
        what = f"{worst.point_name} is {worst.extreme:g}{known}"
    else:
        points = len({each.point_name for each in stretches})
        what = (
            f"{points} points were beyond their limit {len(stretches)} times; "
            f"farthest {worst.point_name}: {worst.extreme:g}{known}"
        )
    return f"{worst.severity}: {worst.site_name}: {what} ({when})"


def _beyond(extreme: float, limits: sa.Row[Any] | None) -> tuple[float, float | None]:
    """How far a value is beyond a limit, and which; a rule may have been deleted since."""
    if limits is not None and limits.maximum is not None and extreme > limits.maximum:
        return extreme - limits.maximum, limits.maximum
    if limits is not None and limits.minimum is not None and extreme < limits.minimum:
        return limits.minimum - extreme, limits.minimum
    return 0.0, None


def _key(stretch: sa.Row[Any]) -> dict[str, Any]:
    return {
        "site": stretch.site_name,
        "point": stretch.point_name,
        "rule": stretch.rule_id,
        "started": stretch.started_at,
    }
