"""The shapes and rules of commerce files: one rule book an entity, pure.

Everything else is derived from it: the row parser (land/rows.py), the tables (tables.py), and the
schemas of the asset checks (orchestration/checks.py).
"""

import re
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Literal

from ingestion_pipeline.foundation.errors import ContractError

DOMAIN = "commerce"

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
        comment: what it holds, as its column says it.
        maximum_length: of a text, in characters.
        minimum: of a number, inclusive.
        nullable: whether null (or leaving the field out) is allowed.
        identity: whether a text is somebody's id, which must not be a shortened number.
        personal: whether it says who somebody is, so that previews leave it out.
        kept: whether a row that is sent again without it keeps what is known.
        seldom: whether most files leave it out, so that the quickest reader goes without.
        untold: whether a mapping may say that its source does not tell it; files of ours may not.
    """

    name: str
    kind: Kind
    maximum_length: int | None = None
    minimum: int | None = None
    nullable: bool = False
    identity: bool = False
    kept: bool = False
    seldom: bool = False
    personal: bool = False
    untold: bool = False
    comment: str = ""


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

    @property
    def of_mappings(self) -> "Entity":
        """The rules of rows that mappings make: what their source does not tell may be null."""
        fields = (replace(each, nullable=each.nullable or each.untold) for each in self.fields)
        return replace(self, fields=tuple(fields))


CUSTOMERS = Entity(
    name="customers",
    key="customer_id",
    fields=(
        Field("customer_id", "uuid", comment="Id of the customer, unique in the tenant"),
        Field("name", "text", maximum_length=255, personal=True, comment="Name of the customer"),
        Field(
            "email", "text", maximum_length=255, personal=True, comment="E-mail address; not unique"
        ),
        Field("metadata", "object", comment="What the sender keeps of the customer beside it"),
        Field(
            "created_at",
            "instant",
            nullable=True,
            kept=True,
            comment="When the sender made the customer, UTC; NULL: not told",
        ),
    ),
    parents={},
    watched="email",
)

PRODUCTS = Entity(
    name="products",
    key="product_id",
    fields=(
        Field("product_id", "uuid", comment="Id of the product, unique in the tenant"),
        Field(
            "sku",
            "text",
            maximum_length=100,
            identity=True,
            comment="Stock keeping unit; not unique",
        ),
        Field("name", "text", maximum_length=255, comment="Name of the product"),
        Field(
            "price",
            "money",
            minimum=0,
            untold=True,
            comment="Price of one, in the shop's own currency, which the row does not tell; NULL: "
            "its source does not tell it",
        ),
        Field("category_id", "uuid", nullable=True, comment="Id of the category; NULL: none"),
        Field("active", "boolean", comment="Whether it is on sale"),
        Field(
            "created_at",
            "instant",
            nullable=True,
            kept=True,
            comment="When the sender made the product, UTC; NULL: not told",
        ),
    ),
    parents={},
    watched="sku",
)


def _charges() -> tuple[Field, ...]:
    """What stands between the items of an order and its total, as far as a sender tells it."""

    def told(name: str, comment: str) -> Field:
        comment = f"{comment}, in currency; NULL: not told"
        return Field(name, "money", nullable=True, seldom=True, comment=comment)

    return (
        told("shipping_amount", "Sum for shipping, within total_amount"),
        told("tax_amount", "Sum of the taxes"),
        Field(
            "tax_included",
            "boolean",
            nullable=True,
            seldom=True,
            comment="Whether the prices hold the taxes already; NULL: not told",
        ),
        told("discount_amount", "Sum that is off the items, where their line_total is before it"),
        told("tip_amount", "Sum given on top, within total_amount, where it is no item"),
        told("refunded_amount", "Sum that was paid back, where total_amount is after it"),
    )


ORDERS = Entity(
    name="orders",
    key="order_id",
    fields=(
        Field("order_id", "uuid", comment="Id of the order, unique in the tenant"),
        Field(
            "external_order_id",
            "text",
            maximum_length=100,
            identity=True,
            comment="Id of the order in the system that it came from",
        ),
        Field("customer_id", "uuid", comment="The customer (customers.customer_id)"),
        Field(
            "customer_name_snapshot",
            "text",
            personal=True,
            maximum_length=255,
            comment="Name of the customer when it was ordered",
        ),
        Field(
            "customer_email_snapshot",
            "text",
            personal=True,
            maximum_length=255,
            comment="E-mail address of the customer when it was ordered",
        ),
        Field(
            "total_amount",
            "money",
            untold=True,
            comment="Sum of the order, in currency; NULL: its source does not tell it",
        ),
        Field(
            "currency",
            "currency",
            comment="ISO 4217, of total_amount and of the amounts of its items",
        ),
        Field(
            "order_status",
            "text",
            maximum_length=50,
            comment="State of the order as the sender calls it",
        ),
        Field("order_date", "instant", comment="When it was ordered, UTC"),
        Field("raw_payload", "object", comment="The order as the sender had it"),
        Field("created_at", "instant", comment="When the sender made the order, UTC"),
        *_charges(),
    ),
    parents={"customer_id": "customers"},
)

ORDER_ITEMS = Entity(
    name="order_items",
    key="order_item_id",
    fields=(
        Field("order_item_id", "uuid", comment="Id of the item, unique in the tenant"),
        Field("order_id", "uuid", comment="The order (orders.order_id)"),
        Field("product_id", "uuid", comment="The product (products.product_id)"),
        Field("quantity", "integer", minimum=1, comment="How many, at least 1"),
        Field("unit_price", "money", minimum=0, comment="Price of one, in the order's currency"),
        Field("line_total", "money", comment="Sum of the item, in the order's currency"),
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
