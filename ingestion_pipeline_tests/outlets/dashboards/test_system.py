"""The operator sees how the installation does; a tenant never does."""

from collections.abc import Iterator
from datetime import timedelta

import httpx
import pytest
import sqlalchemy as sa

from ingestion_pipeline.foundation.watch import alerts
from ingestion_pipeline_tests.domains.kpis.builders import send, update
from ingestion_pipeline_tests.domains.markets import builders as markets
from ingestion_pipeline_tests.gateway.running import CRON_SECRET
from ingestion_pipeline_tests.outlets.dashboards.serving import PagesServer, Visiting

TABLES = ("services", "flows", "queues", "finished", "latencies", "alerts", "breakers", "cron",
          "room", "unexplained", "unusual")  # fmt: skip


@pytest.fixture
def operator(pages: PagesServer) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=pages.url, timeout=60) as http:
        assert http.post("/sign-in", data={"key": CRON_SECRET}).headers["location"] == "/system"
        yield http


def of(operator: httpx.Client, table: str) -> list[dict[str, object]]:
    answer = operator.get("/system", params={"table": table, "format": "json"})
    assert answer.status_code == 200, answer.text
    found: list[dict[str, object]] = answer.json()
    return found


def test_all_that_one_looks_at_first_is_there(
    pages: PagesServer, visitor: Visiting, operator: httpx.Client
) -> None:
    send(pages.engine, update(visitor.tenant_id))
    markets.record(pages.engine, visitor.tenant_id, markets.fundamentals_event())
    with pages.engine.begin() as connection:
        connection.exec_driver_sql("""
            INSERT INTO alerts (name, message, delivery_attempts, delivery_error)
            VALUES ('health_red', 'RED', 3, 'the target answers 500');
            INSERT INTO circuit_breakers (name, state, failures, last_error)
            VALUES ('fred', 'open', 5, '503');
            INSERT INTO cron_logs (name, status, error) VALUES ('retention', 'failed', 'no');
            INSERT INTO uploads (tenant_id, domain, file_name, source, location, status, lines)
            SELECT min(tenant_id), 'commerce', 'lost.ndjson', 'drop', 'x', 'loaded', 3 FROM tenants;
        """)
    text = operator.get("/system").text
    for said in ("health", "the target answers 500", "lost.ndjson", "fred", "retention"):
        assert said in text
    [event] = [row for row in of(operator, "flows") if row["flow"] == "events"]
    assert event["came"] == 1
    assert event["oldest"] is not None
    [queue] = of(operator, "queues")
    assert queue["pending"] == 1
    assert of(operator, "alerts")[0]["told"] == "no, tried 3 times: the target answers 500"
    assert of(operator, "unexplained")[0]["unexplained"] == 3
    for table in TABLES:
        of(operator, table)


def test_the_operator_sees_who_has_gone_quiet_of_all_and_its_own(
    pages: PagesServer, visitor: Visiting, operator: httpx.Client
) -> None:
    with pages.engine.begin() as connection:
        connection.execute(
            sa.text("""
                INSERT INTO findings (tenant_id, domain, subject, kind, began_at, raised_at,
                                      watched_weeks, sentence, history, state)
                SELECT tenant_id, 'markets', subject, 'silence', now(), now(), 9, subject, '[]',
                       state
                FROM (VALUES (CAST(NULL AS integer), 'published: GDP', 'open'),
                             (:tenant_id, 'files: own', 'open'),
                             (:tenant_id, 'files: over', 'ended')) AS f (tenant_id, subject, state)
            """),
            {"tenant_id": visitor.tenant_id},
        )
    shown = {row["subject"]: row["tenant"] for row in of(operator, "unusual")}
    assert shown["published: GDP"] == "(the operator)"
    assert shown["files: own"] not in (None, "(the operator)")
    assert "files: over" not in shown


def test_an_alert_that_nobody_is_told_of_is_not_called_delivered(
    pages: PagesServer, operator: httpx.Client
) -> None:
    with pages.engine.begin() as connection:
        connection.exec_driver_sql(
            "UPDATE alerts SET resolved_at = now(), start_sent_at = now(), recovery_sent_at = now()"
        )
        connection.exec_driver_sql("INSERT INTO alerts (name, message) VALUES ('slow', 'p95 9 s')")
    assert alerts.tell(pages.engine, url=None, backoff=timedelta(minutes=1)) == 1
    told = of(operator, "alerts")[0]
    assert (told["name"], told["told"]) == ("slow", alerts.NOBODY)
    assert '<div class="tile bad"><dd>1</dd><dt>of them not delivered</dt>' in (
        operator.get("/system").text
    )


def test_a_tenant_and_a_stranger_see_nothing_of_it(pages: PagesServer, visitor: Visiting) -> None:
    assert visitor.http.get("/system").status_code == 404
    assert "System" not in visitor.http.get("/morning").text
    for table in TABLES:
        asked = {"table": table, "format": "csv"}
        assert visitor.http.get("/system", params=asked).status_code == 401
        key = {"X-API-Key": visitor.api_key}
        assert httpx.get(f"{pages.url}/system", params=asked, headers=key).status_code == 401
    assert httpx.get(f"{pages.url}/system").headers["location"].startswith("/sign-in")


def test_no_secret_is_on_it(pages: PagesServer, operator: httpx.Client, visitor: Visiting) -> None:
    text = operator.get("/system").text
    assert visitor.api_key not in text
    assert CRON_SECRET not in text
