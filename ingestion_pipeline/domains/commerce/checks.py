"""What must hold of the commerce tables, as asset checks."""

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import dagster as dg
import sqlalchemy as sa

from ingestion_pipeline.domains.commerce.assets import UPLOADS, key
from ingestion_pipeline.domains.commerce.contract.currencies import CURRENCIES
from ingestion_pipeline.domains.commerce.contract.entities import (
    CUSTOMERS,
    ENTITIES,
    MONEY_DECIMALS,
    MONEY_LIMIT,
    ORDERS,
    PRODUCTS,
    Entity,
    Field,
)
from ingestion_pipeline.domains.commerce.merge.uploads import DOMAIN
from ingestion_pipeline.domains.commerce.tables import FINAL, WAITING
from ingestion_pipeline.foundation.ledger.tables import uploads
from ingestion_pipeline.foundation.settings import settings
from ingestion_pipeline.orchestration.checks import offenders_check, schema_check

if TYPE_CHECKING:
    import pandera.pandas as pa

_LOADED_WITHIN = timedelta(minutes=15)
_RECENT = timedelta(days=7)


def pandera_schema(entity: Entity) -> "pa.DataFrameSchema":
    """The rule book of an entity as a pandera schema of its final table."""
    import pandera.pandas as pa

    columns = {rule.name: _column(rule) for rule in entity.fields}
    return pa.DataFrameSchema(columns, unique=["tenant_id", entity.key], strict=False)


def _column(rule: Field) -> Any:
    import pandera.pandas as pa

    checks: list[pa.Check] = []
    match rule.kind:
        case "text":
            checks = [pa.Check.str_length(max_value=rule.maximum_length)]
        case "currency":
            checks = [pa.Check.isin(sorted(CURRENCIES))]
        case "money":
            checks = [
                pa.Check(
                    lambda amount: -amount.as_tuple().exponent <= MONEY_DECIMALS,
                    element_wise=True,
                    name=f"at_most_{MONEY_DECIMALS}_decimals",
                ),
                pa.Check.in_range(-MONEY_LIMIT, MONEY_LIMIT, include_min=False, include_max=False),
            ]
        case "object":
            checks = [
                pa.Check(lambda value: isinstance(value, dict), element_wise=True, name="object")
            ]
        case _:
            checks = []
    if rule.minimum is not None:
        checks.append(pa.Check.ge(rule.minimum))
    return pa.Column(None, checks=checks, nullable=rule.nullable)


def _counts_add_up(entity: Entity) -> sa.Select[Any]:
    c = uploads.c
    merged = c.inserted + c.updated + c.unchanged + c.superseded + c.waiting
    shown = (c.upload_id, c.file_name, c.lines, c.blank, c.preamble, c.rejected, c.staged, merged)
    return sa.select(*shown).where(
        c.domain == DOMAIN,
        c.type == entity.name,
        c.status == "loaded",
        sa.or_(c.lines != c.blank + c.preamble + c.rejected + c.staged, c.staged != merged),
    )


def _waiting_are_counted(entity: Entity) -> sa.Select[Any]:
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


def _overdue(entity: Entity) -> sa.Select[Any]:
    c = uploads.c
    return sa.select(c.upload_id, c.file_name, c.status, c.recorded_at).where(
        c.domain == DOMAIN,
        c.type == entity.name,
        c.status.in_(("recorded", "staged")),
        c.recorded_at < sa.func.now() - _LOADED_WITHIN,
    )


def _unusable() -> sa.Select[Any]:
    c = uploads.c
    return sa.select(c.upload_id, c.tenant_id, c.file_name, c.error, c.recorded_at).where(
        c.domain == DOMAIN, c.status == "failed", c.recorded_at > sa.func.now() - _RECENT
    )


def _orphans(entity: Entity) -> sa.Select[Any]:
    """Rows that have waited too long, by the parent that they miss."""
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
            .where(~exists, table.c.waiting_since < sa.func.now() - settings().orphan_grace)
            .group_by(table.c.tenant_id, table.c[field])
        )
    everything = sa.union_all(*missing).subquery("orphans")
    return sa.select(everything).order_by(everything.c.rows_waiting.desc())


def _without_parent(entity: Entity) -> sa.Select[Any]:
    child = FINAL[entity.name]
    broken = [
        ~sa.exists().where(
            FINAL[parent].c.tenant_id == child.c.tenant_id,
            FINAL[parent].c[ENTITIES[parent].key] == child.c[field],
        )
        for field, parent in entity.parents.items()
    ]
    return sa.select(child.c.tenant_id, child.c[entity.key]).where(sa.or_(*broken))


def _duplicates(entity: Entity) -> sa.Select[Any]:
    table = FINAL[entity.name]
    assert entity.watched is not None, "asked for watched entities only"  # noqa: S101
    watched = table.c[entity.watched]
    return (
        sa.select(table.c.tenant_id, watched, sa.func.count().label("rows"))
        .group_by(table.c.tenant_id, watched)
        .having(sa.func.count() > 1)
    )


def _totals_that_differ() -> sa.Select[Any]:
    orders, items = FINAL["orders"], FINAL["order_items"]
    total = sa.func.sum(items.c.line_total)
    sums = (
        sa.select(items.c.tenant_id, items.c.order_id, total.label("lines_total"))
        .group_by(items.c.tenant_id, items.c.order_id)
        .subquery("sums")
    )
    return sa.select(
        orders.c.tenant_id, orders.c.order_id, orders.c.total_amount, sums.c.lines_total
    ).where(
        orders.c.tenant_id == sums.c.tenant_id,
        orders.c.order_id == sums.c.order_id,
        orders.c.total_amount != sums.c.lines_total,
    )


def _checks_of(entity: Entity) -> list[dg.AssetChecksDefinition]:
    staging, final = key(f"{entity.name}_staging"), key(entity.name)
    checks = [
        offenders_check(
            asset=staging,
            name="counts_add_up",
            description="Every line of every loaded upload is accounted for.",
            offenders=lambda: _counts_add_up(entity),
        ),
        offenders_check(
            asset=staging,
            name="fresh",
            description="No recorded upload has been unfinished for 15 minutes.",
            offenders=lambda: _overdue(entity),
            warning=True,
        ),
        schema_check(
            asset=final,
            table=FINAL[entity.name],
            newest_first=FINAL[entity.name].c.upload_id,
            schema=lambda: pandera_schema(entity),
        ),
    ]
    if entity.parents:
        checks += [
            offenders_check(
                asset=staging,
                name="waiting_rows_are_counted",
                description="The rows that wait are those that their uploads say are waiting.",
                offenders=lambda: _waiting_are_counted(entity),
            ),
            offenders_check(
                asset=staging,
                name="orphans",
                description="No row has waited for its parent longer than ORPHAN_GRACE.",
                offenders=lambda: _orphans(entity),
                warning=True,
            ),
            offenders_check(
                asset=final,
                name="referential_integrity",
                description=f"The {' and '.join(entity.parents.values())} of every row exist.",
                offenders=lambda: _without_parent(entity),
            ),
        ]
    return checks


CHECKS = [
    offenders_check(
        asset=UPLOADS.key,
        name="usable",
        description="No file of the last seven days was unusable as a whole.",
        offenders=_unusable,
        warning=True,
    )
]
CHECKS += [check for entity in ENTITIES.values() for check in _checks_of(entity)]
CHECKS += [
    offenders_check(
        asset=key(entity.name),
        name=f"unique_{entity.watched}",
        description=f"No two {entity.name} of a tenant share their {entity.watched} (allowed, "
        "but worth a look).",
        offenders=lambda entity=entity: _duplicates(entity),  # type: ignore[misc]
        warning=True,
    )
    for entity in (CUSTOMERS, PRODUCTS)
]
CHECKS.append(
    offenders_check(
        asset=key("order_items"),
        name="order_totals",
        description=f"The total of every one of the {ORDERS.name} is the sum of its lines.",
        offenders=_totals_that_differ,
        warning=True,
    )
)
