"""Checks that stop what follows from the samples: of these days only, and until they are mended."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest
import sqlalchemy as sa

from ingestion_pipeline.definitions import defs
from ingestion_pipeline.domains.buildings.assets import WING, partition_key
from ingestion_pipeline.domains.buildings.assets.partitions import PARTITION, RANGE
from ingestion_pipeline.domains.buildings.automation import stopped_days
from ingestion_pipeline.orchestration.resources import RESOURCES
from ingestion_pipeline_tests.domains.buildings.builders import DAY, SITE
from ingestion_pipeline_tests.domains.buildings.test_assets import checks, run

SANDBOX = {"points": 8, "interval_seconds": 3600}
OTHER_SITE = "demo-site-2"
BEFORE, AFTER = DAY - timedelta(days=1), DAY + timedelta(days=1)
DERIVED = ("timeseries_hourly", "timeseries_daily", "coverage", "alerts")
# What a defect of ours would do: a number that is said to be text; a record that is lost.
SPOILED = {
    "values_are_consistent": ("timeseries_raw", "timestamp", "NEW.value_text := 'on';"),
    "counts_add_up": (
        "collected_windows", "window_start",
        "NEW.counts := jsonb_set(NEW.counts, '{fetched}', '-1');",
    ),
}  # fmt: skip


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    """Kept in files: a schedule opens it anew, which one in memory does not allow."""
    with dg.DagsterInstance.local_temp(str(tmp_path)) as made:
        yield made


@contextmanager
def spoiling(engine: sa.Engine, check: str) -> Iterator[None]:
    """Rows of DAY and SITE are written wrong, until this ends."""
    table, time, wrong = SPOILED[check]
    make = f"""
        CREATE FUNCTION spoil() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF NEW.site_name = '{SITE}' AND NEW.{time} >= '{DAY} 00:00+00'
               AND NEW.{time} < '{AFTER} 00:00+00' THEN {wrong} END IF;
            RETURN NEW;
        END $$;
        CREATE TRIGGER spoil BEFORE INSERT OR UPDATE ON {table}
        FOR EACH ROW EXECUTE FUNCTION spoil()
    """
    with engine.begin() as connection:
        connection.exec_driver_sql(make)
    yield
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP FUNCTION spoil() CASCADE")


def followed(instance: dg.DagsterInstance) -> dict[str, set[str]]:
    """The partitions of each asset that follows from the samples."""
    return {name: instance.get_materialized_partitions(WING.key(name)) for name in DERIVED}


def of_all(*partitions: str) -> dict[str, set[str]]:
    return {name: set(partitions) for name in DERIVED}


def due(instance: dg.DagsterInstance) -> list[str]:
    """The partitions that a tick of the schedule requests."""
    moment = datetime.now(UTC)
    with dg.build_schedule_context(
        instance, scheduled_execution_time=moment, resources=RESOURCES,
        repository_def=defs.get_repository_def(),
    ) as context:  # fmt: skip
        requests = stopped_days.evaluate_tick(context).run_requests or []
    tags = [request.tags for request in requests]
    assert all(each[RANGE[0]] == each[RANGE[1]] for each in tags)
    return [each[RANGE[0]] for each in tags]


@pytest.mark.parametrize("check", SPOILED)
def test_a_wrong_row_stops_what_follows_from_its_day_until_it_is_mended(
    collecting: sa.Engine, instance: dg.DagsterInstance, check: str
) -> None:
    partition = partition_key(DAY, SITE)
    with spoiling(collecting, check):
        stopped = run(instance, DAY)
        assert not stopped.success
        assert not checks(stopped)[f"timeseries_raw/{check}"]
        assert followed(instance) == of_all()
        # Neither another day is stopped by it, nor another site.
        others = [run(instance, AFTER), run(instance, DAY, site=OTHER_SITE)]
        assert all(each.success for each in others)
        there = [partition_key(AFTER, SITE), partition_key(DAY, OTHER_SITE)]
        assert followed(instance) == of_all(*there)
        assert due(instance) == [partition]
        at_work = instance.create_run_for_job(
            defs.resolve_job_def("collect_buildings"),
            status=dg.DagsterRunStatus.STARTED,
            tags={PARTITION: partition},
        )
        assert due(instance) == []
        instance.report_run_failed(at_work)
        assert due(instance) == [partition]
    assert run(instance, DAY).success
    assert followed(instance) == of_all(*there, partition)
    assert due(instance) == []


def test_days_that_were_stopped_together_are_tried_again_each_by_itself(
    collecting: sa.Engine, instance: dg.DagsterInstance
) -> None:
    days = [BEFORE, DAY, AFTER]
    partitions = {day: partition_key(day, SITE) for day in days}
    with spoiling(collecting, "values_are_consistent"):
        assert not run(instance, *days).success
        assert followed(instance) == of_all()
        assert due(instance) == list(partitions.values())
        assert [run(instance, day).success for day in days] == [True, False, True]
        assert due(instance) == [partitions[DAY]]
    assert followed(instance) == of_all(partitions[BEFORE], partitions[AFTER])


def test_what_a_shell_has_collected_is_not_collected_again(
    collecting: sa.Engine, instance: dg.DagsterInstance
) -> None:
    with collecting.begin() as connection:
        connection.exec_driver_sql(f"""
            INSERT INTO collected_days (site_name, day, configured_points, missing_points, fetched,
                                        kept, result)
            VALUES ('{SITE}', '{DAY}', '{{}}', '{{}}', 0, 0, '{{}}')
        """)
    assert due(instance) == []
