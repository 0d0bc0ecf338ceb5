"""All marts, by name."""

from ingestion_pipeline.outlets.marts.books import BOOKS
from ingestion_pipeline.outlets.marts.buildings import BUILDINGS
from ingestion_pipeline.outlets.marts.kpis import KPIS
from ingestion_pipeline.outlets.marts.macro import MACRO
from ingestion_pipeline.outlets.marts.orders import ORDERS

BY_DAY = (KPIS, BUILDINGS, ORDERS)
"""Those whose parts are of days, of which their assets have partitions."""

WHOLE = (BOOKS, MACRO)
"""Those whose parts are not: sales months of sellers, and series."""
