"""Buildings in Dagster: partitions, runs of many days, failures, checks."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import dagster as dg
import pytest
import sqlalchemy as sa

from ingestion_pipeline.definitions import defs
from ingestion_pipeline.domains.buildings.assets import (
    ASSETS,
    PARTITIONS,
    WING,
    partition_key,
)
from ingestion_pipeline.domains.buildings.assets.partitions import PARTITION, RANGE, days_of_run
from ingestion_pipeline.domains.buildings.contract.windows import Window, day_of
from ingestion_pipeline.foundation.environment import settings
from ingestion_pipeline.foundation.settings import Settings
from ingestion_pipeline_tests.domains.buildings.builders import DAY, SITE, rows, truth
from ingestion_pipeline_tests.foundation.sandbox.running import RunningSandbox

SANDBOX = {"points": 20, "interval_seconds": 600}
YESTERDAY = datetime.now(UTC).date() - timedelta(days=1)
QUIET: dict[str, Any] = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


def run(
    instance: dg.DagsterInstance, *days: date, job: str = "collect_buildings", site: str = SITE
) -> dg.ExecuteInProcessResult:
    """Run a job; several days as one run, as a backfill does."""
    tags = {}
    if len(days) > 1:
        tags = {
            "dagster/asset_partition_range_start": partition_key(days[0], site),
            "dagster/asset_partition_range_end": partition_key(days[-1], site),
        }
    return defs.resolve_job_def(job).execute_in_process(
        instance=instance, run_config=QUIET, raise_on_error=False, tags=tags,
        partition_key=partition_key(days[0], site) if len(days) == 1 else None,
    )  # fmt: skip


def checks(result: dg.ExecuteInProcessResult) -> dict[str, bool]:
    return {
        f"{each.asset_key.path[-1]}/{each.check_name}": each.passed
        for each in result.get_asset_check_evaluations()
    }


def metadata(
    instance: dg.DagsterInstance, day: date, asset: str = "timeseries_raw"
) -> dict[str, Any]:
    records = instance.fetch_materializations(
        dg.AssetRecordsFilter(WING.key(asset), asset_partitions=[partition_key(day, SITE)]), limit=1
    ).records
    event = records[0].asset_materialization
    assert event is not None
    return {name: value.value for name, value in event.metadata.items()}


def test_a_day_is_collected_and_everything_follows(
    collecting: sa.Engine, sandbox: RunningSandbox, instance: dg.DagsterInstance
) -> None:
    result = run(instance, YESTERDAY)
    assert result.success
    assert rows(collecting) == truth(sandbox, day_of(YESTERDAY))
    found = checks(result)
    assert len(found) == 17
    assert not {n for n, passed in found.items() if not passed} - {"coverage/complete"}
    said = metadata(instance, YESTERDAY)
    assert said["fetched"] > said["kept"] == said["inserted"] == len(rows(collecting))
    assert (said["missing_points"], said["complete"], said["dialect"]) == (0, True, "live")
    assert said["dagster/row_count"] == said["dagster/partition_row_count"] == len(rows(collecting))
    assert said["plot"].startswith(f"![{SITE}](data:image/svg+xml;base64,")
    assert len(said["plot"]) < 1000
    assert {"pages", "requests", "retries", "kept_ratio", "rejected", "seconds"} <= said.keys()
    daily = metadata(instance, YESTERDAY, "timeseries_daily")
    assert daily["dagster/partition_row_count"] == 10
    hourly = metadata(instance, YESTERDAY, "timeseries_hourly")
    for each, time in ((daily, f"{YESTERDAY}"), (hourly, f"{YESTERDAY} 23:00:00+00:00")):
        assert {row.data["site_name"] for row in each["preview"].records} == {SITE}
        assert {row.data[str(column)] for row in each["preview"].records
                for column in ("day", "hour") if column in row.data} == {time}  # fmt: skip


def test_days_of_a_backfill_are_one_run_and_each_has_its_own_numbers(
    collecting: sa.Engine, sandbox: RunningSandbox, instance: dg.DagsterInstance
) -> None:
    days = [date(2024, 2, 28), date(2024, 2, 29), date(2024, 3, 1)]
    assert run(instance, *days).success
    whole = Window(day_of(days[0]).start, day_of(days[-1]).end)
    assert rows(collecting) == truth(sandbox, whole)
    said = [metadata(instance, day) for day in days]
    assert [each["kept"] for each in said] == [len(truth(sandbox, day_of(day))) for day in days]
    there = instance.get_materialized_partitions(WING.key("timeseries_hourly"))
    assert there == {partition_key(day, SITE) for day in days}


def test_a_day_that_fails_is_not_marked_complete_and_does_not_stop_the_others(
    collecting: sa.Engine, sandbox: RunningSandbox, instance: dg.DagsterInstance
) -> None:
    days = [date(2024, 2, 28), date(2024, 2, 29), date(2024, 3, 1)]
    # The first request asks for the points; the pages of the first day that come then are bad.
    with sandbox.fault("unknown_envelope", times=1, path="paginated"):
        result = run(instance, *days)
    assert not result.success
    there = instance.get_materialized_partitions(WING.key("timeseries_raw"))
    assert there == {partition_key(day, SITE) for day in days[1:]}
    [failure] = [e for e in result.all_node_events if e.is_step_failure]
    assert "1 of 3 partitions failed" in str(failure.step_failure_data.error)
    assert "keys more, results" in str(failure.step_failure_data.error)
    assert run(instance, days[0]).success
    assert len(instance.get_materialized_partitions(WING.key("timeseries_raw"))) == 3


def test_the_check_lists_exactly_the_hours_and_points_that_are_missing(
    collecting: sa.Engine, sandbox: RunningSandbox, instance: dg.DagsterInstance
) -> None:
    first, failing, *rest = [date(2024, 2, 28) + timedelta(days=n) for n in range(4)]
    silent = sandbox.data.configured_points(SITE)[0]
    with sandbox.fault("missing_point", silent, path="paginated"):
        assert run(instance, first).success
    with sandbox.fault("server_error", "400", path="paginated"):
        assert not run(instance, failing).success
    result = run(instance, *rest)
    assert result.success

    expected = missing_in_the_sandbox(sandbox, first, *rest, but=(first, silent))
    expected |= {("*", failing, hour, "not collected") for hour in range(24)}
    assert ("*", failing, 23, "not collected") in expected
    assert {point for point, *_ in expected} > {"*", silent}  # and gaps that are in the data
    [complete] = [
        each for each in result.get_asset_check_evaluations() if each.check_name == "complete"
    ]
    assert not complete.passed
    assert complete.severity == dg.AssetCheckSeverity.ERROR
    assert complete.metadata["hours_not_collected"].value == 24
    listed = [record.data for record in complete.metadata["missing"].records]
    assert {each["site"] for each in listed} == {SITE}
    hours = [
        (each["point"], date.fromisoformat(each["day"]), hour, each["reason"])
        for each in listed
        for hour in range(*(int(text[:2]) for text in each["hours"].split("-")))
    ]
    assert len(hours) == len(set(hours)) == len(expected)
    assert set(hours) == expected


def missing_in_the_sandbox(
    sandbox: RunningSandbox, *days: date, but: tuple[date, str]
) -> set[tuple[str, date, int, str]]:
    """The hours of configured points in which the sandbox has no sample, by looking at them all."""
    missing = set()
    for day in days:
        window = day_of(day)
        there = {
            (sample.point, sample.time.hour)
            for sample in sandbox.data.samples(SITE, window.start, window.end)
            if (day, sample.point) != but
        }
        points = sandbox.data.configured_points(SITE)
        missing |= {
            (point, day, hour, "no sample")
            for point in points
            for hour in range(24)
            if (point, hour) not in there
        }
    return missing


def test_without_an_api_the_run_says_what_to_set(
    configured: Settings, instance: dg.DagsterInstance
) -> None:
    result = run(instance, YESTERDAY)
    assert not result.success
    errors = [e.step_failure_data.error for e in result.all_node_events if e.is_step_failure]
    assert "set ACE_IOT_API_BASE_URL" in str(errors[0])
    assert not [e for e in result.all_node_events if e.is_step_up_for_retry]


def test_what_goes_wrong_at_the_source_fails_its_check(
    collecting: sa.Engine, sandbox: RunningSandbox, instance: dg.DagsterInstance,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    point = sandbox.data.configured_points(SITE)[0]
    with sandbox.fault("missing_point", point, path="paginated"):
        found = checks(run(instance, YESTERDAY))
    assert not found["timeseries_raw/configured_points_present"]
    assert found["timeseries_raw/something_is_kept"]
    assert not found["coverage/complete"]
    monkeypatch.setenv("CONFIGURED_POINTS", "of-another-building")
    settings.cache_clear()
    found = checks(run(instance, YESTERDAY))
    assert not found["timeseries_raw/something_is_kept"]
    assert not found["timeseries_raw/configured_points_present"]


def test_weather_that_fails_leaves_the_samples_and_what_follows_from_them(
    collecting: sa.Engine, sandbox: RunningSandbox, instance: dg.DagsterInstance,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setenv("ACE_IOT_API_BASE_URL", sandbox.documented_url)
    settings.cache_clear()
    days = [date(2024, 2, 28), date(2024, 2, 29)]
    keys = {partition_key(day, SITE) for day in days}
    with sandbox.fault("web_page", times=1, path="weather"):
        result = run(instance, *days)
    assert result.success
    assert not checks(result)["timeseries_raw/halves_are_there"]
    there = instance.get_materialized_partitions
    assert there(WING.key("timeseries_raw")) == there(WING.key("timeseries_hourly")) == keys
    assert there(WING.key("weather_raw")) == keys - {partition_key(days[0], SITE)}
    said = metadata(instance, days[0])
    assert (said["complete"], said["missing"]) == (False, "weather")
    assert "web page" in said["weather_failed"]
    assert metadata(instance, days[1])["missing"] == "nothing"
    result = run(instance, days[0])
    assert checks(result)["timeseries_raw/halves_are_there"]
    assert there(WING.key("weather_raw")) == keys


def test_samples_that_fail_leave_the_weather(
    collecting: sa.Engine, sandbox: RunningSandbox, instance: dg.DagsterInstance,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setenv("ACE_IOT_API_BASE_URL", sandbox.documented_url)
    settings.cache_clear()
    with sandbox.fault("status_error", path="paginated"):
        result = run(instance, DAY)
    assert not result.success
    there = instance.get_materialized_partitions
    assert there(WING.key("timeseries_raw")) == set()
    assert there(WING.key("weather_raw")) == {partition_key(DAY, SITE)}


def test_weather_snapshot_and_archive_run_by_themselves(
    collecting: sa.Engine, instance: dg.DagsterInstance
) -> None:
    for job in ("snapshot_of_weather", "archive_buildings"):
        result = defs.resolve_job_def(job).execute_in_process(instance=instance, run_config=QUIET)
        assert result.success
        assert all(checks(result).values())
    with collecting.connect() as connection:
        query = "SELECT count(DISTINCT site_name) FROM weather_raw"
        assert connection.exec_driver_sql(query).scalar() == 3


def test_partitions_are_a_day_and_a_site() -> None:
    keys = PARTITIONS.get_partition_keys()
    assert "2024-02-29|demo-site-2" in keys
    assert partition_key(date(2024, 2, 29), "demo-site-2") in keys
    assert {asset.group_names_by_key[each] for asset in ASSETS for each in asset.keys} == {
        WING.name
    }


@pytest.mark.parametrize(
    ("tags", "days"),
    [
        ({}, []),
        ({PARTITION: "2024-02-29|gone"}, [("gone", date(2024, 2, 29))]),
        (
            {RANGE[0]: "2024-02-28|gone", RANGE[1]: "2024-03-01|gone"},
            [("gone", date(2024, 2, 28)), ("gone", date(2024, 2, 29)), ("gone", date(2024, 3, 1))],
        ),
    ],
)
def test_the_days_of_a_run_are_read_off_its_tags(
    tags: dict[str, str], days: list[tuple[str, date]]
) -> None:
    assert days_of_run(tags) == days
