"""Where all that Gumroad told is kept: `gumroad_pings`, and the API's records in `gumroad_sales`.

Of the API's records of a sale there is one, into which later ones are merged; of Pings every one
that was news.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY

from ingestion_pipeline.domains.book_sales.contract.events import RowError
from ingestion_pipeline.domains.book_sales.sources.gumroad.books import refund_id
from ingestion_pipeline.domains.book_sales.sources.gumroad.sales import (
    Telling,
    kept,
    merged,
    read_ping,
    read_sale,
)
from ingestion_pipeline.domains.book_sales.tables import gumroad_pings, gumroad_sales, sales_events
from ingestion_pipeline.foundation.ledger.tables.uploads import rejected_rows, uploads

_AROUND = timedelta(days=1)  # where halves of gifts can be one another's competitors
FROM_API = "gumroad API"  # `source_file` of what the API told
# Versions before took amounts for units of the product's currency; these have no hundredths.
_WITHOUT_CENTS = frozenset({"JPY", "KRW"})
_WRITE = sa.text("""
    INSERT INTO gumroad_sales AS known (tenant_id, sale_id, fields, told_at, complete, gift_at)
    VALUES (:tenant_id, :sale_id, CAST(:fields AS jsonb), :told_at, :complete, :gift_at)
    ON CONFLICT (tenant_id, sale_id) DO UPDATE SET fields = excluded.fields,
        told_at = excluded.told_at, complete = excluded.complete, gift_at = excluded.gift_at
""")


def keep_records(
    connection: sa.Connection,
    *,
    tenant_id: int,
    sales: Sequence[Mapping[str, Any]],
    told_at: datetime,
    complete: bool = True,
) -> None:
    """Keep what the API said of some sales, all of which can be read; under the tenant's lock."""
    said = {str(sale["id"]).strip(): kept(sale) for sale in sales}
    c = gumroad_sales.c
    known = connection.execute(
        sa.select(c.sale_id, c.fields, c.told_at, c.complete).where(
            c.tenant_id == tenant_id, c.sale_id == _any(list(said))
        )
    ).all()
    for row in known:
        older, newer = row.fields, said[row.sale_id]
        if row.told_at > told_at:
            older, newer = newer, older
        elif complete and not row.complete:  # what was made up for what was lost goes
            older = {name: value for name, value in older.items() if name != "affiliate"}
        said[row.sale_id] = merged(older, newer)
    times = {row.sale_id: max(row.told_at, told_at) for row in known}
    whole = {row.sale_id for row in known if row.complete}
    rows = []
    for sale_id, fields in said.items():
        telling = read_sale(fields, told_at=told_at)
        rows.append(
            {
                "tenant_id": tenant_id, "sale_id": sale_id, "told_at": times.get(sale_id, told_at),
                "complete": complete or sale_id in whole,
                "gift_at": telling.sold_at if telling.gift else None,
                "fields": msgspec.json.encode(fields).decode(),
            }
        )  # fmt: skip
    if rows:
        connection.execute(_WRITE, rows)


def tellings(
    connection: sa.Connection, *, tenant_id: int, sale_ids: Iterable[str]
) -> dict[str, list[Telling]]:
    """All that is known of some sales; what can't be read was rejected when it came, and is
    left out.
    """
    found: dict[str, list[Telling]] = defaultdict(list)
    ids = _any(list(sale_ids))
    c, p = gumroad_sales.c, gumroad_pings.c
    records = sa.select(c.sale_id, c.fields, c.told_at, c.complete).where(
        c.tenant_id == tenant_id, c.sale_id == ids
    )
    for row in connection.execute(records):
        found[row.sale_id].append(read_sale(row.fields, told_at=row.told_at, complete=row.complete))
    pings = sa.select(p.sale_id, p.fields, p.resource_name, p.received_at).where(
        p.tenant_id == tenant_id, p.sale_id == ids
    )
    for row in connection.execute(pings.order_by(p.ping_id)):
        fields = {**row.fields, "resource_name": row.resource_name}
        try:
            found[row.sale_id].append(read_ping(fields, told_at=row.received_at))
        except RowError:
            continue
    return found


def ids_of_gifts(
    connection: sa.Connection, *, tenant_id: int, first: datetime, last: datetime
) -> set[str]:
    """Purchases that are half of a gift, bought around some time."""
    found: set[str] = set()
    for table in (gumroad_sales, gumroad_pings):
        c = table.c
        within = c.gift_at.between(first - _AROUND, last + _AROUND)
        found.update(
            connection.scalars(sa.select(c.sale_id).where(c.tenant_id == tenant_id, within))
        )
    return found


def adopt(connection: sa.Connection, *, tenant_id: int, sale_ids: Sequence[str]) -> None:
    """Keep, of sales that a version before this table was told of by the API, what it stored.

    It stored less: of the affiliate's share there is only what is missing from the amount.
    """
    c, e = gumroad_sales.c, sales_events.c
    mine = sa.select(c.sale_id).where(c.tenant_id == tenant_id, c.sale_id == _any(list(sale_ids)))
    unknown = set(sale_ids) - set(connection.scalars(mine))
    ids = [*unknown, *(refund_id(sale_id) for sale_id in unknown)]
    rows = connection.execute(
        sa.select(e.external_id, e.raw, e.amount, e.currency, e.received_at)
        .where(
            e.tenant_id == tenant_id, e.platform == "gumroad", e.source_file == FROM_API,
            e.external_id == _any(ids),
        )
        .order_by(e.received_at, e.external_id)
    ).all()  # fmt: skip
    stored: dict[str, dict[str, Any]] = {}
    told_at: dict[str, datetime] = {}
    for row in rows:
        sale_id = str(row.raw["id"])
        said = merged(stored.get(sale_id, {}), row.raw)
        if row.external_id == sale_id and (share := _share(row.raw, row.amount, row.currency)):
            said["affiliate"] = share
        stored[sale_id], told_at[sale_id] = said, row.received_at
    for sale_id, said in stored.items():
        try:
            keep_records(
                connection, tenant_id=tenant_id, sales=[said], told_at=told_at[sale_id],
                complete=False,
            )  # fmt: skip
        except RowError:
            continue  # what reads so no longer stays as it is stored


def adopt_rejected(connection: sa.Connection, *, tenant_id: int) -> None:
    """Keep what a version before rejected of the API's records, and can be read now: sales in a
    currency that it had no symbol of. Whether there was an affiliate is not known of them.
    """
    r, u = rejected_rows.c, uploads.c
    rows = connection.execute(
        sa.select(r.raw, r.rejected_at)
        .join_from(rejected_rows, uploads)
        .where(r.tenant_id == tenant_id, u.type == "gumroad", u.source == "api")
        .order_by(r.rejected_at)
    )
    for row in rows.all():
        try:
            said = msgspec.json.decode(row.raw, type=dict[str, Any])
            sale_id = read_sale(said, told_at=row.rejected_at).sale_id
        except (msgspec.DecodeError, RowError):
            continue
        c = gumroad_sales.c
        known = sa.select(c.sale_id).where(c.tenant_id == tenant_id, c.sale_id == sale_id)
        if connection.scalar(known) is None:
            said["affiliate"] = {"amount": "$0", "cents_lost": True}
            keep_records(
                connection, tenant_id=tenant_id, sales=[said], told_at=row.rejected_at,
                complete=False,
            )  # fmt: skip


def _share(raw: Mapping[str, Any], amount: Decimal | None, currency: str) -> dict[str, Any] | None:
    """An affiliate's share as the API tells it, from an amount that it is missing from."""
    if amount is None:
        return None
    lost = currency in _WITHOUT_CENTS  # `$1.30` was taken for 1
    units = amount if lost else amount * 100
    share = int(raw["price"]) - int(raw.get("gumroad_fee") or 0) - int(units)
    if share <= 0:
        return None
    return (
        {"amount": f"${share}", "cents_lost": True}
        if lost
        else {"amount": f"${share // 100}.{share % 100:02}"}
    )


def _any(ids: list[str]) -> sa.ColumnElement[Any]:
    return sa.func.any(sa.cast(ids, ARRAY(sa.Text)))
