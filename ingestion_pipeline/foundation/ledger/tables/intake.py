"""Files that mappings read, and of what the ids of their records are made."""

import sqlalchemy as sa

from ingestion_pipeline.foundation.ledger.tables.tenants import tenants
from ingestion_pipeline.foundation.ledger.tables.uploads import uploads
from ingestion_pipeline.foundation.storage.columns import count, json, now, text
from ingestion_pipeline.foundation.storage.metadata import metadata
from ingestion_pipeline.foundation.storage.wording import TENANT, UPLOAD

_SOURCE = "Whose ids the records have, as the mapping says"
_MAPPING = "Name of the mapping"

intake_deliveries = sa.Table(
    "intake_deliveries",
    metadata,
    sa.Column(
        "upload_id",
        sa.ForeignKey(uploads.c.upload_id, ondelete="CASCADE"),
        primary_key=True,
        autoincrement=False,
        comment=UPLOAD,
    ),
    sa.Column("tenant_id", sa.ForeignKey(tenants.c.tenant_id), nullable=False, comment=TENANT),
    text("source", comment=_SOURCE),
    text("mapping", comment=_MAPPING),
    text("mapping_sha256", comment="SHA-256 of what the mapping said when it read it, hexadecimal"),
    count("footer", comment="Lines below the rows; uploads.preamble counts them, too"),
    json("skipped", comment="Lines that were passed over, by the mapping's name for why; likewise"),
    json("made", comment="Records that were made, by the mapping's label"),
    json("became", comment="What became of them when they landed, by type of records"),
    count("refused", comment="Records that their domain refused; their lines are in rejected_rows"),
    json("not_read", comment="Columns of the file that the mapping does not read"),
    json("new_columns", comment="Those that the file before it, by the same mapping, had not"),
    json("sums", comment="Of the amounts: [{of: [label, currency, …], amount: text}]"),
    json("file_says", comment="What the file says of itself below its rows, by name"),
    count("warned", comment="Checks of the mapping that failed and reject nothing"),
    json("warnings", comment="The first of them: [{line, field, rule, value, of}]"),
    now("read_at", comment="When it was loaded, UTC"),
    comment="Files that mappings read, and what came of them: a row an upload",
)
sa.Index(
    "intake_deliveries_mapping_idx",
    intake_deliveries.c.source,
    intake_deliveries.c.mapping,
    intake_deliveries.c.tenant_id,
    intake_deliveries.c.upload_id,
)

intake_keys = sa.Table(
    "intake_keys",
    metadata,
    sa.Column(
        "tenant_id",
        sa.ForeignKey(tenants.c.tenant_id),
        primary_key=True,
        autoincrement=False,
        comment=TENANT,
    ),
    text("source", primary_key=True, comment=_SOURCE),
    text("mapping", primary_key=True, comment=_MAPPING),
    json("made_of", comment="By type of records, hashes of what their ids are made of"),
    now("noted_at", comment="When they were said to be these, UTC"),
    comment="Of what the ids of a mapping's records are made: another answer doubles them",
)
