"""What a column of a mart means is said once: by the table, the database and Dagster alike.

That the database says it is in `foundation/storage/test_database.py`.
"""

from typing import Any

import pytest
import sqlalchemy as sa

from ingestion_pipeline.definitions import ours
from ingestion_pipeline.outlets.findings import tables as findings_tables
from ingestion_pipeline.outlets.marts import tables as marts_tables
from ingestion_pipeline.outlets.marts.automation import _BY_DAY, _OF, _WHOLE

MARTS = [each for each in vars(marts_tables).values() if isinstance(each, sa.Table)]


@pytest.fixture(scope="module")
def shown() -> dict[str, Any]:
    """Metadata of assets, by the table that they are."""
    specs = ours().resolve_all_asset_specs()
    return {str(spec.metadata.get("dagster/table_name")): spec.metadata for spec in specs}


@pytest.mark.parametrize("table", [*MARTS, findings_tables.findings], ids=lambda table: table.name)
def test_dagster_says_of_each_column_what_the_database_says(
    shown: dict[str, Any], table: sa.Table
) -> None:
    metadata = shown[f"public.{table.name}"]
    columns = {each.name: each for each in metadata["dagster/column_schema"].columns}
    assert list(columns) == table.columns.keys()
    for column in table.columns:
        assert column.comment
        told = columns[column.name].description
        assert told == column.comment or told.startswith(f"{column.comment} (from ")
        assert columns[column.name].constraints.nullable is bool(column.nullable)
    made_of_others = metadata["dagster/column_lineage"].deps_by_column
    assert made_of_others.keys() <= set(columns)


def test_every_mart_is_made_by_a_run_that_the_sensor_asks_for() -> None:
    names = {table.name for table in MARTS}
    assert {*_BY_DAY, *_WHOLE} == names
    assert {name for made in _OF.values() for name in made} == names
