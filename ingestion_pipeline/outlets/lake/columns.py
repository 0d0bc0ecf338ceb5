"""A table's columns in PostgreSQL → the schema of its table in the lake.

What the database says is asked for each time, so that a column that a migration adds follows, with
its comment. Numbers stay exact: `numeric(p, s)` is a decimal of the same, `numeric` alone one of 38
digits, 18 of them behind the point; what does not fit is refused when it is read. UUIDs, JSON and
texts are strings. All columns are optional: files of before a column was added have none of it.

Types: <https://iceberg.apache.org/spec/#primitive-types>
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from ingestion_pipeline.foundation.errors import ConfigurationError

if TYPE_CHECKING:
    from pyiceberg.table import Table
    from pyiceberg.types import IcebergType

_BARE_NUMERIC = (38, 18)
_VARHDRSZ = 4  # what PostgreSQL adds to a numeric's typmod
_COLUMNS = sa.text("""
    SELECT attname, typname, atttypmod, coalesce(col_description(attrelid, attnum), '')
    FROM pg_attribute JOIN pg_type ON pg_type.oid = atttypid
    WHERE attrelid = to_regclass(:table) AND attnum > 0 AND NOT attisdropped ORDER BY attnum
""")
_KEY = sa.text("""
    SELECT attname FROM pg_index CROSS JOIN unnest(indkey::smallint[]) WITH ORDINALITY AS k (n, at)
    JOIN pg_attribute ON attrelid = indrelid AND attnum = n
    WHERE indrelid = to_regclass(:table) AND indisprimary ORDER BY at
""")
_TIMES = ("timestamptz", "timestamp", "date")
TEXTS = ("text", "varchar", "bpchar", "name", "uuid", "json", "jsonb")


def quoted(name: str) -> str:
    """The name of a column as SQL has it."""
    return '"' + name.replace('"', '""') + '"'


@dataclass(frozen=True)
class Column:
    """A column of a table in PostgreSQL.

    Attributes:
        name: of the column.
        type: its type's name in `pg_type`.
        digits: of a numeric, and how many of them behind the point; None: no numeric.
        comment: what it holds.
    """

    name: str
    type: str
    digits: tuple[int, int] | None
    comment: str

    @property
    def has_infinity(self) -> bool:
        """Whether PostgreSQL keeps infinity in it, and Arrow can't."""
        return self.type in _TIMES

    @property
    def selected(self) -> str:
        """What is asked for in SQL, so that Arrow gets a plain type."""
        name = quoted(self.name)
        return name if self.as_text == name else f"{self.as_text} AS {name}"

    @property
    def as_text(self) -> str:
        """The column in SQL, a text where the lake has it as one."""
        name = quoted(self.name)
        return f"CAST({name} AS text)" if self.type in _CAST else name

    def iceberg(self) -> "IcebergType":
        """Its type in the lake.

        Raises:
            ConfigurationError: the lake has no such type.
        """
        from pyiceberg import types

        if self.digits:
            return types.DecimalType(*self.digits)
        if self.type in TEXTS:
            return types.StringType()
        plain: dict[str, Any] = {
            "bool": types.BooleanType,
            "int2": types.IntegerType,
            "int4": types.IntegerType,
            "int8": types.LongType,
            "float4": types.FloatType,
            "float8": types.DoubleType,
            "timestamptz": types.TimestamptzType,
            "timestamp": types.TimestampType,
            "date": types.DateType,
        }
        if self.type in plain:
            return plain[self.type]()  # type: ignore[no-any-return]
        if self.type == "_text":
            return types.ListType(
                element_id=_ELEMENTS, element=types.StringType(), element_required=False
            )
        raise ConfigurationError(f"column {self.name}: the lake has no type {self.type}")


_CAST = ("uuid", "json", "jsonb", "name")
_ELEMENTS = 10_000  # numbers of lists' elements; the catalogue gives its own


def columns_of(connection: sa.Connection, table: str) -> list[Column]:
    """The columns of a table, in their order there."""
    found = connection.execute(_COLUMNS, {"table": table})
    return [Column(name, type_, _digits(type_, mod), said) for name, type_, mod, said in found]


def key_of(connection: sa.Connection, table: str) -> list[str]:
    """The columns of a table's primary key, in its order."""
    return list(connection.scalars(_KEY, {"table": table}))


def _digits(type_: str, modifier: int) -> tuple[int, int] | None:
    if type_ != "numeric":
        return None
    if modifier < 0:
        return _BARE_NUMERIC
    packed = modifier - _VARHDRSZ
    return packed >> 16, packed & 0x7FF


def follow(table: "Table", columns: list[Column], *, mark: Callable[[], None]) -> bool:
    """Give a table of the lake the columns and comments that the database has by now.

    A column that is gone there stays, empty from now on: older rows have it.

    Args:
        table: of the lake.
        columns: of the database's.
        mark: has all of it written anew; called before the table is changed, so that who is killed
            in between writes too much, not too little.

    Returns:
        Whether there are new columns, or wider ones: what was written before has to be anew.

    Raises:
        ConfigurationError: a column has another type now that the old one can't become.
    """
    from pyiceberg.exceptions import ValidationError

    there = {field.name: field for field in table.schema().fields}
    changed = False
    with table.update_schema() as update:
        for column in columns:
            field, type_ = there.get(column.name), column.iceberg()
            said = column.comment or None
            if field is None:
                update.add_column(column.name, type_, doc=said)
                changed = True
            elif not field.field_type.is_primitive:
                continue
            elif field.field_type != type_:
                try:
                    update.update_column(column.name, field_type=type_, doc=said)
                except ValidationError as error:
                    raise ConfigurationError(
                        f"{'.'.join(table.name())}.{column.name} is {field.field_type}, the "
                        f"database has {type_} now: `ingestion-pipeline lake rebuild` writes the "
                        "table anew"
                    ) from error
                changed = True
            elif field.doc != said:
                update.update_column(column.name, doc=said)
        if changed:
            mark()
    return changed
