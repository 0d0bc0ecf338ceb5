"""A job's state follows from its KPIs, whatever happens in whatever order."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from ingestion_pipeline.domains.kpis.contract.announcements import Announcement
from ingestion_pipeline.domains.kpis.contract.reports import parse_report
from ingestion_pipeline.domains.kpis.land.jobs import (
    expire,
    job_status,
    land_announcement,
    land_reports,
)
from ingestion_pipeline.domains.kpis.publish.reading import read_job
from ingestion_pipeline_tests.domains.kpis.builders import JOB_TIMEOUT, execute, rows, send, update

STATES = ("pending", "completed", "failed", "timeout")


@pytest.mark.parametrize(
    ("states", "expired", "expected"),
    [
        ([], False, "pending"), ([], True, "timeout"), (["pending"], True, "pending"),
        (["completed"], False, "completed"), (["completed", "failed"], False, "partial"),
        (["completed", "pending"], False, "partial"), (["failed", "pending"], False, "pending"),
        (["failed", "timeout"], True, "failed"), (["timeout"], True, "failed"),
    ],
)  # fmt: skip
def test_the_state_of_a_job(states: list[str], expired: bool, expected: str) -> None:
    assert job_status(states, expired=expired) == expected


@dataclass
class Model:
    """What the contract says, in the plainest way."""

    kpis: dict[str, str] = field(default_factory=dict)
    exists: bool = False

    def announce(self, kpi: str) -> None:
        self.exists = True
        self.kpis.setdefault(kpi, "pending")

    def update(self, kpi: str) -> None:
        self.exists = True
        self.kpis[kpi] = "completed"

    def error(self, kpi: str) -> None:
        self.exists = True
        if self.kpis.get(kpi) != "completed":
            self.kpis[kpi] = "failed"

    def job_error(self, _: str) -> None:
        self.exists = True

    def timeout(self, _: str) -> None:
        self.kpis = {
            kpi: "timeout" if state == "pending" else state for kpi, state in self.kpis.items()
        }


EVENTS = st.tuples(
    st.sampled_from(["announce", "update", "error", "job_error", "timeout"]),
    st.sampled_from(["a", "b", "c"]),
)


@hypothesis_settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(events=st.lists(EVENTS, max_size=8))
def test_any_sequence_of_events_ends_as_the_model_says(
    engine: sa.Engine, events: list[tuple[str, str]]
) -> None:
    execute(engine, "TRUNCATE kpi_jobs, kpi_job_kpis, kpi_points, kpi_updates, kpi_errors")
    model = Model()
    for number, (event, kpi) in enumerate(events):
        getattr(model, event)(kpi)
        apply(engine, event, kpi, number)
    with engine.begin() as connection:
        job = read_job(connection, tenant_id=1, trace_id="job")
    if not model.exists:
        assert job is None
        return
    assert job is not None
    assert {kpi: state["status"] for kpi, state in job["kpis"].items()} == model.kpis
    if model.kpis:
        assert job["status"] == job_status(list(model.kpis.values()), expired=True)


def apply(engine: sa.Engine, event: str, kpi: str, number: int) -> None:
    with engine.begin() as connection:
        if event == "announce":
            land_announcement(
                connection,
                Announcement(1, "job", (kpi,), timedelta(hours=1)),
                job_timeout=JOB_TIMEOUT,
            )
        elif event in ("error", "job_error"):
            sent: dict[str, Any] = {"traceId": "job", "error": f"no luck {number}"}
            if event == "error":
                sent["kpiId"] = kpi
            land_reports(connection, [parse_report(sent, tenant_id=1)], job_timeout=JOB_TIMEOUT)
    if event == "update":
        send(engine, update(trace="job", kpi=kpi))
    elif event == "timeout":
        execute(engine, "UPDATE kpi_jobs SET timeout_at = now() - interval '1 second'")
        with engine.begin() as connection:
            expire(connection)
        execute(engine, "UPDATE kpi_jobs SET timeout_at = now() + interval '1 hour'")


def report(error: str, **more: Any) -> Any:
    return parse_report({"traceId": "job", "error": error, **more}, tenant_id=1)


def test_the_same_report_is_recorded_once_and_errors_of_an_instant_are_numbered(
    engine: sa.Engine,
) -> None:
    at = {"timestamp": "2026-03-10T12:00:00Z"}
    with engine.begin() as connection:
        first = land_reports(
            connection, [report("x", **at), report("y", **at)], job_timeout=JOB_TIMEOUT
        )
        again = land_reports(
            connection, [report("y", **at), report("z", **at)], job_timeout=JOB_TIMEOUT
        )
    assert [each.duplicate for each in (*first, *again)] == [False, False, True, False]
    assert sorted(rows(engine, "SELECT n FROM kpi_errors")) == [(1,), (2,), (3,)]


def test_a_timeout_is_kept_unless_it_came_with_an_update(engine: sa.Engine) -> None:
    def timeout() -> int:
        query = "SELECT round(extract(epoch FROM timeout_at - now()) / 60)::int FROM kpi_jobs"
        return int(rows(engine, query)[0][0])

    send(engine, update(trace="job"))
    assert timeout() == 60
    for minutes in (10, 20):
        with engine.begin() as connection:
            land_announcement(
                connection,
                Announcement(1, "job", ("a",), timedelta(minutes=minutes)),
                job_timeout=JOB_TIMEOUT,
            )
        assert timeout() == 10


def test_an_empty_job_times_out(engine: sa.Engine) -> None:
    with engine.begin() as connection:
        land_announcement(
            connection,
            Announcement(1, "job", (), timedelta(microseconds=1)),
            job_timeout=JOB_TIMEOUT,
        )
    with engine.begin() as connection:
        assert expire(connection) == 1
        assert expire(connection) == 0
        job = read_job(connection, tenant_id=1, trace_id="job")
    assert job is not None
    assert job["status"] == "timeout"


def test_a_kpi_added_after_the_timeout_times_out_too(engine: sa.Engine) -> None:
    with engine.begin() as connection:
        land_announcement(
            connection,
            Announcement(1, "job", ("a",), timedelta(microseconds=1)),
            job_timeout=JOB_TIMEOUT,
        )
    with engine.begin() as connection:
        assert expire(connection) == 2
    send(engine, update(trace="job", kpi="b", kpiIds=["c"]))
    with engine.begin() as connection:
        assert expire(connection) == 1
    found = dict(rows(engine, "SELECT kpi_id, status FROM kpi_job_kpis"))
    assert found == {"a": "timeout", "b": "completed", "c": "timeout"}
