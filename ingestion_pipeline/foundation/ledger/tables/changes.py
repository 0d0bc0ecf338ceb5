"""Which parts of tables have changed since whoever follows from them was made; migration 0036."""

import sqlalchemy as sa

from ingestion_pipeline.foundation.storage.columns import date, identity, integer, now, text
from ingestion_pipeline.foundation.storage.metadata import metadata

changed_parts = sa.Table(
    "changed_parts",
    metadata,
    identity("change_id", comment="Number of the change, in order of arrival"),
    text("reader", default="marts", comment="Who is to work the part out anew"),
    text("source", comment="Table whose rows have changed"),
    integer(
        "tenant_id", comment="Whose rows (tenants.tenant_id); 0: nobody's, or where all are: all"
    ),
    text("key", comment="KPI, site, platform or series; empty: the source has none, or all"),
    date(
        "day",
        comment="UTC day of the rows, of book sales the first of the month; -infinity: the source "
        "has none; infinity: all days (a payment may be of any), which the reader first puts as "
        "parts of their own",
    ),
    now("changed_at", comment="When the transaction began that changed them, UTC"),
    text(
        "refused",
        nullable=True,
        comment="Why the lake could not be given the part; NULL: not tried yet",
    ),
    comment="Parts of tables that have changed: a row a change, written in its transaction by "
    "triggers (note_changed_*), deleted by the reader that has worked the part out",
)
sa.Index(
    "changed_parts_part_idx",
    changed_parts.c.reader,
    changed_parts.c.source,
    changed_parts.c.tenant_id,
    changed_parts.c.key,
    changed_parts.c.day,
)
