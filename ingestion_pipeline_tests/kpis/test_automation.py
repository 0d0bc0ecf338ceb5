"""The sensors: a pure decision, and a thin shell around it."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import dagster as dg
import pytest
import sqlalchemy as sa

from ingestion_pipeline.definitions import defs
from ingestion_pipeline.kpis.automation import (
    MOST_RUNS,
    DueDay,
    History,
    checks_due,
    decide,
    kpi_timeouts,
    pending_updates,
)
from ingestion_pipeline.kpis.jobs import announce
from ingestion_pipeline.kpis.orders import Announcement
from ingestion_pipeline.ledger import tenants
from ingestion_pipeline.resources import Database
from ingestion_pipeline.settings import Settings
from ingestion_pipeline.storage import database
from ingestion_pipeline_tests.kpis.builders import documents, execute, rows, send, series, update

MONDAY, TUESDAY = date(2026, 3, 9), date(2026, 3, 10)


def due(day: date, *, attempts: int = 0) -> DueDay:
    return DueDay(day, pending=7, newest=99, attempts=attempts)


def test_one_run_a_day() -> None:
    decided = decide([due(TUESDAY), due(MONDAY)], {}, unfinished=0)
    assert [each.day for each in decided.values()] == [TUESDAY, MONDAY]


def test_no_second_run_of_a_day_while_one_is_unfinished() -> None:
    history = {TUESDAY: History(runs=1, unfinished=True, seconds_since=60)}
    decided = decide([due(TUESDAY), due(MONDAY)], history, unfinished=1)
    assert [each.day for each in decided.values()] == [MONDAY]


def test_a_backlog_of_many_days_starts_few_runs_at_a_time() -> None:
    days = [due(TUESDAY - timedelta(days=n)) for n in range(365)]
    assert len(decide(days, {}, unfinished=0)) == MOST_RUNS
    assert decide(days, {}, unfinished=MOST_RUNS) == {}


def test_the_key_is_another_after_a_run_and_the_same_when_a_tick_is_seen_twice() -> None:
    again = History(runs=1, seconds_since=60)
    keys = [
        next(iter(decide([each], history, unfinished=0)))
        for each, history in [
            (due(TUESDAY), {}), (due(TUESDAY), {}), (due(TUESDAY), {TUESDAY: again}),
            (due(TUESDAY, attempts=1), {}),
        ]
    ]  # fmt: skip
    assert keys[0] == keys[1]
    assert len(set(keys)) == 3


def test_a_day_that_fails_waits_twice_as_long_each_time() -> None:
    def may_run(failures: int, seconds: float) -> bool:
        return History(runs=9, failures=failures, seconds_since=seconds).may_run

    assert not may_run(1, 9)
    assert may_run(1, 11)
    assert not may_run(4, 79)
    assert may_run(40, 301)


@pytest.fixture
def engine_with_tenant(configured: Settings) -> sa.Engine:
    engine = database.engine()
    with engine.begin() as connection:
        assert tenants.ensure(connection, "acme") == 1
    return engine


def tick(sensor: dg.SensorDefinition, instance: dg.DagsterInstance) -> list[dg.RunRequest]:
    context = dg.build_sensor_context(
        instance=instance, definitions=defs, resources={"database": Database()}
    )
    return list(sensor.evaluate_tick(context).run_requests or [])


def run(request: dg.RunRequest, instance: dg.DagsterInstance) -> dg.ExecuteInProcessResult:
    assert request.job_name is not None
    job = defs.resolve_job_def(request.job_name)
    return job.execute_in_process(
        instance=instance, partition_key=request.partition_key, tags=dict(request.tags)
    )


def test_from_the_inbox_to_documents_through_the_sensor(engine_with_tenant: sa.Engine) -> None:
    send(engine_with_tenant, *series([1.0, 2.0, 3.0]), update(at="2026-03-01T00:00:00Z"))
    with dg.DagsterInstance.ephemeral() as instance:
        requests = tick(pending_updates, instance)
        assert [each.partition_key for each in requests] == ["2026-03-10", "2026-03-01"]
        for request in requests:
            assert run(request, instance).success
        [checks] = tick(pending_updates, instance)
        assert checks.job_name == "check_kpis"
        assert run(checks, instance).success
        assert tick(pending_updates, instance) == []
    assert {"package:trace-1:btc-price", "timeseries:btc-price", "job:trace-1"} == set(documents())
    assert len(documents()["timeseries:btc-price"]["dataPoints"]) == 4
    assert rows(engine_with_tenant, "SELECT sum(points) FROM kpi_daily_summary") == [(4,)]


def test_a_late_reading_runs_its_own_day_again(engine_with_tenant: sa.Engine) -> None:
    send(engine_with_tenant, update(value=1.0))
    with dg.DagsterInstance.ephemeral() as instance:
        [first] = tick(pending_updates, instance)
        run(first, instance)
        send(engine_with_tenant, update(at="2026-03-10T11:00:00Z", value=2.0))
        [second] = tick(pending_updates, instance)
        assert second.partition_key == first.partition_key
        assert second.run_key != first.run_key
        run(second, instance)
    assert rows(engine_with_tenant, "SELECT points, last FROM kpi_daily_summary") == [(2, 1.0)]


def test_what_a_dead_run_left_behind_is_taken_up(engine_with_tenant: sa.Engine) -> None:
    send(engine_with_tenant, update())
    with dg.DagsterInstance.ephemeral() as instance:
        run(tick(pending_updates, instance)[0], instance)
        execute(engine_with_tenant, "UPDATE kpi_days SET pending = true")
        [again] = tick(pending_updates, instance)
        run(again, instance)
        execute(engine_with_tenant, "UPDATE kpi_series SET pending = true")
        [of_documents] = tick(pending_updates, instance)
        assert of_documents.job_name == "publish_documents"
        assert run(of_documents, instance).success
        assert [each.job_name for each in tick(pending_updates, instance)] == ["check_kpis"]


def test_timeouts_are_applied_by_the_schedule_and_published_by_a_run(
    engine_with_tenant: sa.Engine,
) -> None:
    with engine_with_tenant.begin() as connection:
        announce(connection, Announcement(1, "job-1", ("a", "b"), timedelta(seconds=1)))
    execute(engine_with_tenant, "UPDATE kpi_jobs SET timeout_at = now() - interval '1 second'")
    with dg.DagsterInstance.ephemeral() as instance:

        def at(minute: int) -> Any:
            context = dg.build_schedule_context(
                instance=instance,
                scheduled_execution_time=datetime(2026, 3, 10, 12, minute, tzinfo=UTC),
                resources={"database": Database()},
                repository_def=defs.get_repository_def(),
            )
            return kpi_timeouts.evaluate_tick(context)

        [request] = at(1).run_requests or []
        job = defs.resolve_job_def("publish_documents")
        assert job.execute_in_process(instance=instance, tags=dict(request.tags)).success
        assert at(2).skip_message == "no job has timed out"
    kpis = documents()["job:job-1"]["kpis"]
    assert {kpi["status"] for kpi in kpis.values()} == {"timeout"}


@pytest.mark.parametrize(
    ("published", "checked", "expected"),
    [
        (History(), History(), False),
        (History(runs=1, seconds_since=1), History(), True),
        (History(runs=1, unfinished=True), History(), False),
        (History(runs=1, seconds_since=1), History(runs=1, unfinished=True), False),
        (History(runs=2, seconds_since=1), History(runs=1, seconds_since=200), False),
        (History(runs=2, seconds_since=1), History(runs=1, seconds_since=400), True),
        (History(runs=2, seconds_since=500), History(runs=1, seconds_since=400), False),
    ],
)
def test_checks_follow_what_is_published_but_not_at_once_again(
    published: History, checked: History, expected: bool
) -> None:
    assert checks_due(published, checked) is expected
