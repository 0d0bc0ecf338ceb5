"""Attempts, leases, limits a platform, credentials: the queue of imports."""

import subprocess
import sys
import time
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from ingestion_pipeline.domains.book_sales.land import queue
from ingestion_pipeline.domains.book_sales.land.queue import Report
from ingestion_pipeline.domains.book_sales.merge import books
from ingestion_pipeline.domains.book_sales.merge import claimed as work
from ingestion_pipeline.domains.book_sales.sources.formats import notation
from ingestion_pipeline.domains.book_sales.sources.gumroad.sales import Told
from ingestion_pipeline.foundation import credentials
from ingestion_pipeline.foundation.errors import (
    ConfigurationError,
    TransientError,
    UpstreamRefusedError,
    UpstreamUnavailableError,
)
from ingestion_pipeline.foundation.ledger import jobs
from ingestion_pipeline.foundation.settings import Settings
from ingestion_pipeline.foundation.storage.landing import Landing
from ingestion_pipeline_tests.domains.book_sales.builders import EBOOK, ebook, text

KEY = credentials.new_key()
ROOT = __file__.partition("/ingestion_pipeline_tests/")[0]


@pytest.fixture
def configuration(configured: Settings) -> Settings:
    return configured.model_copy(
        update={"credential_keys": Settings(CREDENTIAL_KEYS=KEY).credential_keys,  # type: ignore
                "job_backoff": timedelta(0)}
    )  # fmt: skip


def order_report(
    engine: sa.Engine, configuration: Settings, tenant_id: int, content: bytes | None = None,
    told: notation.Told = notation.NOTHING_TOLD,
) -> int:  # fmt: skip
    content = text(EBOOK, [ebook(), ebook("7.00")]) if content is None else content
    landed = Landing(configuration.landing).write("acme/kdp.csv", [content])
    report = Report("kdp.csv", landed.location, landed.size, landed.sha256)
    with engine.begin() as connection:
        return queue.land_report(
            connection, configuration, tenant_id=tenant_id, platform="amazon_kdp", report=report,
            source="test", told=told,
        )[0]  # fmt: skip


def test_a_report_that_leaves_its_numbers_open_is_read_as_it_is_told(
    engine: sa.Engine, configuration: Settings, tenant_id: int
) -> None:
    content = text(EBOOK, [ebook("2,792", price="4", cost="0")], delimiter="\t")
    refused = order_report(engine, configuration, tenant_id, content)
    [outcome] = tick(engine, configuration)
    assert outcome.status == "failed"
    assert "say --decimal" in str(outcome.error)
    told = notation.Told(decimal=",")
    again = order_report(engine, configuration, tenant_id, content, told)
    assert again != refused
    [outcome] = tick(engine, configuration)
    assert (outcome.status, outcome.result["inserted"]) == ("completed", 1)
    [row] = rows(engine, "SELECT amount FROM sales_events")
    assert str(row.amount) == "2.7920"


def test_a_job_of_a_report_of_which_nothing_can_be_used_fails_at_once(
    engine: sa.Engine, configuration: Settings, tenant_id: int
) -> None:
    order_report(engine, configuration, tenant_id, text(EBOOK, [ebook("a lot")]))
    [outcome] = tick(engine, configuration)
    assert outcome.status == "failed"
    assert "all of its 1 rows are rejected: Royalty: is not a number" in str(outcome.error)
    [row] = rows(engine, "SELECT status FROM uploads")
    assert row.status == "failed"
    assert len(rows(engine, "SELECT raw FROM rejected_rows")) == 1


def tick(engine: sa.Engine, configuration: Settings, limit: int = 10) -> list[work.Outcome]:
    return work.tick(engine, configuration, trigger="test", limit=limit)


def rows(engine: sa.Engine, statement: str) -> list[Any]:
    with engine.connect() as connection:
        return list(connection.execute(sa.text(statement)))


def fetching(monkeypatch: pytest.MonkeyPatch, fetch: Any) -> None:
    monkeypatch.setitem(books.BOOKS, "gumroad", replace(books.BOOKS["gumroad"], fetch=fetch))


def order_sales(engine: sa.Engine, configuration: Settings, tenant_id: int) -> int:
    with engine.begin() as connection:
        return queue.land_import(
            connection, configuration, tenant_id=tenant_id, platform="gumroad",
            payload={"access_token": "a-secret-token"},
        )  # fmt: skip


def test_a_report_is_imported_once_and_its_tick_is_logged(
    engine: sa.Engine, configuration: Settings, tenant_id: int
) -> None:
    job_id = order_report(engine, configuration, tenant_id)
    assert order_report(engine, configuration, tenant_id) == job_id
    [outcome] = tick(engine, configuration)
    assert outcome.status == "completed"
    assert outcome.result == {
        "rows": 2, "rejected": 0, "inserted": 2, "updated": 0, "unchanged": 0, "left_alone": 0,
        "passed_over": {},
        "lines": {"lines": 3, "blank": 0, "header": 1, "rejected": 0, "passed_over": 0, "rows": 2},
    }  # fmt: skip
    assert tick(engine, configuration) == []
    [[payload, result]] = rows(engine, "SELECT payload, result FROM jobs")
    assert (payload["platform"], result["inserted"]) == ("amazon_kdp", 2)
    logs = rows(engine, "SELECT status, processed, succeeded FROM cron_logs ORDER BY 2 DESC")
    assert [tuple(row) for row in logs] == [("completed", 1, 1), ("completed", 0, 0)]
    assert rows(engine, "SELECT status FROM uploads")[0].status == "loaded"


def test_an_unreadable_file_fails_at_once(
    engine: sa.Engine, configuration: Settings, tenant_id: int
) -> None:
    order_report(engine, configuration, tenant_id, b"no,report\n")
    [outcome] = tick(engine, configuration)
    assert outcome.status == "failed"
    assert "unknown columns 'no', 'report'" in (outcome.error or "")
    assert len(rows(engine, "SELECT 1 FROM job_attempts")) == 1


def test_bad_credentials_fail_at_once(
    engine: sa.Engine, configuration: Settings, tenant_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: Any, **__: Any) -> Any:
        raise UpstreamRefusedError("HTTP 401", status=401, body="")

    fetching(monkeypatch, refused)
    order_sales(engine, configuration, tenant_id)
    assert [outcome.status for outcome in tick(engine, configuration)] == ["failed"]


def test_what_may_pass_is_tried_three_times(
    engine: sa.Engine, configuration: Settings, tenant_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: Any, **__: Any) -> Any:
        raise TransientError("away")

    fetching(monkeypatch, away)
    order_sales(engine, configuration, tenant_id)
    assert [outcome.status for outcome in tick(engine, configuration)] == [
        "retrying", "retrying", "failed",
    ]  # fmt: skip
    attempts = rows(engine, "SELECT attempt, outcome, error FROM job_attempts ORDER BY 1")
    assert [tuple(row) for row in attempts] == [
        (n, "failed", "TransientError: away") for n in (1, 2, 3)
    ]


def test_a_wait_that_was_asked_for_is_kept(
    engine: sa.Engine, configuration: Settings, tenant_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def busy(*_: Any, **__: Any) -> Any:
        raise UpstreamUnavailableError("429", status=429, retry_after=timedelta(minutes=3))

    fetching(monkeypatch, busy)
    order_sales(engine, configuration, tenant_id)
    assert [outcome.status for outcome in tick(engine, configuration)] == ["retrying"]
    [[wait]] = rows(engine, "SELECT extract(epoch FROM available_at - now()) FROM jobs")
    assert 170 < wait <= 180


def test_a_zombie_changes_nothing(
    engine: sa.Engine, configuration: Settings, tenant_id: int
) -> None:
    job_id = order_report(engine, configuration, tenant_id)
    with engine.begin() as connection:
        zombie = queue.take(connection, configuration, "amazon_kdp", worker="a", run_id=None)
    assert zombie is not None
    with engine.begin() as connection:
        jobs.release(connection, job_id, reason="its run died")
        second = queue.take(connection, configuration, "amazon_kdp", worker="b", run_id=None)
    assert second is not None
    assert work.process(engine, configuration, zombie).status == "lost"
    assert rows(engine, "SELECT 1 FROM sales_events") == []
    assert work.process(engine, configuration, second).status == "completed"
    assert work.process(engine, configuration, zombie).status == "lost"
    assert len(rows(engine, "SELECT 1 FROM sales_events")) == 2


_KILLED = """
import sys, time
from ingestion_pipeline.domains.book_sales.merge import events as load, claimed as work
from ingestion_pipeline.foundation.ledger import jobs
from ingestion_pipeline.foundation.environment import settings
from ingestion_pipeline.foundation.storage import database
def hang(*_):
    print("in the middle", flush=True)
    time.sleep(60)
work.jobs.complete = hang
work.tick(database.engine(settings()), settings(), trigger="killed", limit=1)
"""


def test_a_killed_import_is_taken_up_again_and_nothing_is_doubled(
    engine: sa.Engine, configuration: Settings, tenant_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    order_report(engine, configuration, tenant_id)
    monkeypatch.setenv("JOB_LEASE", "1")
    process = subprocess.Popen(
        [sys.executable, "-c", _KILLED], stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
    assert process.stdout is not None
    assert process.stdout.readline().strip() == "in the middle"
    process.kill()
    process.wait()
    process.stdout.close()
    deadline = time.monotonic() + 20
    outcomes: list[work.Outcome] = []
    while not outcomes and time.monotonic() < deadline:
        outcomes = tick(engine, configuration)
        time.sleep(0.2)
    assert [outcome.status for outcome in outcomes] == ["completed"]
    assert len(rows(engine, "SELECT 1 FROM sales_events")) == 2
    attempts = rows(engine, "SELECT outcome FROM job_attempts ORDER BY attempt")
    assert [row.outcome for row in attempts] == ["lapsed", "completed"]


def test_the_highest_priority_comes_first_and_nothing_before_its_time(
    engine: sa.Engine, configuration: Settings, tenant_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetching(monkeypatch, lambda *_, **__: (Told(), lambda _: None))
    ids = []
    with engine.begin() as connection:
        later = connection.execute(sa.text("SELECT now() + interval '1 hour'")).scalar_one()
        for priority, when in ((0, None), (5, None), (9, later)):
            ids.append(
                queue.land_import(
                    connection, configuration, tenant_id=tenant_id, platform="gumroad",
                    payload={"access_token": "t"}, priority=priority, scheduled_for=when,
                )
            )  # fmt: skip
    assert [outcome.job_id for outcome in tick(engine, configuration)] == [ids[1], ids[0]]


def test_credentials_are_encrypted_and_keys_can_be_rotated(configuration: Settings) -> None:
    stored = credentials.encrypted(configuration, {"access_token": "a-secret", "after": "2026"})
    assert "a-secret" not in str(stored)
    assert stored["after"] == "2026"
    new = credentials.new_key()

    def with_keys(keys: str) -> Settings:
        return Settings(CREDENTIAL_KEYS=keys)  # type: ignore[call-arg]

    rotated = with_keys(f"{new},{KEY}")
    assert credentials.decrypted(rotated, stored)["access_token"] == "a-secret"
    with pytest.raises(ConfigurationError, match="no longer holds"):
        credentials.decrypted(with_keys(new), stored)
    with pytest.raises(ConfigurationError, match="is not set"):
        credentials.encrypted(
            configuration.model_copy(update={"credential_keys": None}), {"access_token": "x"}
        )
    with pytest.raises(ConfigurationError, match="not a Fernet key"):
        credentials.encrypted(with_keys("short"), {"access_token": "x"})
