"""How much one tenant may keep, so that none fills the disk of all.

Counted are the bytes of what has landed (files that came over HTTP or by the drop folder, what was
read of APIs, mapped files of the shell, and chunks of files that are not whole yet) until retention
removes it. Files that `ingest` reads where
they are, and those that `jobs reload` reads again, take no room. A tenant may have limits of its
own (`ingestion-pipeline tenants quota`); `default` holds where it has none: the settings' limit.

Of refused lines so many bytes are kept in full; those beyond are counted, as always, and no more.
"""

from dataclasses import dataclass

import sqlalchemy as sa

from ingestion_pipeline.foundation.errors import QuotaError
from ingestion_pipeline.foundation.ledger.tables.tenants import tenants
from ingestion_pipeline.foundation.ledger.tables.uploads import uploads
from ingestion_pipeline.foundation.storage import locks

_STATE = sa.text("""
    SELECT name, landed_bytes_limit,
           (SELECT COALESCE(sum(bytes), 0) FROM uploads
            WHERE tenant_id = :tenant_id AND source IN ('http', 'drop') AND removed_at IS NULL)
           -- What a mapping reads lands, however it came; elsewhere `api` names no file.
           + (SELECT COALESCE(sum(bytes), 0) FROM uploads
              WHERE tenant_id = :tenant_id AND domain = 'intake' AND source IN ('api', 'cli')
                    AND removed_at IS NULL)
           + (SELECT COALESCE(sum(last_byte - first_byte + 1), 0)
              FROM upload_sessions JOIN upload_session_files USING (session_id)
                   JOIN upload_chunks USING (session_file_id)
              WHERE upload_sessions.tenant_id = :tenant_id)
    FROM tenants WHERE tenant_id = :tenant_id
""")


@dataclass(frozen=True)
class Room:
    """What a tenant keeps and may keep, in bytes.

    Attributes:
        own: whether the limit is the tenant's own, and not the settings'.
    """

    tenant: str
    used: int
    limit: int
    own: bool

    @property
    def left(self) -> int:
        """Bytes that there is still room for."""
        return max(0, self.limit - self.used)

    def as_dict(self) -> dict[str, str | int | bool]:
        """The document of `tenants quota --json`."""
        return {
            "tenant": self.tenant, "landed_bytes": self.used, "landed_bytes_limit": self.limit,
            "own_limit": self.own,
        }  # fmt: skip

    def error(self) -> QuotaError:
        """Why something is not taken."""
        return QuotaError(
            f"quota: tenant {self.tenant} keeps {self.used:,} of at most {self.limit:,} bytes of "
            "files, and there is no room for this one; the operator sets the limit with "
            "`ingestion-pipeline tenants quota`"
        )


def room_of(connection: sa.Connection, tenant_id: int, *, default: int) -> Room:
    """What a tenant keeps at the moment."""
    name, own, used = connection.execute(_STATE, {"tenant_id": tenant_id}).one()
    return Room(name, int(used), default if own is None else own, own is not None)


def begin(connection: sa.Connection, tenant_id: int, *, default: int) -> Room:
    """What a tenant keeps, before something more of it begins to come.

    Raises:
        QuotaError: there is no room at all.
    """
    room = room_of(connection, tenant_id, default=default)
    if not room.left:
        raise room.error()
    return room


def take(connection: sa.Connection, tenant_id: int, size: int, *, default: int) -> None:
    """Let the transaction record `size` bytes more; first of all that it locks.

    One after the other: two files that each have room are not both taken where one has.

    Raises:
        QuotaError: there is no room for them.
    """
    locks.hold(connection, locks.TAKING_ROOM.of(str(tenant_id)))
    room = room_of(connection, tenant_id, default=default)
    if size > room.left:
        raise room.error()


def rejected_room(connection: sa.Connection, tenant_id: int, *, default: int) -> int:
    """How many bytes of refused lines of a tenant there is still room for.

    Nobody is kept waiting for it: files that are read at the same time may each take it.
    """
    c = uploads.c
    used = sa.select(sa.func.coalesce(sa.func.sum(c.rejected_bytes), 0)).where(
        c.tenant_id == tenant_id, c.rejected_bytes > 0
    )
    own = sa.select(tenants.c.rejected_bytes_limit).where(tenants.c.tenant_id == tenant_id)
    limit = connection.scalar(own)
    most = default if limit is None else limit
    return max(0, most - int(connection.scalar(used) or 0))


def set_rejected_limit(connection: sa.Connection, tenant_id: int, size: int | None) -> None:
    """As `set_limit`, for refused lines."""
    statement = sa.update(tenants).where(tenants.c.tenant_id == tenant_id)
    connection.execute(statement.values(rejected_bytes_limit=size))


def set_limit(connection: sa.Connection, tenant_id: int, landed_bytes: int | None) -> None:
    """Give a tenant a limit of its own; None: the settings' holds again."""
    statement = sa.update(tenants).where(tenants.c.tenant_id == tenant_id)
    connection.execute(statement.values(landed_bytes_limit=landed_bytes))
