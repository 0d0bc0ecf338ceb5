"""The sensors: a pure decision, and a thin shell around it."""

import time
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import dagster as dg
import pytest
import sqlalchemy as sa

from ingestion_pipeline.definitions import defs
from ingestion_pipeline.domains.kpis.assets import FAILED_DAYS, FIRST_DAY
from ingestion_pipeline.domains.kpis.automation import (
    MOST_DAYS,
    MOST_RUNS,
    QUIET_SECONDS,
    DueDay,
    History,
    Stretch,
    checks_due,
    decide,
    kpi_timeouts,
    pending_updates,
    seconds_without_checks,
    stretches,
    within_partitions,
)
from ingestion_pipeline.domains.kpis.contract.announcements import Announcement
from ingestion_pipeline.domains.kpis.land.jobs import land_announcement
from ingestion_pipeline.domains.kpis.merge import grade as grading
from ingestion_pipeline.foundation.environment import settings
from ingestion_pipeline.foundation.ledger import tenants
from ingestion_pipeline.foundation.settings import Settings
from ingestion_pipeline.foundation.storage import database
from ingestion_pipeline.orchestration.resources import RESOURCES
from ingestion_pipeline_tests.domains.kpis.builders import (
    JOB_TIMEOUT,
    documents,
    execute,
    rows,
    send,
    series,
    update,
)

MONDAY, TUESDAY = date(2026, 3, 9), date(2026, 3, 10)


def due(day: date, *, attempts: int = 0) -> DueDay:
    return DueDay(day, pending=7, newest=99, attempts=attempts)


def days_of(decided: dict[str, Stretch]) -> list[tuple[date, date]]:
    return [(each.first, each.last) for each in decided.values()]


def test_days_without_a_gap_are_one_run() -> None:
    decided = decide([due(TUESDAY), due(MONDAY)], {}, unfinished=0)
    assert days_of(decided) == [(MONDAY, TUESDAY)]


def test_a_gap_makes_two_runs_and_the_newest_is_first() -> None:
    earlier = MONDAY - timedelta(days=3)
    decided = decide([due(earlier), due(TUESDAY), due(MONDAY)], {}, unfinished=0)
    assert days_of(decided) == [(MONDAY, TUESDAY), (earlier, earlier)]


def test_a_day_by_which_a_run_failed_goes_alone_and_the_others_together() -> None:
    days = [TUESDAY - timedelta(days=n) for n in range(5)]
    failed = {day: History(runs=1, failures=1, seconds_since=300, span=5, culprit=False)
              for day in days}  # fmt: skip
    failed[days[2]] = replace(failed[days[2]], culprit=True)
    decided = decide([due(day) for day in days], failed, unfinished=0)
    assert days_of(decided) == [(days[1], days[0]), (days[2], days[2]), (days[4], days[3])]


def test_of_a_run_that_just_ended_halves_are_tried_down_to_single_days() -> None:
    days = [TUESDAY - timedelta(days=n) for n in range(8)]

    def spans(span: int) -> list[int]:
        ended = {day: History(runs=1, failures=1, seconds_since=300, span=span) for day in days}
        stretches_ = stretches(
            [due(day) for day in days], {d: h.most_days for d, h in ended.items()}
        )
        return [len(each.days) for each in stretches_]

    assert [spans(8), spans(4), spans(2), spans(1)] == [[4, 4], [2] * 4, [1] * 8, [1] * 8]


def test_no_second_run_of_a_day_while_one_is_unfinished() -> None:
    history = {TUESDAY: History(runs=1, unfinished=True, seconds_since=60)}
    decided = decide([due(TUESDAY), due(MONDAY)], history, unfinished=1)
    assert days_of(decided) == [(MONDAY, MONDAY)]


def test_a_year_is_seven_runs_a_few_at_a_time() -> None:
    days = [due(TUESDAY - timedelta(days=n)) for n in range(365)]
    decided = decide(days, {}, unfinished=0)
    assert [len(each.days) for each in decided.values()] == [MOST_DAYS] * MOST_RUNS
    assert decide(days, {}, unfinished=MOST_RUNS) == {}
    assert len(stretches(days, {})) == 7


def test_the_key_is_another_after_a_run_and_the_same_when_a_tick_is_seen_twice() -> None:
    again = History(runs=1, seconds_since=60)
    keys = [
        next(iter(decide([each], history, unfinished=0, after=after)))
        for each, history, after in [
            (due(TUESDAY), {}, ""), (due(TUESDAY), {}, ""), (due(TUESDAY), {TUESDAY: again}, "1a"),
            (due(TUESDAY, attempts=1), {}, ""),
        ]
    ]  # fmt: skip
    assert keys[0] == keys[1]
    assert len(set(keys)) == 3


def test_days_before_the_first_partition_are_dealt_with_by_it() -> None:
    first = due(FIRST_DAY)
    older = [due(FIRST_DAY - timedelta(days=n), attempts=n) for n in (1, 400)]
    [newer, folded] = within_partitions([due(TUESDAY), first, *older])
    assert (newer.day, folded.day) == (TUESDAY, FIRST_DAY)
    assert (folded.pending, folded.attempts) == (21, 401)
    assert [each.day for each in within_partitions(older)] == [FIRST_DAY]
    assert within_partitions([first]) == [first]


def test_a_day_that_fails_waits_twice_as_long_each_time() -> None:
    def may_run(failures: int, seconds: float) -> bool:
        return History(runs=9, failures=failures, seconds_since=seconds).may_run

    assert not may_run(1, 9)
    assert may_run(1, 11)
    assert not may_run(4, 79)
    assert may_run(40, 301)


@pytest.fixture
def engine_with_tenant(configured: Settings) -> sa.Engine:
    engine = database.engine(settings())
    with engine.begin() as connection:
        assert tenants.ensure(connection, "acme") == 1
    return engine


def tick(sensor: dg.SensorDefinition, instance: dg.DagsterInstance) -> list[dg.RunRequest]:
    context = dg.build_sensor_context(instance=instance, definitions=defs, resources=RESOURCES)
    return list(sensor.evaluate_tick(context).run_requests or [])


def run(
    request: dg.RunRequest, instance: dg.DagsterInstance, *, may_fail: bool = False
) -> dg.ExecuteInProcessResult:
    assert request.job_name is not None
    job = defs.resolve_job_def(request.job_name)
    return job.execute_in_process(
        instance=instance,
        partition_key=request.partition_key,
        tags=dict(request.tags),
        raise_on_error=not may_fail,
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


def test_a_stretch_of_days_is_one_run_and_each_day_is_materialized(
    engine_with_tenant: sa.Engine,
) -> None:
    days = [date(2026, 2, 1) + timedelta(days=n) for n in range(12)]
    send(engine_with_tenant, *(update(at=f"{day}T12:00:00Z") for day in days))
    with dg.DagsterInstance.ephemeral() as instance:
        [request] = tick(pending_updates, instance)
        assert request.partition_key is None
        assert run(request, instance).success
        for name in ("points", "packages", "daily_summary"):
            made = instance.get_materialized_partitions(dg.AssetKey(["kpis", name]))
            assert made == {day.isoformat() for day in days}
        assert [each.job_name for each in tick(pending_updates, instance)] == ["check_kpis"]
    assert rows(engine_with_tenant, "SELECT count(*), sum(points) FROM kpi_daily_summary") == [
        (12, 12)
    ]


def test_a_poisoned_day_fails_alone_and_the_others_of_its_run_get_through(
    engine_with_tenant: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    days = [date(2026, 2, 1) + timedelta(days=n) for n in range(5)]
    send(engine_with_tenant, *(update(at=f"{day}T12:00:00Z") for day in days))
    grade = grading.merge_points

    def poisoned(engine: sa.Engine, day: date, **more: Any) -> Any:
        if day == days[2]:
            raise ValueError("this day is poisoned")
        return grade(engine, day, **more)

    monkeypatch.setattr(grading, "merge_points", poisoned)
    monkeypatch.setattr(History, "may_run", property(lambda known: not known.unfinished))
    with dg.DagsterInstance.ephemeral() as instance:
        [whole] = tick(pending_updates, instance)
        failed = run(whole, instance, may_fail=True)
        assert not failed.success
        tags = instance.get_run_by_id(failed.run_id).tags  # type: ignore[union-attr]
        assert tags[FAILED_DAYS] == "2026-02-03"
        requests = tick(pending_updates, instance)
        assert [each.partition_key for each in requests] == [None, "2026-02-03", None]
        assert [run(each, instance, may_fail=True).success for each in requests] == [
            True, False, True,
        ]  # fmt: skip
        [last] = tick(pending_updates, instance)
        assert last.partition_key == "2026-02-03"
    assert rows(engine_with_tenant, "SELECT count(*) FROM kpi_daily_summary") == [(4,)]


def test_a_reading_of_before_the_first_partition_is_published_by_it(
    engine_with_tenant: sa.Engine,
) -> None:
    send(engine_with_tenant, *(update(at=f"{year}-05-05T12:00:00Z") for year in (1999, 2012)))
    with dg.DagsterInstance.ephemeral() as instance:
        [request] = tick(pending_updates, instance)
        assert request.partition_key == FIRST_DAY.isoformat()
        assert run(request, instance).success
        assert [each.job_name for each in tick(pending_updates, instance)] == ["check_kpis"]
    assert rows(engine_with_tenant, "SELECT day FROM kpi_daily_summary ORDER BY day") == [
        (date(1999, 5, 5),), (date(2012, 5, 5),),
    ]  # fmt: skip
    assert len(documents()["timeseries:btc-price"]["dataPoints"]) == 2


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
        land_announcement(
            connection,
            Announcement(1, "job-1", ("a", "b"), timedelta(seconds=1)),
            job_timeout=JOB_TIMEOUT,
        )
    execute(engine_with_tenant, "UPDATE kpi_jobs SET timeout_at = now() - interval '1 second'")
    with dg.DagsterInstance.ephemeral() as instance:

        def at(minute: int) -> Any:
            context = dg.build_schedule_context(
                instance=instance,
                scheduled_execution_time=datetime(2026, 3, 10, 12, minute, tzinfo=UTC),
                resources=RESOURCES,
                repository_def=defs.get_repository_def(),
            )
            return kpi_timeouts.evaluate_tick(context)

        [request] = at(1).run_requests or []
        job = defs.resolve_job_def("publish_documents")
        assert job.execute_in_process(instance=instance, tags=dict(request.tags)).success
        assert at(2).skip_message == "no job has timed out"
    kpis = documents()["job:job-1"]["kpis"]
    assert {kpi["status"] for kpi in kpis.values()} == {"timeout"}


def test_while_all_is_quiet_the_instance_is_left_alone_until_checks_can_be_due(
    engine_with_tenant: sa.Engine,
) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        context = dg.build_sensor_context(instance=instance, definitions=defs, resources=RESOURCES)
        pending_updates.evaluate_tick(context)
        assert 0 < float(context.cursor or 0) - time.time() <= QUIET_SECONDS
        send(engine_with_tenant, update())
        [request] = pending_updates.evaluate_tick(context).run_requests or []
        run(request, instance)
        # Something was pending, so the rest of the quiet is forgotten.
        [checks] = pending_updates.evaluate_tick(context).run_requests or []
        assert checks.job_name == "check_kpis"
        run(checks, instance)
        assert pending_updates.evaluate_tick(context).skip_message == "nothing is pending"
        assert float(context.cursor or 0) > time.time()


@pytest.mark.parametrize(
    ("published", "checked", "seconds"),
    [
        (History(), History(), QUIET_SECONDS),
        (History(runs=1, unfinished=True), History(), 0),
        (History(runs=1, seconds_since=1), History(runs=1, unfinished=True), 0),
        (History(runs=2, seconds_since=1), History(runs=1, seconds_since=200), 100),
        (History(runs=2, seconds_since=500), History(runs=1, seconds_since=400), QUIET_SECONDS),
    ],
)
def test_checks_are_not_looked_for_while_they_cannot_be_due(
    published: History, checked: History, seconds: float
) -> None:
    assert seconds_without_checks(published, checked) == seconds


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
