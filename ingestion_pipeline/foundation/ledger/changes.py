"""Marks in the ledger of changed parts that no trigger makes (migrations 0036 and 0041)."""

from datetime import date

import sqlalchemy as sa

from ingestion_pipeline.foundation.ledger.tables.changes import changed_parts

LAKE = "lake"


def mark_day(connection: sa.Connection, source: str, *, key: str, day: date) -> None:
    """Say that rows of a UTC day were written past the triggers, in their own transaction."""
    connection.execute(
        sa.insert(changed_parts).values(reader=LAKE, source=source, tenant_id=0, key=key, day=day)
    )
