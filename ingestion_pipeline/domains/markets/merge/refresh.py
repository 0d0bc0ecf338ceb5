"""FRED → vintages, by one process at a time.

A failure is noted with the series and raised to nobody: what is known stays known, and is served
marked as stale. Who finds a refresh under way waits for it and has nothing left to do.
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Protocol

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from ingestion_pipeline.domains.markets.contract.places import place_of
from ingestion_pipeline.domains.markets.contract.vintages import Vintage
from ingestion_pipeline.domains.markets.merge.cache import invalidate
from ingestion_pipeline.domains.markets.merge.claimed import Handler, Recorded, Write, Written
from ingestion_pipeline.domains.markets.merge.macro import merge_vintages
from ingestion_pipeline.domains.markets.sources.fred import Fred, open_upstream
from ingestion_pipeline.domains.markets.tables import observations, series
from ingestion_pipeline.foundation.errors import (
    CircuitOpenError,
    ConfigurationError,
    ContractError,
    IngestionError,
)
from ingestion_pipeline.foundation.settings import Settings
from ingestion_pipeline.foundation.storage import locks

logger = logging.getLogger(__name__)

# After a failure FRED is not asked again for so long, whoever reads.
PAUSE = timedelta(seconds=15)


class Source(Protocol):
    """Where vintages come from: FRED, or what a test puts in its place."""

    def vintages(self, series_id: str) -> list[Vintage]:
        """Everything that was ever known of a series."""
        ...


Opened = Callable[[sa.Engine], AbstractContextManager[Source]]
"""Opens where vintages come from; the engine's database has the limit that all processes share."""


@dataclass
class Refreshed:
    """What a refresh came to: changed vintages by series, and what went wrong with others."""

    changed: dict[str, int] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)


class _NoSource:
    """In place of FRED where it is not configured."""

    def vintages(self, series_id: str) -> list[Vintage]:
        raise ConfigurationError(f"FRED_API_KEY is not set, so {series_id} can't be fetched")


@contextmanager
def source_of(engine: sa.Engine, configuration: Settings) -> Iterator[Source]:
    """FRED as it is configured; without a key, what raises ConfigurationError."""
    key = configuration.fred_api_key
    if key is None:
        yield _NoSource()
        return
    with open_upstream(engine, configuration) as upstream:
        yield Fred(upstream, api_key=key.get_secret_value())


def merge_series(engine: sa.Engine, source: Source, series_ids: Sequence[str]) -> Refreshed:
    """Fetch series and store what is new; each in a transaction of its own."""
    outcome = Refreshed()
    for series_id in series_ids:
        try:
            vintages = fetched(engine, source, series_id)
        except IngestionError as error:
            logger.warning("macro data not refreshed: %s", error)
            outcome.errors[series_id] = str(error)
            note_failure(engine, series_id, str(error))
            if isinstance(error, ConfigurationError | CircuitOpenError):
                for rest in series_ids[series_ids.index(series_id) + 1 :]:
                    outcome.errors[rest] = str(error)
                    note_failure(engine, rest, str(error))
                break
            continue
        with engine.begin() as connection:
            outcome.changed[series_id] = write_series(connection, series_id, vintages)
            if outcome.changed[series_id]:
                invalidate(connection, [place_of("macro")])
    return outcome


def fetched(engine: sa.Engine, source: Source, series_id: str) -> list[Vintage]:
    """What a source tells of a series.

    Raises:
        ContractError: nothing, of a series that has observations.
        IngestionError: whatever else fetching raises.
    """
    vintages = source.vintages(series_id)
    if not vintages:
        with engine.connect() as connection:
            has_some = sa.exists().where(observations.c.series_id == series_id)
            if connection.scalar(sa.select(has_some)):
                raise ContractError(
                    f"fred: {series_id}: an empty answer (count: 0), though observations are known"
                )
    return vintages


def refresh_due(engine: sa.Engine, configuration: Settings, *, opened: Opened) -> Refreshed:
    """Refresh the configured series that were not fetched within CACHE_TTL_MACRO, if FRED is
    configured; `opened` opens it.

    Waits for a refresh that is under way, and then finds nothing due.
    """
    if configuration.fred_api_key is None or not due(engine, configuration):
        return Refreshed()
    with alone(engine):
        still_due = due(engine, configuration)
        if not still_due:
            return Refreshed()
        with opened(engine) as fred:
            return merge_series(engine, fred, still_due)


def due(engine: sa.Engine, configuration: Settings) -> list[str]:
    """The series that are to be fetched; one that failed just now is not."""
    now = datetime.now(UTC)
    query = sa.select(series.c.series_id).where(
        sa.or_(
            series.c.fetched_at > now - configuration.cache_ttl_macro,
            sa.and_(series.c.error.is_not(None), series.c.checked_at > now - PAUSE),
        )
    )
    with engine.connect() as connection:
        resting = set(connection.scalars(query))
    return [name for name in configuration.fred_series_ids if name not in resting]


def macro_handler(source: Source, configured: Sequence[str]) -> Handler:
    """Applies `macro.update`: the series named are fetched now, whenever that was done last."""

    def handle(engine: sa.Engine, recorded: Recorded) -> Write:
        found: dict[str, list[Vintage]] = {}
        for series_id in recorded.event.series or configured:
            try:
                found[series_id] = fetched(engine, source, series_id)
            except IngestionError as error:
                note_failure(engine, series_id, str(error))
                raise

        def write(connection: sa.Connection) -> Written:
            for series_id in sorted(found):  # locks in one order
                write_series(connection, series_id, found[series_id])
            return Written(len(found), (place_of("macro"),))

        return write

    return handle


def write_series(connection: sa.Connection, series_id: str, vintages: Sequence[Vintage]) -> int:
    """Store a series that was fetched; how many vintages are new or changed."""
    now = sa.func.clock_timestamp()
    values = {"fetched_at": now, "checked_at": now, "error": None}
    # First, so that two who write the same series wait for each other here.
    connection.execute(
        insert(series)
        .values(series_id=series_id, **values)
        .on_conflict_do_update(index_elements=["series_id"], set_=values)
    )
    today = datetime.now(UTC).date()
    return merge_vintages(connection, series_id, vintages, today=today)


def note_failure(engine: sa.Engine, series_id: str, error: str) -> None:
    """Note that a series could not be fetched."""
    values = {"checked_at": sa.func.clock_timestamp(), "error": error.replace("\x00", "")[:2000]}
    with engine.begin() as connection:
        connection.execute(
            insert(series)
            .values(series_id=series_id, **values)
            .on_conflict_do_update(index_elements=["series_id"], set_=values)
        )


@contextmanager
def alone(engine: sa.Engine) -> Iterator[None]:
    """Let one process at a time refresh; the lock ends with its connection, whatever happens."""
    with (
        engine.connect() as connection,
        locks.held_by_session(connection, locks.REFRESHING_MARKETS),
    ):
        yield
