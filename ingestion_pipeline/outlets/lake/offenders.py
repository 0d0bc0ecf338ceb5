"""What must not be found of the lake, as queries: one row an offender."""

from typing import Any

import sqlalchemy as sa

from ingestion_pipeline.foundation.ledger.tables.changes import changed_parts
from ingestion_pipeline.foundation.watch.offenders import must_not_be_of
from ingestion_pipeline.outlets.lake.tables import BY_NAME

_TABLES = {name: name for name in BY_NAME}
_c = changed_parts.c
_DUE = (_c.reader == "lake",)


@must_not_be_of(_TABLES, "{0}:caught_up", "No change waits for more than an hour.", warning=True)
def changes_that_wait(table: str) -> sa.Select[Any]:
    """Partitions that have waited for an hour."""
    return sa.select(_c.tenant_id, _c.key, _c.day.cast(sa.Text), _c.changed_at).where(
        *_DUE,
        _c.source == table,
        _c.refused.is_(None),
        _c.changed_at < sa.func.now() - sa.text("interval '1 hour'"),
    )


@must_not_be_of(_TABLES, "{0}:nothing_refused", "Every partition could be written.")
def partitions_that_were_refused(table: str) -> sa.Select[Any]:
    """Partitions that hold what the lake can't keep."""
    return sa.select(_c.tenant_id, _c.key, _c.day.cast(sa.Text), _c.refused).where(
        *_DUE, _c.source == table, _c.refused.is_not(None)
    )
