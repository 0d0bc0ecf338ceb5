"""Gumroad's API, asked as far back as sales can change; each page is kept as it comes."""

import hashlib
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from ingestion_pipeline.domains.book_sales.contract.events import (
    REFUND,
    SALE,
    Parsed,
    RejectedRow,
    RowError,
)
from ingestion_pipeline.domains.book_sales.land.gumroad import keep_records
from ingestion_pipeline.domains.book_sales.land.turns import lock
from ingestion_pipeline.domains.book_sales.sources.gumroad.api import (
    NAME,
    Ask,
    check,
    day_of,
    pages,
)
from ingestion_pipeline.domains.book_sales.sources.gumroad.sales import Told, kept, read_sale
from ingestion_pipeline.domains.book_sales.tables import gumroad_pings, gumroad_syncs, sales_events

# Refunds change sales of the past, which `after` would leave out: most come within weeks, the last
# of PayPal within six months (purchase.rb:1518), those of cards and disputes up to a year.
LOOK_BACK = timedelta(days=60)


LOOK_FAR_BACK = timedelta(days=365)


_FAR_EVERY = timedelta(days=7)


_FEW = 100  # sales, ten pages: to look at them costs seconds


def fetch(
    engine: sa.Engine, ask: Ask, *, tenant_id: int, payload: dict[str, Any]
) -> tuple[Parsed, Callable[[sa.Connection], None]]:
    """The sales of an account since the last sync, or between the dates of the payload.

    Each page is kept as it comes (`gumroad_sales`): a sync that is killed or fails half-way has
    lost nothing, and holds no more than a page. Their events are worked out by `gumroad_load`.

    Raises:
        ContractError: the payload can't be used, or what came is no page of sales.
        UpstreamRefusedError: HTTP 400, 401, 404, or 200 with `success: false`.
        UpstreamUnavailableError, CircuitOpenError: it may work later.
    """
    check(payload)
    token = payload["access_token"]
    account = hashlib.sha256(token.encode()).hexdigest()[:16]
    after, before = day_of(payload, "after"), day_of(payload, "before")
    far_back = False
    if after is None:
        after, far_back = _since(engine, tenant_id, account)
    began = datetime.now(UTC)
    told, number = Told(), 0
    with ask(engine, token) as upstream:
        for asked_at, page in pages(upstream, after=after, before=before):
            _keep(engine, tenant_id, told, page, asked_at=asked_at, number=number)
            number += len(page)

    def note(connection: sa.Connection) -> None:
        if before is None:
            _note(connection, tenant_id, account, began, far_back=far_back)

    return told, note


def _keep(
    engine: sa.Engine, tenant_id: int, told: Told, page: list[Any], *, asked_at: datetime,
    number: int,
) -> None:  # fmt: skip
    """Keep the sales of a page that can be read; the others are rejected."""
    readable = []
    for at, sale in enumerate(page, start=number + 1):
        if not isinstance(sale, Mapping):
            told.rejected.append(RejectedRow(at, "", (RowError("sale", "is no object").reason,)))
            continue
        try:
            told.sale_ids.append(read_sale(sale, told_at=asked_at).sale_id)
            readable.append(sale)
        except RowError as error:
            raw = msgspec.json.encode(kept(sale)).decode()
            told.rejected.append(RejectedRow(at, raw, (error.reason,)))
    with engine.begin() as connection:
        lock(connection, tenant_id, NAME)
        keep_records(connection, tenant_id=tenant_id, sales=readable, told_at=asked_at)


def _since(engine: sa.Engine, tenant_id: int, account: str) -> tuple[date | None, bool]:
    """The day from which to ask, None for all; and whether that is as far back as sales can change.

    That far every time where it costs a few pages only, and else once a week; the day is that of
    the oldest sale that has earned something, is not refunded in full, and is not a year old. In
    between it goes back as far as Pings since the last sync told what they could not say the
    amount of.
    """
    c, e = gumroad_syncs.c, sales_events.c
    now = datetime.now(UTC)
    mine = sa.and_(
        e.tenant_id == tenant_id, e.platform == NAME, e.occurred_at >= now - LOOK_FAR_BACK
    )
    with engine.connect() as connection:
        known = connection.execute(
            sa.select(c.synced_until, c.synced_at, c.looked_back_at).where(
                c.tenant_id == tenant_id, c.account == account
            )
        ).one_or_none()
        if known is None:
            return None, False
        recent: date = known.synced_until - LOOK_BACK
        oldest: datetime | None = connection.scalar(
            sa.select(sa.func.min(e.occurred_at)).where(mine, _can_change())
        )
        far_back = known.looked_back_at is None or known.looked_back_at <= now - _FAR_EVERY
        if not far_back and oldest is not None:
            between = sa.select(sa.func.count()).where(
                mine, e.event_type != REFUND, e.occurred_at >= oldest, e.occurred_at < recent
            )
            far_back = connection.execute(between).scalar_one() <= _FEW
        if not far_back:
            p = gumroad_pings.c
            news = sa.exists().where(
                p.tenant_id == e.tenant_id,
                p.sale_id == sa.func.regexp_replace(e.external_id, ":refund$", ""),
                p.received_at > known.synced_at,
            )
            unclear = sa.and_(mine, e.provisional, news)
            oldest = connection.scalar(sa.select(sa.func.min(e.occurred_at)).where(unclear))
    return (min(recent, oldest.date()) if oldest is not None else recent), far_back


def _can_change() -> sa.ColumnElement[bool]:
    """A sale of which not all is refunded; a dispute that is lost may yet be won."""
    e, r = sales_events.c, sales_events.alias("refund").c
    refunded = sa.exists().where(
        r.tenant_id == e.tenant_id,
        r.platform == NAME,
        r.external_id == e.external_id + ":refund",
        r.quantity < 0,
        sa.func.lower(r.raw["refunded"].astext) == "true",
    )
    return sa.and_(e.event_type == SALE, ~refunded)


def _note(
    connection: sa.Connection, tenant_id: int, account: str, began: datetime, *, far_back: bool
) -> None:
    c = gumroad_syncs.c
    looked = {"looked_back_at": began} if far_back else {}
    statement = insert(gumroad_syncs).values(
        tenant_id=tenant_id, account=account, synced_until=began.date(), synced_at=began, **looked
    )
    until = sa.func.greatest(c.synced_until, statement.excluded.synced_until)
    changed = {"synced_until": until, "synced_at": began, **looked}
    connection.execute(
        statement.on_conflict_do_update(index_elements=["tenant_id", "account"], set_=changed)
    )
