"""All documents made before somebody asks: macro data, each market's fundamentals and comps."""

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import sqlalchemy as sa

from ingestion_pipeline.domains.markets.contract.places import Document, Place, place_of
from ingestion_pipeline.domains.markets.merge.cache import Cached, lifetime, look_up, store
from ingestion_pipeline.domains.markets.merge.claimed import Handler, Recorded, Write, Written
from ingestion_pipeline.domains.markets.merge.refresh import Opened, refresh_due
from ingestion_pipeline.domains.markets.publish.documents import (
    comps_document,
    fundamentals_document,
    markets_with_documents,
)
from ingestion_pipeline.domains.markets.publish.macro import known_macro
from ingestion_pipeline.foundation.ledger import cron
from ingestion_pipeline.foundation.ledger.metrics import cache_row, write_cache_metrics
from ingestion_pipeline.foundation.settings import Settings
from ingestion_pipeline.foundation.watch import gathering as health_sources
from ingestion_pipeline.foundation.watch import health
from ingestion_pipeline.foundation.watch.gathering import Questions

logger = logging.getLogger(__name__)

NAME = "cache_warming"
Load = Callable[[sa.Connection], Document | None]
_DOCUMENTS = {"fundamentals": fundamentals_document, "comps": comps_document}


@dataclass
class Warmed:
    """What a warming came to: documents that were fresh, made, and could not be made."""

    fresh: int = 0
    made: int = 0
    failed: int = 0
    health: str = "UNKNOWN"

    def as_dict(self) -> dict[str, Any]:
        """As it is logged."""
        return dict(vars(self))


def publish_documents(
    engine: sa.Engine,
    configuration: Settings,
    *,
    questions: Mapping[str, Questions],
    opened: Opened,
    trigger: str,
    run_id: str | None = None,
) -> Warmed:
    """Make what is not fresh, and look how all is then, by these questions; logged in `cron_logs`
    and metrics. Macro data that is due is fetched first, from where `opened` says.
    """
    with engine.begin() as connection:
        log = cron.start(connection, NAME, trigger=trigger, run_id=run_id)
    warmed = Warmed()
    rows: list[dict[str, Any]] = []
    refresh_due(engine, configuration, opened=opened)
    with engine.connect() as connection:
        markets = markets_with_documents(connection)
    for place, load in [
        (place_of("macro"), partial(known_macro, configuration=configuration)),
        *((place_of(kind, each), partial(_DOCUMENTS[kind], market=each)) for kind, each in markets),
    ]:
        rows.append(_warm_one(engine, configuration, place, load, warmed))
    warmed.health = _health(engine, configuration, questions)
    _note(engine, rows)
    with engine.begin() as connection:
        cron.finish(
            connection, log, processed=len(rows), succeeded=warmed.fresh + warmed.made,
            failed=warmed.failed, details=warmed.as_dict(),
        )  # fmt: skip
    return warmed


def warming_handler(
    configuration: Settings,
    *,
    questions: Mapping[str, Questions],
    opened: Opened,
    run_id: str | None,
    results: list[Warmed],
) -> Handler:
    """Applies `cache.warming`; one warming does for all events of a batch."""

    def handle(engine: sa.Engine, recorded: Recorded) -> Write:
        if not results:
            trigger = recorded.event.source
            done = publish_documents(
                engine, configuration, questions=questions, opened=opened, trigger=trigger,
                run_id=run_id,
            )  # fmt: skip
            results.append(done)
        made = results[0].fresh + results[0].made
        return lambda _: Written(made)

    return handle


def _warm_one(
    engine: sa.Engine, configuration: Settings, place: Place, load: Load, warmed: Warmed
) -> dict[str, Any]:
    started = time.perf_counter()
    cached = _cached(engine, place)
    seconds = lifetime(place.service, configuration).total_seconds()
    fresh = (
        cached.document is not None
        and cached.age < seconds / 2
        and not cached.document.get("stale")
    )
    if fresh:
        warmed.fresh += 1
    else:
        with engine.connect() as connection:
            document = load(connection)
        if document is None:
            warmed.failed += place.service != "macro" or configuration.fred_api_key is not None
        else:
            warmed.made += 1
            _store(engine, place, cached, document)
    return cache_row(
        service=place.service, cache_key=place.key, outcome="hit" if fresh else "miss",
        tenant_id=place.tenant_id, duration_ms=(time.perf_counter() - started) * 1000,
    )  # fmt: skip


def _cached(engine: sa.Engine, place: Place) -> Cached:
    try:
        with engine.connect() as connection:
            return look_up(connection, [place])[0]
    except sa.exc.ProgrammingError:  # there is no cache: that is no reason to fail
        return Cached()


def _store(engine: sa.Engine, place: Place, before: Cached, document: Document) -> None:
    try:
        with engine.begin() as connection:
            store(connection, place, before, document)
    except sa.exc.ProgrammingError as error:
        logger.warning("the cache can't be written: %s", str(error).partition("\n")[0])


def _health(engine: sa.Engine, configuration: Settings, questions: Mapping[str, Questions]) -> str:
    try:
        with engine.connect() as connection:
            return str(
                health.document(health_sources.gather(connection, configuration, questions))[
                    "status"
                ]
            )
    except sa.exc.SQLAlchemyError as error:
        logger.warning("health not known: %s", str(error).partition("\n")[0])
        return "UNKNOWN"


def _note(engine: sa.Engine, rows: list[dict[str, Any]]) -> None:
    try:
        with engine.begin() as connection:
            write_cache_metrics(connection, rows)
    except (sa.exc.SQLAlchemyError, OSError) as error:
        logger.warning("cache metrics not written: %s", str(error).partition("\n")[0])
