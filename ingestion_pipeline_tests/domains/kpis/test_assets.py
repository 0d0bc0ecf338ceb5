"""KPI assets: backfills make days anew; the sensor's runs publish what is pending."""

from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg
import pytest
import sqlalchemy as sa

from ingestion_pipeline.domains.kpis import assets
from ingestion_pipeline.domains.kpis.assets import PARTITIONS, PENDING_ONLY
from ingestion_pipeline.domains.kpis.sample import write_sample_readings
from ingestion_pipeline.foundation.environment import settings
from ingestion_pipeline.foundation.ledger import tenants
from ingestion_pipeline.foundation.settings import Settings
from ingestion_pipeline.foundation.storage import database
from ingestion_pipeline.orchestration.resources import RESOURCES
from ingestion_pipeline_tests.days import today
from ingestion_pipeline_tests.domains.kpis.builders import documents, execute

TODAY = datetime.now(UTC)
DAYS = [TODAY.date() - timedelta(days=ago) for ago in (3, 2, 1)]


@pytest.fixture
def sample(configured: Settings) -> sa.Engine:
    engine = database.engine(settings())
    with engine.begin() as connection:
        tenant_id = tenants.ensure(connection, "acme")
    write_sample_readings(engine, tenant_id, days=DAYS, until=TODAY)
    return engine


def materialize(
    definition: dg.AssetsDefinition, *days: Any, instance: dg.DagsterInstance, **tags: str
) -> dg.ExecuteInProcessResult:
    """Materialize one asset; several days as one run of a backfill."""
    if len(days) > 1:
        tags |= {
            "dagster/asset_partition_range_start": str(days[0]),
            "dagster/asset_partition_range_end": str(days[-1]),
        }
    return dg.materialize(
        [definition, *(each for each in assets.ASSETS if each is not definition)],
        selection=[definition.key],
        instance=instance,
        resources=RESOURCES,
        partition_key=str(days[0]) if len(days) == 1 else None,
        tags=tags,
    )


def test_partitions_are_the_days_that_a_reading_may_be_of() -> None:
    day = today()
    keys = PARTITIONS.get_partition_keys()
    assert keys[0] == "2020-01-01"
    assert keys[-1] == str(day + timedelta(days=1))


def test_a_backfill_makes_its_days_anew_and_says_of_each_how_many_rows(sample: sa.Engine) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        for definition in (assets.points, assets.packages, assets.daily_summary):
            assert materialize(definition, *DAYS, instance=instance).success
        execute(sample, "DELETE FROM key_value; DELETE FROM kpi_points")
        result = materialize(assets.points, *DAYS, instance=instance)
        found = [event.materialization for event in result.get_asset_materialization_events()]
        assert [each.partition for each in found] == [str(day) for day in DAYS]
        for each in found:
            assert each.metadata["recreated"].value == 120
            assert each.metadata["dagster/partition_row_count"].value == 120
        materialize(assets.packages, *DAYS, instance=instance)
    assert sum(key.startswith("package:") for key in documents()) == 15


def test_a_run_of_the_sensor_publishes_only_what_is_pending(sample: sa.Engine) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        materialize(assets.packages, DAYS[0], instance=instance)
        execute(sample, "DELETE FROM key_value")
        materialize(assets.packages, DAYS[0], instance=instance, **PENDING_ONLY)
        assert documents() == {}
        materialize(assets.packages, DAYS[0], instance=instance)
    assert len(documents()) == 5


def test_a_day_shows_a_plot_and_a_preview(sample: sa.Engine) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        result = materialize(assets.daily_summary, DAYS[0], instance=instance)
    [event] = result.get_asset_materialization_events()
    assert str(event.materialization.metadata["plot"].value).startswith("![values](data:image/svg")
    assert len(event.materialization.metadata["preview"].value.records) == 5
