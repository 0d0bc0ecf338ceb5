"""Publishing: what is pending becomes documents, whatever is killed and whoever else writes."""

import itertools
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from ingestion_pipeline.domains.kpis.contract.announcements import Analysis, Announcement
from ingestion_pipeline.domains.kpis.contract.reports import parse_report
from ingestion_pipeline.domains.kpis.land.analyses import land_analysis
from ingestion_pipeline.domains.kpis.land.jobs import land_announcement, land_reports
from ingestion_pipeline.domains.kpis.merge import flags, grade
from ingestion_pipeline.domains.kpis.merge import grade as grading
from ingestion_pipeline.domains.kpis.publish import documents as publish
from ingestion_pipeline.domains.kpis.publish import packages
from ingestion_pipeline.foundation.environment import settings
from ingestion_pipeline.foundation.ledger import tenants
from ingestion_pipeline.foundation.settings import Settings
from ingestion_pipeline.foundation.storage import database
from ingestion_pipeline_tests.domains.kpis.builders import (
    DAY,
    JOB_TIMEOUT,
    LATE,
    NOW,
    documents,
    execute,
    publish_all,
    rows,
    send,
    series,
    update,
)


@pytest.fixture
def filled(configured: Settings) -> sa.Engine:
    """Two KPIs of two traces, an error of n8n, an announced job."""
    engine = database.engine(settings())
    with engine.begin() as connection:
        tenant_id = tenants.ensure(connection, "acme")
    send(engine, *series([1.0, 2.0, 3.0], tenant_id=tenant_id))
    send(engine, update(tenant_id, kpi="eth", trace="t2", chart={"url": "u"}))
    payload = {"execution": {"id": "5", "error": "x"}, "workflow": {"id": "w"},
               "timestamp": "2026-03-10T12:00:00Z"}  # fmt: skip
    with engine.begin() as connection:
        land_reports(
            connection, [parse_report(payload, tenant_id=tenant_id)], job_timeout=JOB_TIMEOUT
        )
        announcement = Announcement(tenant_id, "empty", (), timedelta(hours=1))
        land_announcement(connection, announcement, job_timeout=JOB_TIMEOUT)
    return engine


KEYS = {
    "package:trace-1:btc-price", "package:t2:eth", "timeseries:btc-price", "timeseries:eth",
    "job:trace-1", "job:t2", "job:empty", "job:n8n%3Aw%3A5",
    "error:n8n%3Aw%3A5:2026-03-10T12:00:00Z:1",
}  # fmt: skip
PENDING = " + ".join(
    f"(SELECT count(*) FROM {table} WHERE pending)"
    for table in ("kpi_updates", "kpi_series", "kpi_jobs", "kpi_job_kpis", "kpi_errors")
)


def pending(engine: sa.Engine) -> int:
    [(number,)] = rows(engine, f"SELECT {PENDING}")
    return int(number)


def test_all_documents_are_under_their_keys_and_nothing_is_pending(filled: sa.Engine) -> None:
    publish_all(filled)
    found = documents()
    assert set(found) == KEYS
    assert pending(filled) == 0
    # The newest instant of a trace is its package.
    assert found["package:trace-1:btc-price"]["data"] == {"value": 3}
    assert [p["value"] for p in found["timeseries:btc-price"]["dataPoints"]] == [1, 2, 3]
    assert found["timeseries:btc-price"]["dataPoints"][0]["quality"] == "high"
    assert found["job:empty"]["status"] == "pending"


def test_publishing_again_writes_nothing(filled: sa.Engine) -> None:
    publish_all(filled)
    before = rows(filled, "SELECT key, version FROM key_value ORDER BY key")
    publish_all(filled, again=True)
    assert rows(filled, "SELECT key, version FROM key_value ORDER BY key") == before


def test_killed_before_any_statement_running_again_ends_in_the_same_documents(
    filled: sa.Engine,
) -> None:
    publish_all(filled)
    expected = documents()
    reset = """
        DELETE FROM key_value; DELETE FROM kpi_series; UPDATE kpi_points SET quality = NULL;
        UPDATE kpi_updates SET pending = true; UPDATE kpi_jobs SET pending = true;
        UPDATE kpi_job_kpis SET pending = true; UPDATE kpi_errors SET pending = true"""
    for survived in itertools.count():
        execute(filled, reset)
        died = dies_after(filled, survived)
        publish_all(filled)
        assert documents() == expected
        assert pending(filled) == 0
        if not died:
            break
    assert survived > 20


def dies_after(engine: sa.Engine, statements: int) -> bool:
    """Publish, and die after that many statements; whether it came to that."""
    steps = itertools.count()

    def count_or_die(*_: Any) -> None:
        if next(steps) >= statements:
            raise KeyboardInterrupt

    sa.event.listen(engine, "before_cursor_execute", count_or_die)
    try:
        publish_all(engine)
    except KeyboardInterrupt:
        return True
    finally:
        sa.event.remove(engine, "before_cursor_execute", count_or_die)
    return False


def test_what_changes_while_it_is_published_stays_pending(
    filled: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = sa.create_engine(filled.url)
    write = flags.write

    def write_while_somebody_adds_an_analysis(*arguments: Any, **more: Any) -> None:
        with other.begin() as connection:
            assert land_analysis(connection, Analysis(1, "t2", "eth", "up"))
        write(*arguments, **more)

    monkeypatch.setattr(publish, "write", write_while_somebody_adds_an_analysis)
    publish.publish_packages(filled, DAY, late=LATE, limit=100, elsewhere=None)
    monkeypatch.undo()
    assert documents()["package:t2:eth"]["analysis"] is None
    assert rows(filled, "SELECT trace_id FROM kpi_updates WHERE pending") == [("t2",)]
    publish_all(filled)
    assert documents()["package:t2:eth"]["analysis"] == "up"
    other.dispose()


def test_a_sender_that_holds_a_row_is_not_waited_for(filled: sa.Engine) -> None:
    with filled.connect() as sender, sender.begin():
        sender.execute(sa.text("SELECT * FROM kpi_updates, kpi_points, kpi_jobs FOR UPDATE"))
        publish_all(filled)
        [(number,)] = rows(filled, "SELECT count(*) FROM kpi_updates WHERE pending")
        assert number == 4
    publish_all(filled)
    assert pending(filled) == 0


def test_a_conflict_while_a_point_is_graded_is_not_forgotten(
    filled: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    grades = grade._grades

    def grade_while_somebody_disagrees(*arguments: Any) -> Any:
        monkeypatch.undo()
        send(filled, update(kpi="eth", trace="t3", value=7))
        return grades(*arguments)

    monkeypatch.setattr(grade, "_grades", grade_while_somebody_disagrees)
    publish_all(filled)
    publish_all(filled)
    query = "SELECT quality FROM kpi_points WHERE kpi_id = 'eth'"
    assert rows(filled, query) == [("low",)]
    assert documents()["package:t2:eth"]["metadata"]["quality"] == "low"


def test_a_row_that_cannot_be_published_is_reported_three_times_and_the_rest_goes_on(
    filled: sa.Engine,
) -> None:
    execute(filled, "UPDATE kpi_updates SET metadata = '\"text\"' WHERE trace_id = 't2'")
    for _ in range(5):
        publish_all(filled)
    found = documents()
    assert "package:trace-1:btc-price" in found
    reports = [key for key in found if key.startswith("processing-error:")]
    instant = "2026-03-10T12:00:00Z"
    assert reports == [f"processing-error:t2:{instant}:{attempt}" for attempt in (1, 2, 3)]
    assert [found[key]["givenUp"] for key in reports] == [False, False, True]
    query = "SELECT pending, attempts FROM kpi_updates WHERE trace_id = 't2'"
    assert rows(filled, query) == [(False, 3)]


def test_a_store_that_is_away_consumes_no_attempt(
    filled: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: Any, **__: Any) -> None:
        raise sa.exc.OperationalError("away", {}, Exception())

    monkeypatch.setattr(packages, "instant_text", away)
    with pytest.raises(sa.exc.OperationalError):
        publish.publish_packages(filled, DAY, late=LATE, limit=100, elsewhere=None)
    assert rows(filled, "SELECT sum(attempts) FROM kpi_updates") == [(0,)]


def test_a_day_is_made_anew_from_the_inbox(filled: sa.Engine) -> None:
    publish_all(filled)
    expected = documents()
    execute(filled, "DELETE FROM key_value; DELETE FROM kpi_points; DELETE FROM kpi_series")
    publish_all(filled, again=True)
    assert documents() == expected


def test_it_works_in_batches(filled: sa.Engine) -> None:
    publish_all(filled)
    expected = documents()
    execute(filled, "DELETE FROM key_value")
    publish.publish_packages(filled, DAY, late=LATE, limit=1, again=True, elsewhere=None)
    publish.publish_series(filled, newest=1000, limit=1, again=True, elsewhere=None)
    publish.publish_jobs(filled, limit=1, again=True, elsewhere=None)
    publish.publish_errors(filled, limit=1, again=True, elsewhere=None)
    assert documents() == expected


def test_other_days_are_left_alone(filled: sa.Engine) -> None:
    send(filled, update(at=NOW - timedelta(days=1), trace="yesterday"))
    publish.publish_packages(filled, DAY, late=LATE, limit=100, elsewhere=None)
    assert rows(filled, "SELECT trace_id FROM kpi_updates WHERE pending") == [("yesterday",)]


def test_the_document_of_a_long_series_holds_its_newest_points(filled: sa.Engine) -> None:
    grading.merge_points(filled, DAY, late=LATE, limit=100)
    publish.publish_series(filled, newest=2, limit=100, elsewhere=None)
    assert [p["value"] for p in documents()["timeseries:btc-price"]["dataPoints"]] == [2, 3]
