"""Old runs go; those that assets and checks are judged by stay."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.storage.compute_log_manager import ComputeIOType

from ingestion_pipeline.orchestration.housekeeping import run_retention_job
from ingestion_pipeline.orchestration.instance.run_history import RunHistory
from ingestion_pipeline.orchestration.resources import RESOURCES

DAYS = dg.StaticPartitionsDefinition(["monday", "tuesday"])


@dg.asset(partitions_def=DAYS)
def readings() -> None: ...


@dg.asset
def documents() -> None: ...


@dg.asset_check(asset="documents")
def documents_are_whole() -> dg.AssetCheckResult:
    return dg.AssetCheckResult(passed=True)


@dg.op
def sweep() -> None: ...


@dg.job
def cleaning() -> None:
    sweep()


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.local_temp(str(tmp_path)) as made:
        yield made


def _forget(instance: dg.DagsterInstance, age: timedelta = timedelta()) -> tuple[int, int]:
    return RunHistory(instance).forget(before=datetime.now(UTC) - age)


def _materialize(instance: dg.DagsterInstance, *assets: object, day: str | None = None) -> str:
    return dg.materialize(assets, instance=instance, partition_key=day).run_id  # type: ignore[arg-type]


def test_the_newest_of_every_partition_asset_and_check_stays(instance: dg.DagsterInstance) -> None:
    gone = {
        _materialize(instance, readings, day="monday"),
        _materialize(instance, documents, documents_are_whole),
        cleaning.execute_in_process(instance=instance).run_id,
    }
    stays = {
        _materialize(instance, readings, day="monday"),
        _materialize(instance, readings, day="tuesday"),
        _materialize(instance, documents, documents_are_whole),
    }
    assert _forget(instance) == (len(gone), len(stays))
    assert set(instance.get_run_ids()) == stays
    assert set(instance.get_materialized_partitions(dg.AssetKey("readings"))) == {
        "monday",
        "tuesday",
    }
    assert _forget(instance) == (0, len(stays))


def test_a_check_that_ran_later_elsewhere_does_not_hold_the_run(
    instance: dg.DagsterInstance,
) -> None:
    both = _materialize(instance, documents, documents_are_whole)
    materialized = _materialize(instance, documents)
    assert _forget(instance) == (0, 2)  # the check's last word is in the first
    checked = dg.materialize(
        [documents, documents_are_whole],
        instance=instance,
        selection=dg.AssetSelection.checks(documents_are_whole),
    ).run_id
    assert _forget(instance) == (1, 2)
    assert set(instance.get_run_ids()) == {materialized, checked}
    assert instance.get_run_by_id(both) is None


def test_young_and_unfinished_runs_stay(instance: dg.DagsterInstance) -> None:
    cleaning.execute_in_process(instance=instance)
    started = instance.create_run_for_job(cleaning, status=dg.DagsterRunStatus.STARTED)
    assert _forget(instance, timedelta(days=1)) == (0, 0)
    assert _forget(instance) == (1, 0)
    assert set(instance.get_run_ids()) == {started.run_id}


def test_what_a_run_printed_goes_with_it(instance: dg.DagsterInstance) -> None:
    run_id = cleaning.execute_in_process(instance=instance).run_id
    manager = instance.compute_log_manager
    key = [run_id, "compute_logs", "sweep"]
    with manager.open_log_stream(key, ComputeIOType.STDOUT) as stream:
        assert stream is not None
        stream.write("swept")  # type: ignore[arg-type]
    assert manager.get_log_data(key).stdout == b"swept"
    _forget(instance)
    assert manager.get_log_data(key).stdout is None


def test_the_nightly_job_spares_what_is_younger_than_run_retention_days(
    instance: dg.DagsterInstance,
) -> None:
    young = cleaning.execute_in_process(instance=instance).run_id
    swept = run_retention_job.execute_in_process(instance=instance, resources=RESOURCES)
    assert swept.success
    assert young in instance.get_run_ids()
