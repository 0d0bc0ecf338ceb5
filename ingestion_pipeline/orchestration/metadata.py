"""What the UI shows of an asset: its table and columns, and what a materialization came to."""

from typing import Any

import dagster as dg
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

_DIALECT = postgresql.dialect()  # type: ignore[no-untyped-call]


def as_table(records: list[dict[str, Any]]) -> dg.TableMetadataValue:
    """Records of texts and numbers as a table that the UI shows."""
    return dg.MetadataValue.table([dg.TableRecord(record) for record in records])


def table_metadata(table: sa.Table) -> dict[str, Any]:
    """What the UI shows of an asset that is a table: its name and columns, as the table says."""
    columns = [
        dg.TableColumn(
            column.name,
            column.type.compile(dialect=_DIALECT).lower(),
            description=column.comment,
            constraints=dg.TableColumnConstraints(nullable=bool(column.nullable)),
        )
        for column in table.columns
    ]
    return {
        "dagster/column_schema": dg.TableSchema(columns=columns),
        "dagster/table_name": f"public.{table.name}",
    }
