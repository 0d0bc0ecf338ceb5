"""Commerce's types as mappings make them: the rule book of each entity in the mapping's terms."""

from ingestion_pipeline.domains.commerce.contract.entities import (
    ENTITIES,
    INTEGER_MAXIMUM,
    MONEY_DECIMALS,
    MONEY_LIMIT,
    Entity,
    Field,
)
from ingestion_pipeline.foundation.currencies import CURRENCIES
from ingestion_pipeline.foundation.mapping.targets import Kind, Target, TargetField

_SUMS = {"orders": ("total_amount", "currency")}
_SETS = {"order_items": ("order_id",)}


def _field(field: Field) -> TargetField:
    kind: Kind = "decimal" if field.kind == "money" else field.kind
    is_optional = field.nullable or field.kind == "object"
    limit = {"decimal": int(MONEY_LIMIT), "integer": INTEGER_MAXIMUM + 1}.get(kind)
    return TargetField(
        field.name,
        kind,
        required=not is_optional,
        nullable=is_optional,
        decimals=MONEY_DECIMALS,
        maximum_length=field.maximum_length,
        minimum=field.minimum,
        maximum=limit,
        choices=tuple(sorted(CURRENCIES)) if kind == "currency" else (),
        identity=field.identity,
        untold=field.untold,
    )


def _target(entity: Entity) -> Target:
    return Target(
        name=entity.name,
        key=entity.key,
        fields=tuple(map(_field, entity.fields)),
        sums=_SUMS.get(entity.name, ()),
        sets=_SETS.get(entity.name, ()),
    )


TARGETS = {name: _target(entity) for name, entity in ENTITIES.items()}
