"""What the UI shows of an asset: its table and columns, and what a materialization came to."""

from typing import Any

import dagster as dg
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from ingestion_pipeline.orchestration.lineage import Origin

_DIALECT = postgresql.dialect()  # type: ignore[no-untyped-call]


def as_table(records: list[dict[str, Any]]) -> dg.TableMetadataValue:
    """Records of texts and numbers as a table that the UI shows."""
    return dg.MetadataValue.table([dg.TableRecord(record) for record in records])


def table_metadata(table: sa.Table, origin: Origin | None = None) -> dict[str, Any]:
    """What the UI shows of an asset that is a table: its name and columns, as the table says.

    Args:
        table: it.
        origin: where its columns come from; None: from outside.
    """
    said = origin.said(table) if origin else {}
    columns = [
        dg.TableColumn(
            column.name,
            column.type.compile(dialect=_DIALECT).lower(),
            description=_described(column, said.get(column.name)),
            constraints=dg.TableColumnConstraints(nullable=bool(column.nullable)),
        )
        for column in table.columns
    ]
    metadata: dict[str, Any] = {
        "dagster/column_schema": dg.TableSchema(columns=columns),
        "dagster/table_name": f"public.{table.name}",
    }
    return metadata | ({"dagster/column_lineage": origin.lineage(table)} if origin else {})


def _described(column: sa.Column[Any], origin: str | None) -> str | None:
    """A column's comment, and where it comes from."""
    return f"{column.comment} ({origin})" if origin else column.comment
