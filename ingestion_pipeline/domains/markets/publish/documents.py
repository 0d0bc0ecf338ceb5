"""The documents of a market that readers get: its fundamentals, its comparables."""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy.engine import RowMapping

from ingestion_pipeline.domains.markets.contract.events import (
    COMPS_NUMBERS,
    COMPS_TEXTS,
    FUNDAMENTALS_NUMBERS,
)
from ingestion_pipeline.domains.markets.contract.places import Document, MarketKey
from ingestion_pipeline.domains.markets.tables import comps, fundamentals

_MOST_COMPARABLES = 1000  # that a document holds, newest sales first


def fundamentals_document(connection: sa.Connection, market: MarketKey) -> Document | None:
    """The newest fundamentals of a market; None: it has none."""
    query = (
        sa.select(fundamentals)
        .where(
            fundamentals.c.tenant_id == market.tenant_id,
            fundamentals.c.market_slug == market.market_slug,
        )
        .order_by(fundamentals.c.as_of_date.desc())
        .limit(1)
    )
    row = connection.execute(query).mappings().one_or_none()
    if row is None:
        return None
    return {
        "market_slug": market.market_slug,
        "as_of": row["as_of_date"].isoformat(),
        "data": {"city": row["city"], **_plain(row, FUNDAMENTALS_NUMBERS)},
        **_origin(row),
    }


def comps_document(connection: sa.Connection, market: MarketKey) -> Document | None:
    """The comparables of a market, newest sales first; None: it has none."""
    of_market = sa.and_(
        comps.c.tenant_id == market.tenant_id, comps.c.market_slug == market.market_slug
    )
    number = sa.func.count().over().label("number")
    last = sa.func.max(comps.c.updated_at).over().label("last_updated_at")
    query = (
        sa.select(comps, number, last)
        .where(of_market)
        .order_by(comps.c.sale_date.desc(), comps.c.comp_key)
        .limit(_MOST_COMPARABLES)
    )
    rows = connection.execute(query).mappings().all()
    if not rows:
        return None
    return {
        "market_slug": market.market_slug,
        "as_of": rows[0]["sale_date"].isoformat(),
        "count": rows[0]["number"],
        "comparables": [
            {
                "id": row["comp_id"],
                "sale_date": row["sale_date"].isoformat(),
                **{name: row[name] for name in COMPS_TEXTS},
                **_plain(row, COMPS_NUMBERS),
                "version": row["version"],
            }
            for row in rows
        ],
        "updated_at": rows[0]["last_updated_at"].isoformat(),
    }


def markets_with_documents(
    connection: sa.Connection, tenant_id: int | None = None
) -> list[tuple[str, MarketKey]]:
    """Every market that has fundamentals (`fundamentals`) or comparables (`comps`).

    Args:
        connection: to read with.
        tenant_id: only of this tenant.
    """
    found: list[tuple[str, MarketKey]] = []
    for kind, table in (("fundamentals", fundamentals), ("comps", comps)):
        query = sa.select(table.c.tenant_id, table.c.market_slug).distinct()
        if tenant_id is not None:
            query = query.where(table.c.tenant_id == tenant_id)
        ordered = query.order_by(table.c.tenant_id, table.c.market_slug)
        found.extend((kind, MarketKey(*row)) for row in connection.execute(ordered))
    return found


def plain(value: Decimal | None) -> int | float | None:
    """A number as JSON has it."""
    if value is None:
        return None
    return int(value) if value == value.to_integral_value() else float(value)


def _plain(row: RowMapping, names: Iterable[str]) -> Document:
    return {name: plain(row[name]) for name in names}


def _origin(row: RowMapping) -> Document:
    updated: datetime = row["updated_at"]
    return {
        "source": row["source"],
        "version": row["version"],
        "ingestion_id": row["ingestion_id"],
        "updated_at": updated.isoformat(),
    }
