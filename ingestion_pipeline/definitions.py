"""The one Definitions: the domains and the resources, nothing else."""

import dagster as dg

from ingestion_pipeline import automation
from ingestion_pipeline.book_sales import automation as book_sales
from ingestion_pipeline.buildings import automation as buildings
from ingestion_pipeline.commerce import automation as commerce
from ingestion_pipeline.kpis import automation as kpis
from ingestion_pipeline.markets import automation as markets
from ingestion_pipeline.printable import log_plainly
from ingestion_pipeline.resources import Database

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
