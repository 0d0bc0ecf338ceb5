"""Gumroad's Pings: unsigned, so a secret in the path says whose they are.

A Ping is recorded once by sale and resource name, and then imported like everything else. Only the
fields that are kept of a sale are stored; the rest names the buyer.
"""

import hashlib
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from ingestion_pipeline.book_sales.contract import Parsed, RejectedRow, RowError
from ingestion_pipeline.book_sales.gumroad import events_of_ping, kept
from ingestion_pipeline.book_sales.queue import order
from ingestion_pipeline.book_sales.tables import gumroad_ping_tokens, gumroad_pings
from ingestion_pipeline.errors import ContractError, FieldError
from ingestion_pipeline.settings import Settings

_LONGEST = 200


@dataclass(frozen=True)
class RecordedPing:
    """What a recorded Ping says."""

    parsed: Parsed
    received_at: datetime


def issue_token(connection: sa.Connection, tenant_id: int) -> str:
    """Make a path token of a tenant; this is the only time that it is seen."""
    token = secrets.token_urlsafe(32)
    connection.execute(
        sa.insert(gumroad_ping_tokens).values(tenant_id=tenant_id, sha256=_hash(token))
    )
    return token


def revoke_tokens(connection: sa.Connection, tenant_id: int) -> int:
    """Let no path token of a tenant count any more; how many did."""
    c = gumroad_ping_tokens.c
    statement = sa.update(gumroad_ping_tokens).values(revoked_at=sa.func.now())
    mine = statement.where(c.tenant_id == tenant_id, c.revoked_at.is_(None))
    return connection.execute(mine).rowcount


def tenants_of(connection: sa.Connection, tokens: Sequence[str]) -> list[int | None]:
    """Whose tokens they are; None: nobody's."""
    c = gumroad_ping_tokens.c
    hashes = [_hash(token) for token in tokens]
    statement = sa.select(c.sha256, c.tenant_id).where(c.sha256.in_(hashes), c.revoked_at.is_(None))
    found = {row.sha256: row.tenant_id for row in connection.execute(statement)}
    return [found.get(each) for each in hashes]


def record(
    connection: sa.Connection, configuration: Settings, *, tenant_id: int, fields: Mapping[str, str]
) -> int | None:
    """Record a Ping and its import; returns the job's id, or None where it is known already.

    Raises:
        ContractError: it does not say which sale it is about.
    """
    sale_id = fields.get("sale_id", "").strip()
    if not sale_id or len(sale_id) > _LONGEST or "\x00" in sale_id:
        rule = f"is required: 1 to {_LONGEST} characters"
        raise ContractError(f"sale_id: {rule}", [FieldError("sale_id", rule)])
    refunded = fields.get("refunded", "").lower() == "true"
    name = fields.get("resource_name", "").strip() or ("refund" if refunded else "sale")
    if refunded and name == "sale":
        name = "refund"  # it repeats the sale's id, and is news all the same
    content = {key: value.replace("\x00", "") for key, value in kept(fields).items()}
    statement = (
        insert(gumroad_pings)
        .values(
            tenant_id=tenant_id, sale_id=sale_id, resource_name=name[:_LONGEST].replace("\x00", ""),
            fields=content,
        )
        .on_conflict_do_nothing()
        .returning(gumroad_pings.c.ping_id)
    )  # fmt: skip
    ping_id = connection.scalar(statement)
    if ping_id is None:
        return None
    job_id = order(
        connection, configuration, tenant_id=tenant_id, platform="gumroad",
        payload={"ping_id": ping_id},
    )  # fmt: skip
    mine = sa.update(gumroad_pings).where(gumroad_pings.c.ping_id == ping_id)
    connection.execute(mine.values(job_id=job_id))
    return job_id


def events_of_recorded(engine: sa.Engine, ping_id: int) -> RecordedPing:
    """The events of a recorded Ping."""
    c = gumroad_pings.c
    with engine.connect() as connection:
        row = connection.execute(
            sa.select(c.fields, c.resource_name, c.received_at).where(c.ping_id == ping_id)
        ).one()
    parsed = Parsed()
    try:
        parsed.events = events_of_ping({**row.fields, "resource_name": row.resource_name})
    except RowError as error:
        parsed.rejected.append(RejectedRow(1, str(row.fields), (error.reason,)))
    return RecordedPing(parsed, row.received_at)


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode(errors="replace")).digest()
