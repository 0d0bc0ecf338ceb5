"""Accepting updates: once each, first write wins, from many gateways at once."""

import random
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import sqlalchemy as sa

from ingestion_pipeline.domains.kpis import routes
from ingestion_pipeline.domains.kpis.contract.announcements import Analysis
from ingestion_pipeline.domains.kpis.contract.readings import Update
from ingestion_pipeline.domains.kpis.land.analyses import land_analysis
from ingestion_pipeline.domains.kpis.land.readings import CONFLICT, DUPLICATE, NEW, land_readings
from ingestion_pipeline.domains.kpis.publish.packages import read_package
from ingestion_pipeline.domains.kpis.publish.reading import read_job
from ingestion_pipeline_tests.domains.kpis.builders import (
    JOB_TIMEOUT,
    LATE,
    NOW,
    rows,
    send,
    series,
    update,
)


def test_new_then_duplicate_then_conflict(engine: sa.Engine) -> None:
    assert send(engine, update()) == [NEW]
    assert send(engine, update()) == [DUPLICATE]
    assert send(engine, update(value=43)) == [CONFLICT]
    assert rows(engine, "SELECT value FROM kpi_points") == [(42.5,)]
    assert rows(engine, "SELECT value, kept_value FROM kpi_conflicts") == [(43.0, 42.5)]


def test_requests_that_come_together_share_a_transaction() -> None:
    """`Gateway.together` knows them by their work: one made anew for each would be alone."""
    for work_with in (routes._readings_with, routes._reports_with):
        assert work_with(timedelta(hours=1)) is work_with(timedelta(minutes=60))


def test_within_one_batch_it_is_the_same(engine: sa.Engine) -> None:
    sent = [update(), update(), update(value=43, trace="t2"), update(at=NOW + timedelta(hours=1))]
    assert send(engine, *sent) == [NEW, DUPLICATE, CONFLICT, NEW]
    assert rows(engine, "SELECT count(*) FROM kpi_updates") == [(3,)]


def test_no_updates_are_no_work(engine: sa.Engine) -> None:
    assert send(engine) == []


def test_a_duplicate_of_another_trace_has_its_package_and_its_job(engine: sa.Engine) -> None:
    send(engine, update())
    assert send(engine, update(trace="retry")) == [DUPLICATE]
    with engine.begin() as connection:
        assert read_package(
            connection, tenant_id=1, trace_id="retry", kpi_id="btc-price", late=LATE
        )
        job = read_job(connection, tenant_id=1, trace_id="retry")
    assert job is not None
    assert job["status"] == "completed"


def test_awaited_kpis_are_pending_until_they_come(engine: sa.Engine) -> None:
    send(engine, update(kpi="a", kpiIds=["a", "b"]))
    query = "SELECT kpi_id, status FROM kpi_job_kpis ORDER BY kpi_id"
    assert rows(engine, query) == [("a", "completed"), ("b", "pending")]
    send(engine, update(kpi="b", kpiIds=["a", "b"]))
    assert rows(engine, query) == [("a", "completed"), ("b", "completed")]


def test_sent_again_it_fills_in_what_was_missing_and_wipes_nothing(engine: sa.Engine) -> None:
    send(engine, update(metadata={"source": "first"}))
    with engine.begin() as connection:
        assert land_analysis(connection, Analysis(1, "trace-1", "btc-price", {"text": "up"}))
    send(engine, update(metadata={"source": "second"}, chart={"url": "u"}))
    with engine.begin() as connection:
        package = read_package(
            connection, tenant_id=1, trace_id="trace-1", kpi_id="btc-price", late=LATE
        )
    assert package is not None
    assert package["metadata"]["source"] == "first"
    assert (package["chart"], package["analysis"]) == ({"url": "u"}, {"text": "up"})


def test_only_a_change_makes_it_pending_again(engine: sa.Engine) -> None:
    send(engine, update(chart={"url": "u"}))
    rows_before = rows(engine, "UPDATE kpi_updates SET pending = false RETURNING changed")
    send(engine, update(chart={"url": "other"}))
    query = "SELECT changed, pending FROM kpi_updates"
    assert rows(engine, query) == [(*rows_before[0], False)]
    send(engine, update(metadata={"source": "x"}))
    assert rows(engine, query) == [(rows_before[0][0] + 1, True)]


def test_a_conflict_doubts_the_point_and_all_packages_of_it(engine: sa.Engine) -> None:
    send(engine, update(trace="a"), update(trace="b"))
    rows(engine, "UPDATE kpi_updates SET pending = false RETURNING 1")
    rows(engine, "UPDATE kpi_points SET quality = 'high' RETURNING 1")
    send(engine, update(trace="c", value=1))
    assert rows(engine, "SELECT quality FROM kpi_points") == [(None,)]
    assert rows(engine, "SELECT count(*) FROM kpi_updates WHERE pending") == [(3,)]
    rows(engine, "UPDATE kpi_points SET quality = 'low' RETURNING 1")
    send(engine, update(trace="c", value=1))  # known already: nothing changes any more
    assert rows(engine, "SELECT quality FROM kpi_points") == [("low",)]


def test_a_reading_older_than_the_newest_is_out_of_order(engine: sa.Engine) -> None:
    send(engine, *series([1.0, 2.0]))
    send(engine, update(at=NOW - timedelta(hours=1)), update(at=NOW + timedelta(hours=1)))
    query = "SELECT in_order FROM kpi_points ORDER BY observed_at"
    assert rows(engine, query) == [(False,), (True,), (True,), (True,)]


def test_tenants_have_series_of_their_own(engine: sa.Engine) -> None:
    assert send(engine, update(1), update(2)) == [NEW, NEW]


def test_many_gateways_accept_the_same_updates_once_each_without_a_deadlock(
    engine: sa.Engine,
) -> None:
    readings = [
        update(kpi=f"kpi-{kpi}", at=NOW + timedelta(seconds=second), trace=f"trace-{second % 3}",
               value=value, kpiIds=["kpi-0", "kpi-1", "kpi-2", "kpi-3"])
        for kpi in range(4) for second in range(10) for value in (1, 2)
    ]  # fmt: skip
    barrier = threading.Barrier(6)

    def gateway(seed: int) -> int:
        chance = random.Random(seed)
        new = 0
        barrier.wait()
        for _ in range(5):
            batch: list[Update] = chance.sample(readings, k=40)
            with engine.begin() as connection:
                new += land_readings(connection, batch, job_timeout=JOB_TIMEOUT).count(NEW)
        return new

    with ThreadPoolExecutor(6) as pool:
        new = sum(pool.map(gateway, range(6)))
    [(points,)] = rows(engine, "SELECT count(*) FROM kpi_points")
    assert new == points
    [(different,)] = rows(
        engine,
        "SELECT count(*) FROM kpi_updates u JOIN kpi_points p USING (tenant_id, kpi_id,"
        " observed_at) WHERE u.value <> p.value AND NOT EXISTS (SELECT FROM kpi_conflicts c WHERE"
        " (c.tenant_id, c.kpi_id, c.observed_at) = (p.tenant_id, p.kpi_id, p.observed_at))",
    )
    assert different == 0
    assert {row[0] for row in rows(engine, "SELECT status FROM kpi_job_kpis")} == {"completed"}
