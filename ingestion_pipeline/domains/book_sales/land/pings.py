"""Gumroad's Pings: unsigned, so a secret in the path says whose they are.

Every Ping that is news is recorded, and then imported like everything else. Only the fields that
are kept of a sale are stored; the rest names the buyer. Which Pings there are:
`antiwork/gumroad`, app/models/resource_subscription.rb; they are sent again, with a `retry_count`
that is not kept, on 499, 500, 502, 503 and 504 (app/sidekiq/post_to_individual_ping_endpoint_…rb).
"""

import hashlib
import secrets
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from ingestion_pipeline.domains.book_sales.contract.events import RejectedRow, RowError
from ingestion_pipeline.domains.book_sales.land.queue import land_import
from ingestion_pipeline.domains.book_sales.sources.gumroad.sales import Told, kept, read_ping
from ingestion_pipeline.domains.book_sales.tables import gumroad_ping_tokens, gumroad_pings
from ingestion_pipeline.foundation.errors import ContractError, FieldError
from ingestion_pipeline.foundation.settings import Settings

_LONGEST = 200
_SET_LATER = {
    "refunded", "disputed", "dispute_won", "is_gift_receiver_purchase", "gift_price",
    "resource_name",
}  # fmt: skip
_OF_SUBSCRIPTIONS = ("cancel", "subscription_")


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


def land_ping(
    connection: sa.Connection, configuration: Settings, *, tenant_id: int, fields: Mapping[str, Any]
) -> int | None:
    """Record a Ping and its import; returns the job's id, or None where it is no news.

    It is none where it says what the last Ping of its sale said, and where it is about a
    subscription as a whole: that changes no money.

    Raises:
        ContractError: it does not say which sale it is about.
    """
    fields = _of_gumroad(fields)
    name = (_said(fields, "resource_name") or "sale")[:_LONGEST].replace("\x00", "")
    if name.startswith(_OF_SUBSCRIPTIONS):
        return None
    sale_id = _said(fields, "sale_id")
    if not sale_id or len(sale_id) > _LONGEST or "\x00" in sale_id:
        rule = f"is required: 1 to {_LONGEST} characters"
        raise ContractError(f"sale_id: {rule}", [FieldError("sale_id", rule)])
    c = gumroad_pings.c
    content = {**kept(fields), "resource_name": name}
    last = connection.execute(
        sa.select(c.fields, c.resource_name)
        .where(c.tenant_id == tenant_id, c.sale_id == sale_id)
        .order_by(c.ping_id.desc())
        .limit(1)
    ).one_or_none()
    if last is not None and {**last.fields, "resource_name": last.resource_name} == content:
        return None
    ping_id = connection.execute(
        sa.insert(gumroad_pings)
        .values(
            tenant_id=tenant_id, sale_id=sale_id, resource_name=name, fields=content,
            gift_at=_gift_at(content),
        )
        .returning(c.ping_id)
    ).scalar_one()  # fmt: skip
    job_id = land_import(
        connection, configuration, tenant_id=tenant_id, platform="gumroad",
        payload={"ping_id": ping_id},
    )  # fmt: skip
    connection.execute(sa.update(gumroad_pings).where(c.ping_id == ping_id).values(job_id=job_id))
    return job_id


def told_by(engine: sa.Engine, ping_id: int) -> tuple[Told, datetime]:
    """Which sale a recorded Ping tells of, and when it came in; rejected where it can't be read."""
    c = gumroad_pings.c
    with engine.connect() as connection:
        row = connection.execute(
            sa.select(c.sale_id, c.fields, c.resource_name, c.received_at).where(
                c.ping_id == ping_id
            )
        ).one()
    told = Told(sale_ids=[row.sale_id])
    try:
        read_ping({**row.fields, "resource_name": row.resource_name}, told_at=row.received_at)
    except RowError as error:
        told.rejected.append(RejectedRow(1, str(row.fields), (error.reason,)))
    return told, row.received_at


def _of_gumroad(fields: Mapping[str, Any]) -> dict[str, Any]:
    """A Ping without what a buyer typed: the answer to a seller's own question, named `price` for
    instance, takes the place of the field of that name, unless that one is set later
    (purchase/ping_notification.rb:48).
    """
    asked = fields.get("custom_fields")
    named = set(asked) if isinstance(asked, Mapping) else set()
    named |= {name[14:-1] for name in fields if name.startswith("custom_fields[")}
    return {name: said for name, said in fields.items() if name not in named - _SET_LATER}


def _said(fields: Mapping[str, Any], name: str) -> str:
    value = fields.get(name)
    return value.strip() if isinstance(value, str) else ""


def _gift_at(content: Mapping[str, Any]) -> datetime | None:
    """When a gift was bought whose receiver's purchase it is; None: no gift, or unreadable."""
    try:
        telling = read_ping(content, told_at=datetime.now(UTC))
    except RowError:
        return None  # it is rejected when it is imported
    return telling.sold_at if telling.gift else None


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode(errors="replace")).digest()
