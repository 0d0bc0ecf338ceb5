"""Markets as assets: events → fundamentals, comps, predictions; FRED → macro observations → cache.

Each asset applies the events of its type that are due, in one transaction each; the cache makes
what is not fresh. All of them may be materialized at any time.
"""

from typing import Any

import dagster as dg
import sqlalchemy as sa

from ingestion_pipeline.domains import registry
from ingestion_pipeline.domains.markets.contract import events as contract
from ingestion_pipeline.domains.markets.merge.claimed import Applied, Handler, merge_claimed
from ingestion_pipeline.domains.markets.merge.handlers import (
    apply_prediction,
    merge_comps,
    merge_fundamentals,
)
from ingestion_pipeline.domains.markets.merge.refresh import (
    alone,
    macro_handler,
    merge_series,
)
from ingestion_pipeline.domains.markets.publish import warming
from ingestion_pipeline.domains.markets.publish.plot import plot_series
from ingestion_pipeline.domains.markets.resources import FredApi
from ingestion_pipeline.domains.markets.tables import comps as comps_table
from ingestion_pipeline.domains.markets.tables import fundamentals as fundamentals_table
from ingestion_pipeline.domains.markets.tables import observations as observations_table
from ingestion_pipeline.foundation.ledger.tables.events import ingestion_events
from ingestion_pipeline.foundation.ledger.worker import Worker
from ingestion_pipeline.foundation.printable import printable
from ingestion_pipeline.foundation.settings import Settings
from ingestion_pipeline.foundation.storage.key_value.postgresql import key_value
from ingestion_pipeline.orchestration.lineage import Origin
from ingestion_pipeline.orchestration.metadata import as_it_is_now, as_plot
from ingestion_pipeline.orchestration.resources import Configuration, Database
from ingestion_pipeline.orchestration.wing import Wing

WING = Wing("markets")
EVENTS_ONLY = {"markets/scope": "events"}  # the tags of runs that only apply what was sent

EVENTS = WING.spec(
    "events",
    table=ingestion_events,
    kinds={"postgres", "table"},
    description="Events that providers posted to the gateway, signed. Each is a row of "
    "`ingestion_events`, recorded before it was answered.",
)


def _from_events(table: sa.Table) -> Origin:
    """Whose it is stands beside the event, everything else in it; of our own is how we wrote it."""
    own = {"version", "updated_at"}
    beside = {"tenant_id", "market_slug", "source", "ingestion_id"}
    told = [each.name for each in table.columns if each.name not in own | beside]
    made = {**dict.fromkeys(told, ("payload",)), "sent_at": ("payload", "received_at")}
    return Origin(EVENTS.key, ingestion_events, made=made, own=own)


def _of_events(
    name: str, *, event_type: str, handler: Handler, description: str, table: sa.Table | None
) -> dg.AssetsDefinition:
    @WING.asset(
        name,
        deps=[EVENTS],
        table=table,
        origin=None if table is None else _from_events(table),
        kinds={"postgres", "table"},
        description=description,
    )
    def applied(
        context: dg.AssetExecutionContext, configuration: Configuration, database: Database
    ) -> dg.MaterializeResult[None]:
        engine = database.engine()
        outcome = _apply(context, engine, configuration.read(), event_type, handler)
        counted = ingestion_events.c.event_type == event_type
        if table is None:
            now: dict[str, Any] = {"dagster/row_count": _count(engine, ingestion_events, counted)}
        else:
            now = as_it_is_now(engine, table, newest_first=table.c.updated_at)
        return dg.MaterializeResult(metadata={**_metadata(outcome), **now})

    return applied


fundamentals = _of_events(
    "fundamentals",
    event_type=contract.FUNDAMENTALS,
    handler=merge_fundamentals,
    description="Fundamentals of every market, one row a tenant, market and day; the newest day is "
    "what readers get.",
    table=fundamentals_table,
)
comps = _of_events(
    "comps",
    event_type=contract.COMPS,
    handler=merge_comps,
    description="Comparable sales of every market, one row a tenant, market and sale.",
    table=comps_table,
)
predictions = _of_events(
    "predictions",
    event_type=contract.PREDICTION,
    handler=apply_prediction,
    description="What the prediction API reported of itself; kept as events.",
    table=None,
)


@WING.asset(
    "macro_observations",
    deps=[EVENTS],
    table=observations_table,
    kinds={"postgres", "table"},
    description="FRED's series with every vintage: what was known of each date, from when until "
    "when. Values that FRED has taken back are kept as missing.",
    pool="fred",
)
def macro_observations(
    context: dg.AssetExecutionContext,
    configuration: Configuration,
    database: Database,
    fred: FredApi,
) -> dg.MaterializeResult[None]:
    """Apply `macro.update` events; but for runs that are for events only, refresh all series."""
    engine, settings = database.engine(), configuration.read()
    with fred.open(engine) as source:
        handler = macro_handler(source, settings.fred_series_ids)
        outcome = _apply(context, engine, settings, contract.MACRO, handler)
        metadata: dict[str, Any] = _metadata(outcome)
        if not EVENTS_ONLY.items() <= context.run.tags.items():
            if settings.fred_api_key is None:
                raise dg.Failure("FRED_API_KEY is not set", allow_retries=False)
            with alone(engine):
                refreshed = merge_series(engine, source, settings.fred_series_ids)
            for series_id, error in refreshed.errors.items():
                context.log.warning("%s: %s", series_id, printable(str(error)))
            metadata["changed_vintages"] = sum(refreshed.changed.values())
            metadata["series_not_refreshed"] = len(refreshed.errors)
    newest_first = observations_table.c.recorded_at
    now = as_it_is_now(engine, observations_table, newest_first=newest_first)
    with engine.connect() as connection:
        plot = plot_series(connection, settings.fred_series_ids)
    return dg.MaterializeResult(metadata={**metadata, **as_plot(plot), **now})


@WING.asset(
    "cache",
    deps=[fundamentals, comps, macro_observations],
    kinds={"postgres", "json"},
    description="Documents `fundamentals_{slug}`, `comps_{slug}` and `macro_data`, made before "
    "somebody asks.",
)
def cache(
    context: dg.AssetExecutionContext,
    configuration: Configuration,
    database: Database,
    fred: FredApi,
) -> dg.MaterializeResult[None]:
    """Apply `cache.warming` events; without any, warm all the same."""
    engine, settings = database.engine(), configuration.read()
    results: list[warming.Warmed] = []
    handler = warming.warming_handler(
        settings, questions=registry.questions(), opened=fred.open, run_id=context.run.run_id,
        results=results,
    )  # fmt: skip
    outcome = _apply(context, engine, settings, contract.WARMING, handler)
    if not results:
        results.append(
            warming.publish_documents(
                engine,
                settings,
                questions=registry.questions(),
                opened=fred.open,
                trigger="dagster",
                run_id=context.run.run_id,
            )
        )
    documents = _count(engine, key_value, key_value.c.namespace.startswith("markets"))
    return dg.MaterializeResult(
        metadata={
            **_metadata(outcome),
            **{f"documents_{name}": value for name, value in results[0].as_dict().items()},
            "dagster/row_count": documents,
        }
    )


def _apply(
    context: dg.AssetExecutionContext,
    engine: sa.Engine,
    configuration: Settings,
    event_type: str,
    handler: Handler,
) -> Applied:
    worker = Worker(
        f"dagster {context.asset_key.to_user_string()}",
        context.run.run_id,
        configuration.job_lease,
        configuration.job_backoff,
    )
    outcome = merge_claimed(
        engine, event_type, handler, worker=worker, limit=configuration.batch_events
    )
    for ingestion_id, error in outcome.failures.items():
        context.log.warning("event %s failed: %s", ingestion_id, printable(error))
    return outcome


def _metadata(outcome: Applied) -> dict[str, Any]:
    return {
        "events_applied": len(outcome.ingestion_ids),
        "events_failed": len(outcome.failures),
        "records": outcome.records,
    }


def _count(engine: sa.Engine, table: sa.Table, which: sa.ColumnElement[bool]) -> int:
    query = sa.select(sa.func.count()).select_from(table).where(which)
    with engine.connect() as connection:
        return int(connection.execute(query).scalar_one())


ASSETS = [fundamentals, comps, predictions, macro_observations, cache]
ASSET_OF = {
    contract.FUNDAMENTALS: fundamentals.key,
    contract.COMPS: comps.key,
    contract.PREDICTION: predictions.key,
    contract.MACRO: macro_observations.key,
    contract.WARMING: cache.key,
}
