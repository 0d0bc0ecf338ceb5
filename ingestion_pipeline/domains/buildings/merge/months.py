"""The monthly partitions of `timeseries_raw`: made on demand, under a lock."""

from dataclasses import dataclass
from datetime import UTC, date, datetime

import sqlalchemy as sa

from ingestion_pipeline.domains.buildings.tables import timeseries_raw
from ingestion_pipeline.foundation.storage import locks

_PREFIX = f"{timeseries_raw.name}_"


@dataclass(frozen=True, order=True)
class Month:
    """A UTC month and its partition."""

    first: date

    @classmethod
    def of(cls, instant: datetime | date) -> "Month":
        """The month of an instant."""
        if isinstance(instant, datetime):
            instant = instant.astimezone(UTC).date()
        return cls(instant.replace(day=1))

    def back(self, months: int) -> "Month":
        """So many months earlier."""
        years, month = divmod(self.first.year * 12 + self.first.month - 1 - months, 12)
        return Month(date(years, month + 1, 1))

    @property
    def partition(self) -> str:
        """The name of its table: `timeseries_raw_2025_01`."""
        return f"{_PREFIX}{self.first:%Y_%m}"


def ensure_month(connection: sa.Connection, month: Month) -> None:
    """Make the partition of a month if it is not there, within the caller's transaction."""
    if _is_there(connection, month):
        return
    lock(connection)
    if _is_there(connection, month):
        return
    # A function of migration 0012, with the rights of the table's owner: a run need not have them.
    connection.execute(sa.select(sa.func.make_timeseries_month(month.first)))


def months_there(connection: sa.Connection) -> list[Month]:
    """The months that have a partition, oldest first."""
    names = connection.scalars(
        sa.text("SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = :t ::regclass"),
        {"t": timeseries_raw.name},
    )
    texts = (name.removeprefix(_PREFIX) for name in names)
    return sorted(Month(date(int(text[:4]), int(text[5:7]), 1)) for text in texts)


def lock(connection: sa.Connection) -> None:
    """Nobody else makes or drops partitions until the transaction ends."""
    locks.hold(connection, locks.CHANGING_MONTHS)


def _is_there(connection: sa.Connection, month: Month) -> bool:
    # Not to_regclass: it answers from this session's cache of names, and an advisory lock, unlike
    # a table's, does not bring that up to date with what the lock's last holder committed.
    return month in months_there(connection)
