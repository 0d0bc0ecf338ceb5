"""The shapes and rules of commerce files: one rule book an entity, pure.

Everything else is derived from it: the row parser (rows.py), the tables (tables.py), and the
schemas of the asset checks (checks.py).
"""

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from ingestion_pipeline.errors import ContractError

Kind = Literal["uuid", "text", "money", "integer", "boolean", "object", "instant", "currency"]

MAXIMUM_LINE_BYTES = 1024 * 1024
MONEY_DIGITS, MONEY_DECIMALS = 14, 2  # NUMERIC(14,2)
MONEY_LIMIT = Decimal(10) ** (MONEY_DIGITS - MONEY_DECIMALS)
INTEGER_MAXIMUM = 2**31 - 1
UUID_PATTERN = re.compile(
    r"[0-9a-fA-F]{8}(-?)[0-9a-fA-F]{4}\1[0-9a-fA-F]{4}\1[0-9a-fA-F]{4}\1[0-9a-fA-F]{12}"
)
FORMATS = (".ndjson", ".jsonl", ".json", ".csv")
COMPRESSIONS = (".gz", ".zst")


@dataclass(frozen=True)
class Field:
    """One field of a row.

    Attributes:
        maximum_length: of a text, in characters.
        minimum: of a number, inclusive.
        nullable: whether null (or leaving the field out) is allowed.
        identity: whether a text is somebody's id, which must not be a shortened number.
        kept: whether a row that is sent again without it keeps what is known.
    """

    name: str
    kind: Kind
    maximum_length: int | None = None
    minimum: int | None = None
    nullable: bool = False
    identity: bool = False
    kept: bool = False


@dataclass(frozen=True)
class Entity:
    """One type of file, and the table it ends in.

    Attributes:
        key: the field that, with the tenant, identifies a row.
        parents: {field: entity whose key it must be}.
        watched: a field whose duplicates within a tenant deserve a warning.
    """

    name: str
    key: str
    fields: tuple[Field, ...]
    parents: dict[str, str]
    watched: str | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        """The table's columns of one row's content, the key first, `extra` last."""
        return (*(field.name for field in self.fields), "extra")


CUSTOMERS = Entity(
    name="customers",
    key="customer_id",
    fields=(
        Field("customer_id", "uuid"),
        Field("name", "text", maximum_length=255),
        Field("email", "text", maximum_length=255),
        Field("metadata", "object"),
        Field("created_at", "instant", nullable=True, kept=True),
    ),
    parents={},
    watched="email",
)

PRODUCTS = Entity(
    name="products",
    key="product_id",
    fields=(
        Field("product_id", "uuid"),
        Field("sku", "text", maximum_length=100, identity=True),
        Field("name", "text", maximum_length=255),
        Field("price", "money", minimum=0),
        Field("category_id", "uuid", nullable=True),
        Field("active", "boolean"),
        Field("created_at", "instant", nullable=True, kept=True),
    ),
    parents={},
    watched="sku",
)

ORDERS = Entity(
    name="orders",
    key="order_id",
    fields=(
        Field("order_id", "uuid"),
        Field("external_order_id", "text", maximum_length=100, identity=True),
        Field("customer_id", "uuid"),
        Field("customer_name_snapshot", "text", maximum_length=255),
        Field("customer_email_snapshot", "text", maximum_length=255),
        Field("total_amount", "money"),
        Field("currency", "currency"),
        Field("order_status", "text", maximum_length=50),
        Field("order_date", "instant"),
        Field("raw_payload", "object"),
        Field("created_at", "instant"),
    ),
    parents={"customer_id": "customers"},
)

ORDER_ITEMS = Entity(
    name="order_items",
    key="order_item_id",
    fields=(
        Field("order_item_id", "uuid"),
        Field("order_id", "uuid"),
        Field("product_id", "uuid"),
        Field("quantity", "integer", minimum=1),
        Field("unit_price", "money", minimum=0),
        Field("line_total", "money"),
    ),
    parents={"order_id": "orders", "product_id": "products"},
)

# Parents before children: the order of loading.
ENTITIES = {entity.name: entity for entity in (CUSTOMERS, PRODUCTS, ORDERS, ORDER_ITEMS)}


def entity_of_file(file_name: str) -> Entity:
    """The entity of a file by its name: the longest matching prefix, and a known ending.

    Raises:
        ContractError: no prefix or no ending fits; names those that would.
    """
    name = file_name.rsplit("/", 1)[-1].lower()
    compression = next((ending for ending in COMPRESSIONS if name.endswith(ending)), "")
    plain = name.removesuffix(compression)
    if not plain.endswith(FORMATS):
        raise ContractError(
            f"file name: must end in {', '.join(FORMATS)}, each plain, .gz or .zst, "
            f"got {file_name!r}"
        )
    fitting = [entity for entity in ENTITIES.values() if name.startswith(entity.name + "_")]
    if not fitting:
        prefixes = ", ".join(f"{entity}_" for entity in ENTITIES)
        raise ContractError(f"file name: must start with one of {prefixes}, got {file_name!r}")
    return max(fitting, key=lambda entity: len(entity.name))
