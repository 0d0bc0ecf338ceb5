"""Tokens that rewording took, as SQLAlchemy sees them; made by migration 0035, which gives
`kpi_analyses` its columns for analyses of ours, too."""

import sqlalchemy as sa

from ingestion_pipeline.foundation.storage.columns import bigint, date
from ingestion_pipeline.foundation.storage.metadata import metadata

analysis_tokens = sa.Table(
    "analysis_tokens",
    metadata,
    date("day", primary_key=True, comment="The UTC day"),
    bigint("tokens", comment="Tokens that were taken, or are set aside for a request under way"),
    comment="Tokens that rewording analyses took: a row a UTC day",
)
