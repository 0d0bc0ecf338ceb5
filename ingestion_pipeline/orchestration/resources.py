"""What the project stands on, as Dagster resources: thin, connecting at first use, never at load.

Their docstrings are what the UI's resources page shows. None has a field with which a run is
pointed elsewhere: fields are run config, which whoever may start a run sets, and a run on a foreign
database would open what that database names. A test has its own by code: a subclass with one method
(decision 0031). What belongs to one wing, its upstream, is in the wing's `resources.py`.
"""

import time
from collections.abc import Iterable
from enum import Enum
from typing import ClassVar
from weakref import WeakKeyDictionary

import dagster as dg
import sqlalchemy as sa

from ingestion_pipeline.foundation.environment import secrets_of, settings
from ingestion_pipeline.foundation.settings import Settings
from ingestion_pipeline.foundation.storage import database, schema
from ingestion_pipeline.foundation.storage.key_value import choice
from ingestion_pipeline.foundation.storage.key_value.contract import KeyValue
from ingestion_pipeline.foundation.storage.key_value.documents import Elsewhere
from ingestion_pipeline.foundation.storage.landing import Landing

_SURE_SECONDS = 60.0
_up_to_date: WeakKeyDictionary[sa.Engine, float] = WeakKeyDictionary()  # engine → when it was seen


class Place(Enum):
    """Where the address of a resource is from."""

    SETTINGS = "settings"


class FromSettings(dg.ConfigurableResource):  # type: ignore[type-arg]
    """What all of them are: made of the settings of the process that a run is in.

    Attributes:
        place: has one value, so it configures nothing; of resources without a field Dagster asks
            what pydantic warns about.
    """

    place: Place = Place.SETTINGS


class Configuration(FromSettings):
    """The settings of the process, out of its environment: batch sizes, leases, limits, days.
    README's table of variables says what each means."""

    def read(self) -> Settings:
        """The settings; Dagster's code has them from here and from nowhere else."""
        return settings()

    def secrets(self, names: Iterable[str]) -> dict[str, str]:
        """The values of variables that sources name for their secrets; none of those unset."""
        return secrets_of(names)


CONFIGURATION = Configuration()
"""For what is made while definitions load (partitions), and for the other resources."""


class Database(FromSettings):
    """The PostgreSQL database that everything ends up in: the one that `DATABASE_URL` names, or an
    embedded one in `INGESTION_HOME`. Its schema is brought up to date before it is used."""

    address: ClassVar[str | None] = None

    def engine(self) -> sa.Engine:
        """The engine of a database whose schema is up to date; that is looked at once a minute."""
        engine = database.engine(self.address or CONFIGURATION.read())
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


class KeyValueStore(FromSettings):
    """The key-value store: published documents of KPIs, a namespace a tenant, and how far a window
    of buildings has come. It is the Redis that `KEY_VALUE_URL` names, or else a table of the
    database."""

    def namespace(self, name: str) -> KeyValue:
        """The store of one namespace.

        Raises:
            ConfigurationError: `KEY_VALUE_URL` is set to something else than a redis:// URL.
            ContractError: the namespace is not 1 to 128 characters without NUL.
        """
        return choice.key_value(name, CONFIGURATION.read())

    def elsewhere(self) -> Elsewhere | None:
        """`namespace`, where another server than the database has the documents; else None."""
        return self.namespace if choice.elsewhere(CONFIGURATION.read()) else None

    def purge_expired(self, engine: sa.Engine) -> int:
        """As `choice.purge_expired`, with what the engine's database has of them."""
        return choice.purge_expired(engine, CONFIGURATION.read())


class LandingStore(FromSettings):
    """The stores of files, each any fsspec URL or else a folder of `INGESTION_HOME`: received files
    as they came (`LANDING_URL`), the drop folder (`DROP_URL`), old months (`ARCHIVE_URL`)."""

    def landed(self) -> Landing:
        """The store of received files."""
        return Landing(CONFIGURATION.read().landing)

    def archive(self) -> Landing:
        """The store of months that have left the database."""
        return Landing(CONFIGURATION.read().archive)

    def drop(self) -> str:
        """The URL of the drop folder; what is in it is not ours yet."""
        return CONFIGURATION.read().drop


RESOURCES: dict[str, FromSettings] = {
    "configuration": CONFIGURATION,
    "database": Database(),
    "key_value": KeyValueStore(),
    "landing": LandingStore(),
}
"""What every wing may ask for, by name; `definitions.py` adds the wings' own."""
