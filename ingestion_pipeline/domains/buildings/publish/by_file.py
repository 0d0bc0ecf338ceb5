"""What follows of days whose samples came in files: hours, days, alerts.

Which days these are, the transaction notes that has changed their samples (`mapped_days`). Who is
killed leaves them due, and whoever looks next goes on: the next file, or the sensor of alerts.
"""

import time
from collections.abc import Callable
from datetime import date, datetime

import sqlalchemy as sa

from ingestion_pipeline.domains.buildings.publish.aggregates import publish_day, publish_hours
from ingestion_pipeline.domains.buildings.tables import mapped_days

_AT_ONCE = 100


def publish_mapped_days(
    engine: sa.Engine,
    alerts: Callable[[sa.Engine, str, date], int],
    *,
    seconds: float | None = None,
) -> int:
    """Make hours, days and alerts of the days that are due, the longest due first; how many.

    Args:
        engine: of a migrated database.
        alerts: makes those of a site's day (`alerts.publish_alerts`, which stands above).
        seconds: after so long the others are left to whoever looks next; None: all of them.
    """
    started, done = time.monotonic(), 0
    while days := _due(engine):
        for site, day, changed_at in days:
            if seconds is not None and time.monotonic() - started > seconds:
                return done
            publish_hours(engine, site, day)
            publish_day(engine, site, day)
            alerts(engine, site, day)
            _note(engine, site, day, changed_at)
            done += 1
    return done


def _due(engine: sa.Engine) -> list[tuple[str, date, datetime]]:
    c = mapped_days.c
    query = (
        sa.select(c.site_name, c.day, c.changed_at)
        .where(c.summed_at.is_(None))
        .order_by(c.changed_at, c.site_name, c.day)
        .limit(_AT_ONCE)
    )
    with engine.connect() as connection:
        return [(row.site_name, row.day, row.changed_at) for row in connection.execute(query)]


def _note(engine: sa.Engine, site: str, day: date, changed_at: datetime) -> None:
    """Note that a day is done, unless a file has changed it meanwhile."""
    c = mapped_days.c
    with engine.begin() as connection:
        connection.execute(
            sa.update(mapped_days)
            .where(c.site_name == site, c.day == day, c.changed_at == changed_at)
            .values(summed_at=sa.func.now())
        )
