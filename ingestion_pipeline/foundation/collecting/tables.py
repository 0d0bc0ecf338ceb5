"""What is known of the windows of an API: when each was read to its end, and what it came to."""

import sqlalchemy as sa

from ingestion_pipeline.foundation.ledger.tables.tenants import tenants
from ingestion_pipeline.foundation.ledger.tables.uploads import uploads
from ingestion_pipeline.foundation.storage.columns import count, now, text
from ingestion_pipeline.foundation.storage.metadata import metadata
from ingestion_pipeline.foundation.storage.wording import TENANT

series_windows = sa.Table(
    "series_windows",
    metadata,
    sa.Column(
        "tenant_id",
        sa.ForeignKey(tenants.c.tenant_id),
        primary_key=True,
        autoincrement=False,
        comment=TENANT,
    ),
    text("source", primary_key=True, comment="Whose ids the records have, as the mapping says"),
    text("mapping", primary_key=True, comment="Name of the mapping"),
    text("period", primary_key=True, comment="The day, YYYY-MM-DD; all: the API has no windows"),
    count("pages", comment="Pages of the list when it was read last"),
    count("records", comment="Records of the list then"),
    count("most_records", comment="Records of the list when it had most"),
    text(
        "content_sha256",
        nullable=True,
        comment="SHA-256 of the records, hexadecimal; NULL: there never were any",
    ),
    sa.Column(
        "upload_id",
        sa.ForeignKey(uploads.c.upload_id),
        index=True,
        comment="The file of the records (uploads.upload_id); NULL: there never were any",
    ),
    now("collected_at", comment="When the list was read to its end, UTC"),
    comment="Windows of APIs that YAML files describe, read to their ends: a row a window",
)
