"""Days of a tenant's own zone as spans of time: a day is 23, 24 or 25 hours long."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from typing import Self
from zoneinfo import ZoneInfo, available_timezones

import sqlalchemy as sa


@dataclass(frozen=True)
class Days:
    """Some days, the last included.

    >>> Days(date(2026, 3, 29), date(2026, 3, 29), "Europe/Oslo").length
    datetime.timedelta(seconds=82800)
    """

    first: date
    last: date
    zone: str

    @classmethod
    def until(cls, now: datetime, number: int, zone: str) -> Self:
        """So many days, the last of them the one in which `now` is."""
        today = now.astimezone(ZoneInfo(zone)).date()
        return cls(today - timedelta(days=number - 1), today, zone)

    @property
    def start(self) -> datetime:
        """The first instant, UTC."""
        return _midnight(self.first, self.zone)

    @property
    def end(self) -> datetime:
        """The instant after the last one, UTC."""
        return _midnight(self.last + timedelta(days=1), self.zone)

    @property
    def length(self) -> timedelta:
        """From the start to the end."""
        return self.end - self.start


def zone_of(connection: sa.Connection, tenant_id: int) -> str:
    """The zone of a tenant's days; UTC where it is none that this machine knows."""
    found = connection.scalar(_ZONE, {"tenant_id": tenant_id})
    return found if found in _known() else "UTC"


# As of a schema that is still to be upgraded, too.
_ZONE = sa.text(
    "SELECT to_jsonb(tenants) ->> 'time_zone' FROM tenants WHERE tenant_id = :tenant_id"
)


@cache
def _known() -> frozenset[str]:
    return frozenset(available_timezones())


def _midnight(day: date, zone: str) -> datetime:
    return datetime.combine(day, time(), ZoneInfo(zone)).astimezone(UTC)
