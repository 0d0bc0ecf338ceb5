"""Analyses as an asset: templates at once, then a server's wording where one is configured."""

import dagster as dg

from ingestion_pipeline.domains.kpis.tables import analyses as analyses_table
from ingestion_pipeline.domains.kpis.tables import updates
from ingestion_pipeline.foundation.upstreams.client import Patience
from ingestion_pipeline.orchestration.lineage import Origin
from ingestion_pipeline.orchestration.resources import Configuration, Database
from ingestion_pipeline.orchestration.wing import Wing
from ingestion_pipeline.outlets.findings.analysis.chat import Chat
from ingestion_pipeline.outlets.findings.analysis.working import analyse

WING = Wing("findings")
_UPDATES = dg.AssetKey(["kpis", "updates"])


@WING.asset(
    "analyses",
    deps=[_UPDATES],
    kinds={"postgres", "table", "numpy"},
    table=analyses_table,
    origin=Origin(
        _UPDATES,
        updates,
        made={"analysis": ("value", "observed_at"), "of_value": ("value",)},
        own=("source", "updated_at", "model", "tokens", "note"),
    ),
    description="What each new reading of a KPI comes to, in sentences: beside what its senders "
    "say themselves, which is never replaced. With `ANALYSIS_URL` a server rewords what is worth "
    "watching.",
)
def analyses(configuration: Configuration, database: Database) -> dg.MaterializeResult[None]:
    """Put analyses on packages that want one."""
    engine, settings = database.engine(), configuration.read()
    url, key = settings.analysis_url, settings.analysis_key
    chat = None
    if url:
        chat = Chat(
            engine,
            url=url,
            key=key.get_secret_value() if key else "",
            model=settings.analysis_model,
            budget=settings.analysis_budget,
            patience=Patience.configured(settings),
        )
    try:
        done = analyse(engine, chat=chat)
    finally:
        if chat is not None:
            chat.close()
    return dg.MaterializeResult(metadata=vars(done))
