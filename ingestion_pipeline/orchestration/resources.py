"""The storage layer as Dagster resources: thin, connecting at first use, never at load.

No resource has a field with which a run is pointed elsewhere: fields are run config, which whoever
may start a run sets, and a run on a foreign database would open what that database names.
"""

import time
from enum import Enum
from typing import ClassVar
from weakref import WeakKeyDictionary

import dagster as dg
import sqlalchemy as sa

from ingestion_pipeline.foundation.storage import database, schema

_SURE_SECONDS = 60.0
_up_to_date: WeakKeyDictionary[sa.Engine, float] = WeakKeyDictionary()  # engine → when it was seen


class Place(Enum):
    """Where the database's address is from."""

    SETTINGS = "settings"


class Database(dg.ConfigurableResource):  # type: ignore[type-arg]
    """The PostgreSQL database of `DATABASE_URL`, or the embedded one.

    Attributes:
        place: has one value, so it configures nothing; of resources without a field Dagster asks
            what pydantic warns about.
    """

    place: Place = Place.SETTINGS
    address: ClassVar[str | None] = None

    def engine(self) -> sa.Engine:
        """The engine of a database whose schema is up to date; that is looked at once a minute."""
        engine = database.engine(self.address) if self.address else database.engine()
        now = time.monotonic()
        if now - _up_to_date.get(engine, -_SURE_SECONDS) >= _SURE_SECONDS:
            schema.upgrade(engine)
            _up_to_date[engine] = now
        return engine


def database_at(url: str) -> Database:
    """The database at a URL, for tests: by code, never by configuration."""

    class Elsewhere(Database):
        address: ClassVar[str | None] = url

    return Elsewhere()
