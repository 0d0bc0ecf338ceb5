"""The lake in Dagster: what has changed is written by a run that the sensor asks for."""

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
import sqlalchemy as sa

from ingestion_pipeline.foundation.storage import roles
from ingestion_pipeline.orchestration.resources import database_at
from ingestion_pipeline.outlets.lake.assets import maintenance, tables_of_the_lake
from ingestion_pipeline.outlets.lake.automation import changed_tables
from ingestion_pipeline.outlets.lake.catalogue import Lake
from ingestion_pipeline.outlets.lake.resources import LakeStore, lake_in
from ingestion_pipeline.outlets.lake.sync import sync
from ingestion_pipeline.outlets.lake.tables import BY_NAME
from ingestion_pipeline_tests.outlets.marts.filling import BASE, new_points

POINTS = dg.AssetKey(["lake", "kpi_points"])


@pytest.fixture
def resources(lake: Lake, database_url: str) -> dict[str, object]:
    return {"database": database_at(database_url), "lake": lake_in(database_url, lake.url)}


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as made:
        yield made


def asked(resources: dict[str, object], instance: dg.DagsterInstance) -> object:
    context = dg.build_sensor_context(instance=instance, resources=resources)
    return changed_tables(context)


def test_a_change_is_written_by_one_run(
    engine: sa.Engine, tenant_id: int, resources: dict[str, object], instance: dg.DagsterInstance
) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM changed_parts")
        new_points(connection, tenant_id, {BASE: 1.0})
    request = asked(resources, instance)
    assert isinstance(request, dg.RunRequest)
    assert request.asset_selection == [POINTS]
    result = dg.materialize(
        [tables_of_the_lake], selection=[POINTS], resources=resources, instance=instance
    )
    [materialized] = result.asset_materializations_for_node("lake")
    told = {name: entry.value for name, entry in materialized.metadata.items()}
    assert (told["dagster/row_count"], told["rows"], told["partitions"]) == (1, 1, 1)
    skipped = asked(resources, instance)
    assert isinstance(skipped, dg.SkipReason)
    assert skipped.skip_message == "no table has changed"


def test_where_there_is_no_lake_no_run_is_asked_for(
    engine: sa.Engine, tenant_id: int, database_url: str, instance: dg.DagsterInstance
) -> None:
    with engine.begin() as connection:
        new_points(connection, tenant_id, {BASE: 1.0})

    class Off(LakeStore):
        def is_on(self) -> bool:
            return False

    skipped = asked({"database": database_at(database_url), "lake": Off()}, instance)
    assert isinstance(skipped, dg.SkipReason)
    assert skipped.skip_message == "there is no lake: LAKE_URL says where one goes"


def test_without_tenants_roles_no_run_is_asked_for(
    engine: sa.Engine, tenant_id: int, resources: dict[str, object],
    instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    with engine.begin() as connection:
        new_points(connection, tenant_id, {BASE: 1.0})
    monkeypatch.setattr(roles, "are_there", lambda _: False)  # of the cluster, for all tests
    skipped = asked(resources, instance)
    assert isinstance(skipped, dg.SkipReason)
    assert "ingestion-pipeline db roles" in (skipped.skip_message or "")


def test_a_check_of_the_sweep_fails_where_a_table_is_no_longer_whole(
    engine: sa.Engine, tenant_id: int, lake: Lake, resources: dict[str, object]
) -> None:
    with engine.begin() as connection:
        new_points(connection, tenant_id, {BASE: 1.0})
    sync(engine, lake, BY_NAME["kpi_points"])
    assert [each.passed for each in checks(resources)] == [True]
    [metadata] = Path(lake.url).glob("*/kpi_points/metadata/snap-*.avro")
    metadata.unlink()
    [check] = checks(resources)
    assert not check.passed
    assert "kpi_points: tenant_1: a file of its snapshot is missing" in str(check.metadata)


def checks(resources: dict[str, object]) -> list[dg.AssetCheckEvaluation]:
    return dg.materialize([maintenance], resources=resources).get_asset_check_evaluations()
