"""What must hold of the commerce tables, as asset checks."""

from typing import TYPE_CHECKING, Any

import dagster as dg

from ingestion_pipeline.domains.commerce import offenders
from ingestion_pipeline.domains.commerce.assets import WING
from ingestion_pipeline.domains.commerce.contract.entities import (
    ENTITIES,
    MONEY_DECIMALS,
    MONEY_LIMIT,
    Entity,
    Field,
)
from ingestion_pipeline.domains.commerce.tables import FINAL
from ingestion_pipeline.foundation.currencies import CURRENCIES
from ingestion_pipeline.orchestration.checks import checks_of, offenders_result, schema_check
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
    return pa.Column(None, checks=checks, nullable=rule.nullable or rule.untold)


def _schema_check(entity: Entity) -> dg.AssetChecksDefinition:
    table = FINAL[entity.name]
    return schema_check(
        asset=WING.key(entity.name),
        table=table,
        newest_first=table.c.upload_id,
        schema=lambda: pandera_schema(entity),
    )


def _orphans_check(entity: Entity) -> dg.AssetChecksDefinition:
    @dg.asset_check(
        name="orphans",
        asset=WING.key(f"{entity.name}_staging"),
        description="No row has waited for its parent longer than ORPHAN_GRACE.",
    )
    def orphans(configuration: Configuration, database: Database) -> dg.AssetCheckResult:
        query = offenders.orphans(entity, grace=configuration.read().orphan_grace)
        return offenders_result(database.engine(), query, warning=True)

    return orphans


CHECKS = [
    *checks_of(WING, offenders),
    *(_schema_check(entity) for entity in ENTITIES.values()),
    *(_orphans_check(entity) for entity in ENTITIES.values() if entity.parents),
]
