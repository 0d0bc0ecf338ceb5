"""Putting right what is stored: the books of all sales at Gumroad, worked out anew.

From all that is kept: the Pings, the API's records, and, of sales that versions before these were
kept were told of, the `raw` of their rows, rejected ones included. Every step is one transaction of
some sales, so it can be killed anywhere and run again; a second run changes nothing.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from ingestion_pipeline.domains.book_sales.land.gumroad import adopt, adopt_rejected
from ingestion_pipeline.domains.book_sales.land.turns import lock
from ingestion_pipeline.domains.book_sales.merge.gumroad import PLATFORM, Booked, book
from ingestion_pipeline.domains.book_sales.publish.daily import publish_days
from ingestion_pipeline.domains.book_sales.tables import sales_events

_Begin = Callable[[], AbstractContextManager[sa.Connection]]
_Step = Callable[[sa.Connection, Sequence[str]], None]
_AT_ONCE = 500  # sales
_NEXT = sa.text("""
    SELECT sale_id FROM (
        (SELECT sale_id FROM gumroad_sales
         WHERE tenant_id = :tenant AND sale_id > :behind ORDER BY sale_id LIMIT :number)
        UNION
        (SELECT DISTINCT sale_id FROM gumroad_pings
         WHERE tenant_id = :tenant AND sale_id > :behind ORDER BY sale_id LIMIT :number)
        UNION
        (SELECT external_id FROM sales_events
         WHERE tenant_id = :tenant AND platform = 'gumroad' AND external_id > :behind
           AND event_type <> 'refund' ORDER BY external_id LIMIT :number)
    ) AS known (sale_id) ORDER BY sale_id LIMIT :number
""")


@dataclass(frozen=True)
class Money:
    """What a rebuild changes of one currency.

    Attributes:
        before: all of a currency's amounts, as they were.
        rows: how many are new, changed or gone.
    """

    currency: str
    before: Decimal
    after: Decimal
    rows: int

    def as_dict(self) -> dict[str, Any]:
        """The currency's entry in `book-sales rebuild --json`."""
        return {
            "currency": self.currency,
            "before": str(self.before),
            "after": str(self.after),
            "difference": str(self.after - self.before),
            "rows": self.rows,
        }


def rebuild(engine: sa.Engine, *, tenant_ids: Sequence[int], dry_run: bool) -> list[Money]:
    """Rebuild the books of some tenants, and the days; what changes, a currency a row.

    A dry run does it all in one transaction a tenant, and undoes it; meanwhile that tenant's
    imports of Gumroad wait.
    """
    before, booked = _sums(engine, tenant_ids), Booked()
    for tenant_id in tenant_ids:
        if dry_run:
            _rebuild_and_undo(engine, tenant_id, booked)
        else:
            _rebuild(engine.begin, tenant_id, booked)
    if not dry_run:
        publish_days(engine, PLATFORM)
    changes = booked.by_currency
    return [
        Money(
            currency=name, before=before.get(name, Decimal(0)), rows=changes[name].rows,
            after=before.get(name, Decimal(0)) + changes[name].after - changes[name].before,
        )
        for name in sorted(before.keys() | changes.keys())
    ]  # fmt: skip


def _rebuild_and_undo(engine: sa.Engine, tenant_id: int, booked: Booked) -> None:
    with engine.connect() as connection:
        _rebuild(lambda: nullcontext(connection), tenant_id, booked)
        connection.rollback()


def _rebuild(begin: _Begin, tenant_id: int, booked: Booked) -> None:
    def keep(connection: sa.Connection, sale_ids: Sequence[str]) -> None:
        adopt(connection, tenant_id=tenant_id, sale_ids=sale_ids)

    def work_out(connection: sa.Connection, sale_ids: Sequence[str]) -> None:
        book(connection, sale_ids, tenant_id=tenant_id, job_id=None, into=booked)

    # What was stored is kept first, all of it: the other half of a gift may be anywhere.
    _each_part(begin, tenant_id, keep)
    with begin() as connection:
        lock(connection, tenant_id, PLATFORM)
        adopt_rejected(connection, tenant_id=tenant_id)
    _each_part(begin, tenant_id, work_out)


def _each_part(begin: _Begin, tenant_id: int, step: _Step) -> None:
    """Do something with all of a tenant's sales, some in a transaction."""
    behind: str | None = ""
    while behind is not None:
        with begin() as connection:
            lock(connection, tenant_id, PLATFORM)
            known = {"tenant": tenant_id, "behind": behind, "number": _AT_ONCE}
            sale_ids = list(connection.scalars(_NEXT, known))
            step(connection, sale_ids)
        behind = sale_ids[-1] if sale_ids else None


def _sums(engine: sa.Engine, tenant_ids: Sequence[int]) -> dict[str, Decimal]:
    c = sales_events.c
    currency = sa.func.coalesce(c.currency, "")
    statement = (
        sa.select(currency, sa.func.coalesce(sa.func.sum(c.amount), 0))
        .where(c.platform == PLATFORM, c.tenant_id.in_(tenant_ids))
        .group_by(currency)
    )
    with engine.connect() as connection:
        return {row[0]: row[1] for row in connection.execute(statement)}
