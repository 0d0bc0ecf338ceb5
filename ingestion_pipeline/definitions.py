"""The one Definitions: the domains and the resources, nothing else."""

import dagster as dg

from ingestion_pipeline.domains.book_sales import automation as book_sales
from ingestion_pipeline.domains.buildings import automation as buildings
from ingestion_pipeline.domains.commerce import automation as commerce
from ingestion_pipeline.domains.kpis import automation as kpis
from ingestion_pipeline.domains.markets import automation as markets
from ingestion_pipeline.foundation.printable import log_plainly
from ingestion_pipeline.orchestration import housekeeping as automation
from ingestion_pipeline.orchestration.resources import Database

log_plainly()  # in code servers, runs and workers, which all begin here

defs = dg.Definitions.merge(
    commerce.definitions,
    kpis.definitions,
    buildings.definitions,
    book_sales.definitions,
    markets.definitions,
    automation.definitions,
    # A run of many small steps costs two CPU seconds in one process and four in several.
    dg.Definitions(resources={"database": Database()}, executor=dg.in_process_executor),
)
