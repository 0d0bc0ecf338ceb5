"""What must not be found of commerce, as queries: one row an offender, a check each."""

from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from ingestion_pipeline.domains.commerce.contract.entities import (
    CUSTOMERS,
    DOMAIN,
    ENTITIES,
    PRODUCTS,
    Entity,
)
from ingestion_pipeline.domains.commerce.tables import FINAL, WAITING
from ingestion_pipeline.foundation.ledger.tables.uploads import uploads
from ingestion_pipeline.foundation.watch.offenders import must_not_be, must_not_be_of

_LOADED_WITHIN = timedelta(minutes=15)
_RECENT = timedelta(days=7)
_TYPES = ENTITIES.values()
_CHILDREN = [entity for entity in _TYPES if entity.parents]


@must_not_be_of(
    _TYPES, "{0.name}_staging:counts_add_up", "Every line of every loaded upload is accounted for."
)
def counts_add_up(entity: Entity) -> sa.Select[Any]:
    """Loaded uploads of which not every line is accounted for."""
    c = uploads.c
    merged = c.inserted + c.updated + c.unchanged + c.superseded + c.waiting
    shown = (c.upload_id, c.file_name, c.lines, c.blank, c.preamble, c.rejected, c.staged, merged)
    return sa.select(*shown).where(
        c.domain == DOMAIN,
        c.type == entity.name,
        c.status == "loaded",
        sa.or_(c.lines != c.blank + c.preamble + c.rejected + c.staged, c.staged != merged),
    )


@must_not_be_of(
    _CHILDREN,
    "{0.name}_staging:waiting_rows_are_counted",
    "The rows that wait are those that their uploads say are waiting.",
)
def waiting_are_counted(entity: Entity) -> sa.Select[Any]:
    """Uploads of which other rows wait than they say."""
    table = WAITING[entity.name]
    there = (
        sa.select(table.c.upload_id, sa.func.count().label("rows"))
        .group_by(table.c.upload_id)
        .subquery("there")
    )
    c = uploads.c
    return (
        sa.select(c.upload_id, c.waiting, there.c.rows)
        .select_from(uploads.outerjoin(there, there.c.upload_id == c.upload_id))
        .where(
            c.domain == DOMAIN,
            c.type == entity.name,
            c.status == "loaded",
            c.waiting != sa.func.coalesce(there.c.rows, 0),
        )
    )


@must_not_be_of(
    _TYPES,
    "{0.name}_staging:fresh",
    "No recorded upload has been unfinished for 15 minutes.",
    warning=True,
)
def overdue(entity: Entity) -> sa.Select[Any]:
    """Recorded uploads that have been unfinished for 15 minutes."""
    c = uploads.c
    return sa.select(c.upload_id, c.file_name, c.status, c.recorded_at).where(
        c.domain == DOMAIN,
        c.type == entity.name,
        c.status.in_(("recorded", "staged")),
        c.recorded_at < sa.func.now() - _LOADED_WITHIN,
    )


@must_not_be(
    "uploads:usable", "No file of the last seven days was unusable as a whole.", warning=True
)
def unusable() -> sa.Select[Any]:
    """Files of the last seven days that were unusable as a whole."""
    c = uploads.c
    return sa.select(c.upload_id, c.tenant_id, c.file_name, c.error, c.recorded_at).where(
        c.domain == DOMAIN, c.status == "failed", c.recorded_at > sa.func.now() - _RECENT
    )


def orphans(entity: Entity, *, grace: timedelta) -> sa.Select[Any]:
    """Rows that have waited longer than `grace`, by the parent that they miss."""
    table = WAITING[entity.name]
    missing = []
    for field, parent in entity.parents.items():
        target, theirs = FINAL[parent], ENTITIES[parent].key
        exists = sa.exists().where(
            target.c.tenant_id == table.c.tenant_id, target.c[theirs] == table.c[field]
        )
        missing.append(
            sa.select(
                table.c.tenant_id,
                sa.literal(parent).label("missing"),
                table.c[field].label("id"),
                sa.func.count().label("rows_waiting"),
                sa.func.min(table.c.waiting_since).label("since"),
            )
            .where(~exists, table.c.waiting_since < sa.func.now() - grace)
            .group_by(table.c.tenant_id, table.c[field])
        )
    everything = sa.union_all(*missing).subquery("orphans")
    return sa.select(everything).order_by(everything.c.rows_waiting.desc())


@must_not_be_of(
    _CHILDREN, "{0.name}:referential_integrity", "Everything that a row refers to exists."
)
def without_parent(entity: Entity) -> sa.Select[Any]:
    """Rows whose parent does not exist."""
    child = FINAL[entity.name]
    broken = [
        ~sa.exists().where(
            FINAL[parent].c.tenant_id == child.c.tenant_id,
            FINAL[parent].c[ENTITIES[parent].key] == child.c[field],
        )
        for field, parent in entity.parents.items()
    ]
    return sa.select(child.c.tenant_id, child.c[entity.key]).where(sa.or_(*broken))


@must_not_be_of(
    (CUSTOMERS, PRODUCTS),
    "{0.name}:unique_{0.watched}",
    "No two {0.name} of a tenant share their {0.watched} (allowed, but worth a look).",
    warning=True,
)
def duplicates(entity: Entity) -> sa.Select[Any]:
    """Rows of a tenant that share what hardly any two share."""
    table = FINAL[entity.name]
    assert entity.watched is not None, "asked for watched entities only"  # noqa: S101
    watched = table.c[entity.watched]
    return (
        sa.select(table.c.tenant_id, watched, sa.func.count().label("rows"))
        .where(watched != "")  # which guests and walk-ins share: nobody told it
        .group_by(table.c.tenant_id, watched)
        .having(sa.func.count() > 1)
    )


def totals_that_are_not_told() -> sa.Select[Any]:
    """Orders whose source does not tell their total."""
    o = FINAL["orders"].c
    return sa.select(o.tenant_id, o.order_id).where(o.total_amount.is_(None))


@must_not_be(
    "order_items:order_totals",
    "The total of every one of the orders is the sum of its lines, with shipping, taxes and tips "
    "and without discounts and refunds where the order tells them. Totals that nobody tells are "
    "left out, and counted.",
    warning=True,
    left_out={"totals_not_told": totals_that_are_not_told},
)
def totals_that_differ() -> sa.Select[Any]:
    """Orders whose total is not the sum of their lines and charges.

    Whether taxes are within the prices or on top, one order may tell and another not: then either
    will do.
    """
    orders, items = FINAL["orders"], FINAL["order_items"]
    o = orders.c
    total = sa.func.sum(items.c.line_total)
    sums = (
        sa.select(items.c.tenant_id, items.c.order_id, total.label("lines_total"))
        .group_by(items.c.tenant_id, items.c.order_id)
        .subquery("sums")
    )
    net = (
        sums.c.lines_total + _told(o.shipping_amount) + _told(o.tip_amount)
        - _told(o.discount_amount) - _told(o.refunded_amount)
    )  # fmt: skip
    gross = net + _told(o.tax_amount)
    return sa.select(
        o.tenant_id, o.order_id, o.total_amount, sums.c.lines_total, o.shipping_amount,
        o.tax_amount, o.tax_included, o.discount_amount, o.tip_amount, o.refunded_amount,
    ).where(
        o.tenant_id == sums.c.tenant_id,
        o.order_id == sums.c.order_id,
        sa.or_(o.total_amount != net, o.tax_included.is_(False)),
        sa.or_(o.total_amount != gross, o.tax_included.is_(True)),
    )  # fmt: skip


def _told(amount: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    return sa.func.coalesce(amount, 0)
