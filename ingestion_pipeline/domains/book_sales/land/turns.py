"""Whose turn it is: one load at a time of a tenant and platform."""

import sqlalchemy as sa

from ingestion_pipeline.foundation.storage import locks


def lock(connection: sa.Connection, tenant_id: int, platform: str) -> None:
    """One load at a time of a tenant and platform: ids depend on what is there."""
    locks.hold(connection, locks.LOADING_SALES.of(f"{tenant_id}:{platform}"))
