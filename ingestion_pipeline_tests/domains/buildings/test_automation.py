"""When buildings run: Dagster's own scheduler and queue, with only the clock in our hands."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml
from dagster._core.instance_for_test import instance_for_test
from dagster._core.remote_origin import InProcessCodeLocationOrigin
from dagster._core.test_utils import create_test_daemon_workspace_context, freeze_time
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin
from dagster._core.workspace.context import IWorkspaceProcessContext
from dagster._core.workspace.load_target import InProcessWorkspaceLoadTarget
from dagster._daemon.run_coordinator.queued_run_coordinator_daemon import (
    QueuedRunCoordinatorDaemon,
)
from dagster._scheduler.scheduler import ScheduleIterationTimes, launch_scheduled_runs

from ingestion_pipeline.domains.buildings.automation import (
    daily_collection,
    decide,
    hourly_weather,
    stopped_days,
)
from ingestion_pipeline.domains.buildings.definitions import definitions
from ingestion_pipeline.domains.buildings.resources import AceIotApi
from ingestion_pipeline.domains.buildings.sources.ace_iot.api import NAME
from ingestion_pipeline.foundation.environment import settings
from ingestion_pipeline.foundation.settings import Settings
from ingestion_pipeline.orchestration.resources import RESOURCES
from ingestion_pipeline_tests.gateway.running import ROOT

# As definitions.py has it, but for the other domains, whose schedules would be ticking, too.
_KNOWN = {**RESOURCES, "ace_iot": AceIotApi()}
BUILDINGS = dg.Definitions.merge(definitions, dg.Definitions(resources=_KNOWN))
# Dagster reads a property of its own that it has deprecated.
pytestmark = pytest.mark.filterwarnings("ignore:Property `ScheduleDefinition.environment_vars`")
SITES = ("demo-site-1", "demo-site-2")
START, END = "dagster/asset_partition_range_start", "dagster/asset_partition_range_end"


@pytest.fixture
def unset(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Settings that are read anew, and forgotten afterwards; no database is needed to decide."""
    settings.cache_clear()
    yield
    monkeypatch.undo()
    settings.cache_clear()


@pytest.fixture
def scheduled(monkeypatch: pytest.MonkeyPatch, unset: None) -> None:
    """Settings with an API, at which nobody asks."""
    monkeypatch.setenv("ACE_IOT_API_BASE_URL", "http://192.0.2.1:1")
    monkeypatch.setenv("SITES", ",".join(SITES))


@pytest.fixture
def workspace(scheduled: None, configured: Settings) -> Iterator[IWorkspaceProcessContext]:
    """Buildings on an instance as dagster.yaml has it, but that launching is only noted; a database
    of its own, of which `stopped_days` asks what is due."""
    instance_yaml: dict[str, Any] = yaml.safe_load(Path(ROOT, "dagster.yaml").read_text())
    launcher = {"module": "dagster._core.test_utils", "class": "MockedRunLauncher"}
    target = LoadableTargetOrigin(module_name=__name__, attribute="BUILDINGS")
    origin = InProcessCodeLocationOrigin(target, location_name="ingestion_pipeline")
    with (
        instance_for_test(overrides={**instance_yaml, "run_launcher": launcher}) as instance,
        create_test_daemon_workspace_context(
            InProcessWorkspaceLoadTarget(origin), instance
        ) as context,
    ):
        yield context


class Clock:
    """The daemon's loop over schedules, an iteration a moment."""

    def __init__(self, workspace: IWorkspaceProcessContext) -> None:
        self._workspace = workspace
        self._iterations: dict[str, ScheduleIterationTimes] = {}

    def strike(self, *moments: str) -> list[dg.DagsterRun]:
        """Let the scheduler look at its clock; the runs of daily_collection so far, by site."""
        for text in moments:
            moment = datetime.fromisoformat(text).replace(tzinfo=UTC)
            with freeze_time(moment):
                list(
                    launch_scheduled_runs(
                        self._workspace, dg.get_dagster_logger(), moment, self._iterations
                    )
                )
        wanted = dg.RunsFilter(tags={"dagster/schedule_name": "daily_collection"})
        runs = self._workspace.instance.get_runs(wanted)
        return sorted(runs, key=lambda run: run.tags[START].split("|")[1])


def ranges(runs: list[dg.DagsterRun]) -> list[tuple[str, str]]:
    return [(run.tags[START], run.tags[END]) for run in runs]


def test_at_midnight_the_day_that_ended_is_collected_once_of_every_site(
    workspace: IWorkspaceProcessContext,
) -> None:
    clock = Clock(workspace)
    assert clock.strike("2024-02-29 23:58:30", "2024-02-29 23:59:59.9") == []
    expected = [(f"2024-02-26|{site}", f"2024-02-29|{site}") for site in SITES]
    assert ranges(clock.strike("2024-03-01 00:00:00.1")) == expected
    assert ranges(clock.strike("2024-03-01 00:00:30", "2024-03-01 23:59:59")) == expected
    # The daemon sleeps through a midnight, and does its work when it wakes.
    later = ranges(clock.strike("2024-03-02 07:12:00"))
    expected += [(f"2024-02-27|{site}", f"2024-03-01|{site}") for site in SITES]
    assert sorted(later) == sorted(expected)


def test_one_run_at_a_time_calls_the_api_and_the_others_wait_in_the_queue(
    workspace: IWorkspaceProcessContext,
) -> None:
    clock, queue = Clock(workspace), QueuedRunCoordinatorDaemon(interval_seconds=1)
    runs = clock.strike("2024-02-29 23:59:00", "2024-03-01 00:00:01")
    instance = workspace.instance
    # Dagster knows no limit of a pool until it has seen a run of it once.
    instance.event_log_storage.initialize_concurrency_limit_to_default(NAME)

    def launched() -> list[str]:
        list(queue.run_iteration(workspace))
        wanted = dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTING])
        return [run.run_id for run in instance.get_runs(wanted)]

    order = []
    for _ in runs:
        [running] = launched()
        assert launched() == [running]  # it waits, though two runs of other kinds would be let go
        order.append(running)
        instance.report_run_failed(instance.get_run_by_id(running))
    assert launched() == []
    assert set(order) == {run.run_id for run in runs}


def test_a_tick_collects_the_day_that_ended_and_looks_back() -> None:
    days = [datetime(2024, 2, day).date() for day in (28, 29)]  # noqa: DTZ001
    assert list(decide(days, ["s", "t"])) == [
        ("s:2024-02-29", "2024-02-28|s", "2024-02-29|s"),
        ("t:2024-02-29", "2024-02-28|t", "2024-02-29|t"),
    ]


@pytest.mark.parametrize(
    ("moment", "look_back", "first", "last"),
    [
        ("2024-02-29 23:59:59", 0, "2024-02-28", "2024-02-28"),
        ("2024-03-01 00:00:00", 0, "2024-02-29", "2024-02-29"),
        ("2024-03-01 00:00:00", 3, "2024-02-26", "2024-02-29"),
        ("2025-01-01 00:00:00", 7, "2024-12-24", "2024-12-31"),
        ("2024-01-03 00:00:00", 30, "2024-01-01", "2024-01-02"),  # not before COLLECT_SINCE
    ],
)
def test_the_days_of_a_tick(
    scheduled: None, monkeypatch: pytest.MonkeyPatch, moment: str, look_back: int, first: str,
    last: str,
) -> None:  # fmt: skip
    monkeypatch.setenv("LOOK_BACK_DAYS", str(look_back))
    monkeypatch.setenv("COLLECT_SINCE", "2024-01-01")
    settings.cache_clear()
    found = evaluate(daily_collection, moment).run_requests
    assert found is not None
    tags = [(request.tags[START], request.tags[END]) for request in found]
    assert tags == [(f"{first}|{site}", f"{last}|{site}") for site in SITES]


def test_before_the_first_day_there_is_nothing_to_collect(
    scheduled: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLLECT_SINCE", "2024-03-01")
    settings.cache_clear()
    skipped = evaluate(daily_collection, "2024-03-01 00:00:00")
    assert skipped.skip_message == "COLLECT_SINCE is 2024-03-01"


def test_weather_is_taken_every_hour(scheduled: None) -> None:
    assert evaluate(hourly_weather, "2024-03-01 00:05:00").run_requests


def test_the_schedules_wait_for_an_api(unset: None) -> None:
    for schedule in (daily_collection, hourly_weather, stopped_days):
        skipped = evaluate(schedule, "2024-03-01 00:00:00")
        assert "ACE_IOT_API_BASE_URL" in str(skipped.skip_message)


def evaluate(schedule: dg.ScheduleDefinition, moment: str) -> Any:
    at = datetime.fromisoformat(moment).replace(tzinfo=UTC)
    with dg.build_schedule_context(scheduled_execution_time=at, resources=RESOURCES) as context:
        return schedule.evaluate_tick(context)
