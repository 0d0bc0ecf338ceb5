"""Findings, silences and analyses as assets."""

import dagster as dg
import sqlalchemy as sa

from ingestion_pipeline.domains.kpis.tables import analyses as analyses_table
from ingestion_pipeline.domains.kpis.tables import points, updates
from ingestion_pipeline.foundation.upstreams.client import Patience
from ingestion_pipeline.orchestration.lineage import Origin
from ingestion_pipeline.orchestration.resources import Configuration, Database
from ingestion_pipeline.orchestration.wing import Wing
from ingestion_pipeline.outlets.findings.analysis.chat import Chat
from ingestion_pipeline.outlets.findings.analysis.working import analyse
from ingestion_pipeline.outlets.findings.looking import listen, look, now_utc
from ingestion_pipeline.outlets.findings.tables import findings as findings_table
from ingestion_pipeline.outlets.findings.telling import tell

WING = Wing("findings")
_MADE = {
    "subject": ("kpi_id",),
    **dict.fromkeys(("began_at", "ended_at", "raised_at", "farthest_at"), ("observed_at",)),
    **dict.fromkeys(
        ("kind", "usual_low", "usual_middle", "usual_high", "rarity", "watched_weeks", "sentence",
         "history", "state"),
        ("value", "observed_at"),
    ),
}  # fmt: skip
_OWN = (
    "finding_id", "domain", "expected_at", "expected_by", "told_at", "found_at", "updated_at",
)  # fmt: skip
_UPDATES = dg.AssetKey(["kpis", "updates"])
_POINTS = dg.AssetKey(["kpis", "points"])
_HOURS = dg.AssetKey(["buildings", "timeseries_hourly"])


@WING.asset(
    "findings",
    deps=[_POINTS, _HOURS],
    kinds={"postgres", "table", "numpy"},
    table=findings_table,
    origin=Origin(_POINTS, points, made=_MADE, own=_OWN),
    description="What is out of the ordinary in KPIs, points of buildings, orders and book income, "
    "by the tenant's clock and holidays: each once, with a sentence.",
)
def findings(configuration: Configuration, database: Database) -> dg.MaterializeResult[None]:
    """Look at what has points since the last look; tell what is new."""
    engine = database.engine()
    looked = look(engine, now=now_utc())
    return dg.MaterializeResult(metadata={**vars(looked), "told": _told(engine, configuration)})


@WING.asset(
    "silences",
    deps=[_UPDATES],
    kinds={"postgres", "numpy"},
    description="Senders and sources that have gone quiet, or send far less than usual, each by "
    "its own rhythm: rows of the same table as findings.",
)
def silences(configuration: Configuration, database: Database) -> dg.MaterializeResult[None]:
    """Look for whoever has gone quiet; tell what is new."""
    engine = database.engine()
    listened = listen(engine, now=now_utc())
    metadata = {
        "senders": listened.senders, "new": listened.new, "told": _told(engine, configuration),
    }  # fmt: skip
    return dg.MaterializeResult(metadata=metadata)


def _told(engine: sa.Engine, configuration: Configuration) -> int:
    url = configuration.read().alert_webhook_url
    return tell(engine, url=url.get_secret_value() if url else None, now=now_utc())


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
