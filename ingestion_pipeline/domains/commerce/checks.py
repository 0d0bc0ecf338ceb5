"""What must hold of the commerce tables, as asset checks."""

from typing import TYPE_CHECKING, Any

import dagster as dg

from ingestion_pipeline.domains.commerce import offenders
from ingestion_pipeline.domains.commerce.assets import UPLOADS, key
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
from ingestion_pipeline.domains.commerce.tables import FINAL
from ingestion_pipeline.foundation.currencies import CURRENCIES
from ingestion_pipeline.orchestration.checks import offenders_check, offenders_result, schema_check
from ingestion_pipeline.orchestration.resources import Configuration, Database

if TYPE_CHECKING:
    import pandera.pandas as pa


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


def _checks_of(entity: Entity) -> list[dg.AssetChecksDefinition]:
    staging, final = key(f"{entity.name}_staging"), key(entity.name)
    checks = [
        offenders_check(
            asset=staging,
            name="counts_add_up",
            description="Every line of every loaded upload is accounted for.",
            offenders=lambda: offenders.counts_add_up(entity),
        ),
        offenders_check(
            asset=staging,
            name="fresh",
            description="No recorded upload has been unfinished for 15 minutes.",
            offenders=lambda: offenders.overdue(entity),
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
                offenders=lambda: offenders.waiting_are_counted(entity),
            ),
            _orphans_check(entity),
            offenders_check(
                asset=final,
                name="referential_integrity",
                description=f"The {' and '.join(entity.parents.values())} of every row exist.",
                offenders=lambda: offenders.without_parent(entity),
            ),
        ]
    return checks


def _orphans_check(entity: Entity) -> dg.AssetChecksDefinition:
    @dg.asset_check(
        name="orphans",
        asset=key(f"{entity.name}_staging"),
        description="No row has waited for its parent longer than ORPHAN_GRACE.",
    )
    def orphans(configuration: Configuration, database: Database) -> dg.AssetCheckResult:
        query = offenders.orphans(entity, grace=configuration.read().orphan_grace)
        return offenders_result(database.engine(), query, warning=True)

    return orphans


CHECKS = [
    offenders_check(
        asset=UPLOADS.key,
        name="usable",
        description="No file of the last seven days was unusable as a whole.",
        offenders=offenders.unusable,
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
        offenders=lambda entity=entity: offenders.duplicates(entity),  # type: ignore[misc]
        warning=True,
    )
    for entity in (CUSTOMERS, PRODUCTS)
]
CHECKS.append(
    offenders_check(
        asset=key("order_items"),
        name="order_totals",
        description=f"The total of every one of the {ORDERS.name} is the sum of its lines.",
        offenders=offenders.totals_that_differ,
        warning=True,
    )
)
