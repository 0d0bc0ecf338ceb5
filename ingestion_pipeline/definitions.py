"""The one Definitions: the domains, outlets, housekeeping, the resources and the sources of files;
nothing else.
"""

import dagster as dg

from ingestion_pipeline.components.loading import with_described
from ingestion_pipeline.domains import registry
from ingestion_pipeline.domains.book_sales import definitions as book_sales
from ingestion_pipeline.domains.book_sales.resources import GumroadApi
from ingestion_pipeline.domains.buildings import definitions as buildings
from ingestion_pipeline.domains.buildings.publish.alerts import watch
from ingestion_pipeline.domains.buildings.resources import AceIotApi
from ingestion_pipeline.domains.commerce import definitions as commerce
from ingestion_pipeline.domains.kpis import definitions as kpis
from ingestion_pipeline.domains.markets import definitions as markets
from ingestion_pipeline.domains.markets.resources import FredApi
from ingestion_pipeline.orchestration import housekeeping
from ingestion_pipeline.orchestration.assets import shown
from ingestion_pipeline.orchestration.resources import CONFIGURATION, RESOURCES
from ingestion_pipeline.outlets.findings import definitions as findings
from ingestion_pipeline.outlets.findings import freshness as findings_freshness
from ingestion_pipeline.outlets.lake import definitions as lake
from ingestion_pipeline.outlets.lake import freshness as lake_freshness
from ingestion_pipeline.outlets.lake.resources import LakeStore
from ingestion_pipeline.outlets.marts import definitions as marts
from ingestion_pipeline.outlets.marts import freshness as marts_freshness
from ingestion_pipeline.outlets.receipts import definitions as receipts
from ingestion_pipeline.outlets.receipts import freshness as receipts_freshness

resources = {
    **RESOURCES, "ace_iot": AceIotApi(), "fred": FredApi(), "gumroad": GumroadApi(),
    "lake": LakeStore(),
}  # fmt: skip


def ours() -> dg.Definitions:
    """All but what files describe."""
    return shown(
        dg.Definitions.merge(
            commerce.definitions,
            kpis.definitions,
            buildings.definitions,
            book_sales.definitions,
            markets.definitions,
            findings.definitions,
            receipts.definitions,
            marts.definitions,
            lake.definitions,
            housekeeping.definitions(questions=registry.questions, limits=watch),
            # A run of many small steps costs two CPU seconds in one process and four in several.
            dg.Definitions(resources=resources, executor=dg.in_process_executor),
        ),
        ages={
            **registry.ages(CONFIGURATION.read()),
            "findings": findings_freshness.ages(),
            "lake": lake_freshness.ages(),
            "marts": marts_freshness.ages(),
            "receipts": receipts_freshness.ages(),
        },
        source_url=CONFIGURATION.read().source_url,
    )


defs = with_described(ours(), CONFIGURATION.read())
