"""What the UI shows of an asset: its table and columns, and what a materialization came to."""

from typing import Any

import dagster as dg
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from ingestion_pipeline.foundation.storage.database import row_count
from ingestion_pipeline.foundation.storage.metadata import PERSONAL
from ingestion_pipeline.orchestration.lineage import Origin

_PREVIEW_ROWS, _PREVIEW_COLUMNS, _PREVIEW_CHARACTERS = 5, 8, 80
# What a sender wrote as it likes may hold anything.
_NOT_SHOWN = (sa.JSON, sa.LargeBinary)
_DIALECT = postgresql.dialect()  # type: ignore[no-untyped-call]


def as_table(records: list[dict[str, Any]]) -> dg.TableMetadataValue:
    """Records of texts and numbers as a table that the UI shows."""
    return dg.MetadataValue.table([dg.TableRecord(record) for record in records])


def as_plot(picture: str | None) -> dict[str, Any]:
    """A picture of `foundation/sparkline.py` as metadata; nothing, where there is none."""
    return {} if picture is None else {"plot": dg.MetadataValue.md(picture)}


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
            _type(column),
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


def _type(column: sa.Column[Any]) -> str:
    """A column's type without its collation, which says how text is sorted and not what it is."""
    return column.type.compile(dialect=_DIALECT).partition(" COLLATE ")[0].lower()


def _described(column: sa.Column[Any], origin: str | None) -> str | None:
    """A column's comment, and where it comes from."""
    return f"{column.comment} ({origin})" if origin else column.comment


def as_it_is_now(
    engine: sa.Engine, table: sa.Table, *, newest_first: sa.ColumnElement[Any]
) -> dict[str, Any]:
    """A table after a materialization: how many rows there are, and a few of the newest."""
    with engine.connect() as connection:
        rows = {"dagster/row_count": row_count(connection, table)}
        return rows | preview(connection, table, newest_first=newest_first)


def preview(
    connection: sa.Connection,
    table: sa.Table,
    *where: sa.ColumnElement[bool],
    newest_first: sa.ColumnElement[Any],
) -> dict[str, Any]:
    """A few of a table's newest rows as metadata; nothing, where there are none.

    Left out are personal data (`PERSONAL` columns), objects and bytes; longer texts are cut.
    """
    shown = [
        column for column in table.columns
        if not isinstance(column.type, _NOT_SHOWN) and not PERSONAL.items() <= column.info.items()
    ][:_PREVIEW_COLUMNS]  # fmt: skip
    newest = sa.select(*shown).where(*where).order_by(newest_first.desc().nulls_last())
    rows = connection.execute(newest.limit(_PREVIEW_ROWS)).mappings().all()
    records = [
        {name: str(value)[:_PREVIEW_CHARACTERS] for name, value in row.items()} for row in rows
    ]
    return {"preview": as_table(records)} if records else {}
