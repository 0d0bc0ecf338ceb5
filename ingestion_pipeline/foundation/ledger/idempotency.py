"""`Idempotency-Key`: the same request sent twice is done once, and answered alike.

    begin ──▶ Started ──▶ finish (in the transaction of the work itself) ──▶ Done for ever after
                 └──────▶ abandon (nothing was done: the key is free again)

A request in flight holds its key under a lease that it renews. When its process dies the lease
lapses, and the next request of that key starts anew; the dead one can no longer finish, because
it does not hold the attempt.
"""

import hashlib
from dataclasses import dataclass
from datetime import timedelta

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from ingestion_pipeline.foundation.errors import StaleAttemptError
from ingestion_pipeline.foundation.ledger.tables.requests import idempotency_keys

LEASE = timedelta(seconds=30)


_columns = idempotency_keys.c


@dataclass(frozen=True)
class Started:
    """The key is ours: do the work."""

    tenant_id: int
    endpoint: str
    key: str
    attempt: int


@dataclass(frozen=True)
class InFlight:
    """Another request of this key is under way."""


@dataclass(frozen=True)
class Done:
    """The key was used: with which payload, and what was answered."""

    payload_sha256: bytes
    status_code: int
    body: bytes
    location: str | None


def begin(
    connection: sa.Connection, *, tenant_id: int, endpoint: str, key: str
) -> Started | InFlight | Done:
    """Take a key, or say who has it."""
    mine = {"tenant_id": tenant_id, "endpoint": endpoint, "key": key}
    until = sa.func.now() + LEASE
    lapsed = sa.and_(_columns.status.is_(None), _columns.in_flight_until < sa.func.now())
    take = (
        insert(idempotency_keys)
        .values(**mine, in_flight_until=until)
        .on_conflict_do_update(
            index_elements=["tenant_id", "endpoint", "key"],
            set_={
                "in_flight_until": until,
                "attempt": sa.text("DEFAULT"),
            },
            where=lapsed,
        )
        .returning(_columns.attempt)
    )
    attempt = connection.scalar(take)
    if attempt is not None:
        return Started(tenant_id, endpoint, key, attempt)
    row = connection.execute(
        sa.select(_columns.payload_sha256, _columns.status, _columns.body, _columns.location)
        .where(*(idempotency_keys.c[name] == value for name, value in mine.items()))
    ).one_or_none()  # fmt: skip
    if row is None or row.status is None:
        return InFlight()
    return Done(bytes(row.payload_sha256), row.status, bytes(row.body), row.location)


def renew(connection: sa.Connection, started: Started) -> None:
    """Keep the key for another `LEASE`."""
    connection.execute(
        sa.update(idempotency_keys)
        .where(*_held_by(started))
        .values(in_flight_until=sa.func.now() + LEASE)
    )


def finish(
    connection: sa.Connection,
    started: Started,
    *,
    payload_sha256: bytes,
    status_code: int,
    body: bytes,
    location: str | None = None,
) -> None:
    """Store the answer, in the transaction that does what it says.

    Raises:
        StaleAttemptError: the lease lapsed and another request took the key; roll back.
    """
    changed = connection.execute(
        sa.update(idempotency_keys)
        .where(*_held_by(started))
        .values(
            payload_sha256=payload_sha256, status=status_code, body=body, location=location,
            in_flight_until=sa.func.now(),
        )
    )  # fmt: skip
    if changed.rowcount == 0:
        raise StaleAttemptError(f"Idempotency-Key {started.key!r} was taken over meanwhile")


def abandon(connection: sa.Connection, started: Started) -> None:
    """Give a key back: nothing was done under it."""
    connection.execute(sa.delete(idempotency_keys).where(*_held_by(started)))


def forget(connection: sa.Connection, *, older_than: timedelta) -> int:
    """Delete keys of a certain age; returns how many."""
    old = _columns.created_at < sa.func.now() - older_than
    lapsed = sa.or_(_columns.status.is_not(None), _columns.in_flight_until < sa.func.now())
    return connection.execute(sa.delete(idempotency_keys).where(old, lapsed)).rowcount


def payload_hash(*parts: str) -> bytes:
    """What tells one payload from another (32 bytes)."""
    return hashlib.sha256("\0".join(parts).encode()).digest()


def _held_by(started: Started) -> tuple[sa.ColumnElement[bool], ...]:
    return (
        _columns.tenant_id == started.tenant_id,
        _columns.endpoint == started.endpoint,
        _columns.key == started.key,
        _columns.attempt == started.attempt,
        _columns.status.is_(None),
    )
