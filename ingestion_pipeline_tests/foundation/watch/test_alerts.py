"""Alerts: once when it begins, once when it is over, through restarts and outages of the target."""

import json
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg
import httpx
import pytest
import sqlalchemy as sa
from pydantic import SecretStr

from ingestion_pipeline.domains import registry
from ingestion_pipeline.domains.buildings.publish.alerts import watch
from ingestion_pipeline.foundation.environment import settings
from ingestion_pipeline.foundation.settings import Settings
from ingestion_pipeline.foundation.storage import database, locks
from ingestion_pipeline.foundation.storage.key_value.choice import key_value
from ingestion_pipeline.foundation.watch import alerts, outage
from ingestion_pipeline.foundation.watch.alerts import Condition, conditions, decide, note, tell
from ingestion_pipeline.foundation.watch.health import Facts, Metrics, Service
from ingestion_pipeline.orchestration import housekeeping as automation
from ingestion_pipeline.orchestration import resources
from ingestion_pipeline.orchestration.resources import RESOURCES, database_at

ALERTS = automation.alert_sensor(questions=registry.questions, limits=watch)

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
BACKOFF = timedelta(seconds=30)
URL = "http://alerts.invalid/hook?token=hunter2"
BAD = Condition("cache_hits", True, "cache_hits is 0.5", 0.5, 0.7)
GOOD = Condition("cache_hits", False, "")
UNKNOWN = Condition("cache_hits", None, "")


class Target:
    """Where alerts go."""

    def __init__(self) -> None:
        self.status = 200
        self.posted: list[dict[str, Any]] = []
        self.transport = httpx.MockTransport(self._answer)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.posted.append(json.loads(request.content))
        if self.status == 0:
            raise httpx.ConnectError("down")
        return httpx.Response(self.status)

    @property
    def states(self) -> list[tuple[str, str]]:
        return [(news["alert"], news["state"]) for news in self.posted]


@pytest.fixture
def target() -> Target:
    return Target()


def _tick(engine: sa.Engine, target: Target, now: Sequence[Condition]) -> int:
    with engine.begin() as connection:
        note(connection, now)
    return tell(engine, url=URL, backoff=BACKOFF, transport=target.transport)


def _let_time_pass(engine: sa.Engine) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alerts SET next_delivery_at = now()")


def _met(facts: Facts, *, minimum: int = 1) -> set[str]:
    return {each.name for each in conditions(facts, minimum=minimum) if each.met}


def _facts(service: Service | None = None, **metrics: Any) -> Facts:
    known = service or Service(source="x", last_success_at=NOW)
    return Facts(NOW, {"comps": known}, Metrics(**({"cache_hit_ratio": {}} | metrics)))


@pytest.mark.parametrize(
    ("facts", "met"),
    [
        (_facts(), set()),
        (_facts(Service(source="x", down=True)), {"health_red"}),
        (_facts(job_failure_rate_1h=0.05), set()),
        (_facts(job_failure_rate_1h=0.051), {"job_failures"}),
        (_facts(cache_hit_ratio={"macro": 0.7}), set()),
        (_facts(cache_hit_ratio={"macro": 0.9, "comps": 0.69}), {"cache_hits"}),
        (_facts(api_latency_ms_p95=2000.0, requests=9), set()),
        (_facts(api_latency_ms_p95=2001.0, requests=9), {"api_latency_ms_p95"}),
        (_facts(Service(source="x", last_success_at=NOW - timedelta(days=31))), {"data_stale"}),
        (_facts(Service(source="x", last_success_at=NOW - timedelta(days=30))), set()),
        (
            _facts(
                Service(
                    source="x", last_success_at=NOW, stale=True, details={"stale_markets": ["m"]}
                )
            ),
            {"data_stale"},
        ),
    ],
)
def test_conditions_are_met_beyond_their_limits(facts: Facts, met: set[str]) -> None:
    assert _met(facts) == met


def test_rates_of_a_few_say_nothing() -> None:
    few = _facts(
        cache_hit_ratio={"macro": 0.0}, cache_lookups={"macro": 3}, api_latency_ms_p95=9000.0,
        requests=3,
    )  # fmt: skip
    assert _met(few, minimum=20) == set()
    assert _met(few, minimum=3) == {"cache_hits", "api_latency_ms_p95"}


def test_what_is_not_known_neither_begins_nor_ends_anything() -> None:
    assert decide(frozenset(), [UNKNOWN]) == alerts.Changes()
    assert decide(frozenset({"cache_hits"}), [UNKNOWN]) == alerts.Changes()
    assert decide(frozenset({"cache_hits"}), [BAD]) == alerts.Changes()
    assert decide(frozenset(), [BAD]) == alerts.Changes(begin=(BAD,))
    assert decide(frozenset({"cache_hits"}), [GOOD]) == alerts.Changes(end=("cache_hits",))


def test_an_incident_is_told_once_and_its_end_once(engine: sa.Engine, target: Target) -> None:
    for now in (BAD, BAD, UNKNOWN, BAD, GOOD, GOOD, BAD):
        _tick(engine, target, [now])
    assert target.states == [
        ("cache_hits", "firing"), ("cache_hits", "resolved"), ("cache_hits", "firing")
    ]  # fmt: skip
    first, second, third = target.posted
    assert (first["value"], first["threshold"], first["resolved_at"]) == (0.5, 0.7, None)
    assert second["incident"] == first["incident"] != third["incident"]
    assert second["resolved_at"] is not None


def test_a_target_that_is_down_gets_one_request_and_then_is_left_alone(
    engine: sa.Engine, target: Target
) -> None:
    target.status = 0
    others = [Condition(f"other_{number}", True, "m") for number in range(5)]
    for _ in range(10):
        assert _tick(engine, target, [BAD, *others]) == 0
    _tick(engine, target, [BAD, *others, Condition("new", True, "m")])  # waits with the others
    assert len(target.posted) == 1
    _let_time_pass(engine)
    target.status = 500
    for _ in range(10):
        _tick(engine, target, [BAD, *others])
    assert len(target.posted) == 2
    with engine.connect() as connection:
        error, wait = connection.exec_driver_sql(
            "SELECT delivery_error, next_delivery_at - now() FROM alerts LIMIT 1"
        ).one()
    assert error == "status 500"
    assert wait > BACKOFF  # longer than the first time
    target.status, target.posted = 200, []
    _let_time_pass(engine)
    assert _tick(engine, target, [BAD, *others]) == 7
    assert len(set(target.states)) == 7
    assert _tick(engine, target, [BAD, *others]) == 0


def test_an_incident_that_ended_during_the_outage_is_told_with_its_end(
    engine: sa.Engine, target: Target
) -> None:
    target.status = 0
    _tick(engine, target, [BAD])
    _tick(engine, target, [GOOD])
    target.status, target.posted = 204, []
    _let_time_pass(engine)
    _tick(engine, target, [GOOD])
    assert target.states == [("cache_hits", "firing"), ("cache_hits", "resolved")]


def test_many_who_look_at_once_open_one_incident(engine: sa.Engine, target: Target) -> None:
    ready = threading.Barrier(4)

    def look(_: int) -> int:
        with engine.begin() as connection:
            connection.exec_driver_sql("SELECT 1")
            ready.wait(10)
            return len(note(connection, [BAD]).begin)

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(look, range(4))) == 1
    tell(engine, url=URL, backoff=BACKOFF, transport=target.transport)
    assert len(target.posted) == 1


def test_while_one_tells_nobody_else_does(engine: sa.Engine, target: Target) -> None:
    with engine.begin() as connection:
        note(connection, [BAD])
    with engine.begin() as connection:
        locks.hold(connection, locks.TELLING_ALERTS)
        assert tell(engine, url=URL, backoff=BACKOFF, transport=target.transport) == 0
    assert tell(engine, url=URL, backoff=BACKOFF, transport=target.transport) == 1


def test_the_url_is_neither_logged_nor_stored(
    engine: sa.Engine, target: Target, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    target.status = 0
    _tick(engine, target, [BAD])
    target.status = 200
    _let_time_pass(engine)
    _tick(engine, target, [BAD])
    with engine.connect() as connection:
        stored = connection.exec_driver_sql("SELECT alerts::text FROM alerts").scalar_one()
    assert "hunter2" not in stored + caplog.text


def test_without_a_target_alerts_are_in_the_log_once(
    engine: sa.Engine, caplog: pytest.LogCaptureFixture
) -> None:
    for now in (BAD, BAD, GOOD):
        with engine.begin() as connection:
            note(connection, [now])
        tell(engine, url=None, backoff=BACKOFF)
    said = [record.message for record in caplog.records if record.name == alerts.__name__]
    assert said == ["alert cache_hits: cache_hits is 0.5", "alert cache_hits is over"]


def alerted(
    configured: Settings, monkeypatch: pytest.MonkeyPatch, target: Target, **others: Any
) -> None:
    """Let the sensor tell the target."""
    values = {"alert_webhook_url": SecretStr(URL), "alert_hold": timedelta(0), **others}
    known = configured.model_copy(update=values)
    monkeypatch.setattr(resources, "settings", lambda: known)
    real = httpx.Client
    monkeypatch.setattr(
        alerts.httpx, "Client", lambda **values: real(**{**values, "transport": target.transport})
    )


def test_the_outage_of_the_database_is_told_once_and_its_end_once(
    configured: Settings, monkeypatch: pytest.MonkeyPatch, target: Target, database_url: str
) -> None:
    alerted(configured, monkeypatch, target, alert_backoff=timedelta(0))
    away = sa.make_url(database_url).set(host="127.0.0.1", port=9).render_as_string(False)
    cursor: str | None = None

    def tick(url: str) -> str:
        nonlocal cursor  # Dagster keeps it, through restarts
        known = {**RESOURCES, "database": database_at(url)}
        context = dg.build_sensor_context(cursor=cursor, resources=known)
        result = ALERTS(context)
        assert isinstance(result, dg.SkipReason)
        cursor = context.cursor
        return str(result.skip_message)

    target.status = 0
    assert tick(away) == "health is RED: the database does not answer"
    target.status, target.posted = 200, []
    for _ in range(3):
        tick(away)
    assert target.states == [("database_down", "firing")]
    for _ in range(2):
        assert tick(database_url).startswith("health is GREEN")
    assert target.states == [("database_down", "firing"), ("database_down", "resolved")]
    first, second = target.posted
    assert first["incident"] == second["incident"]
    database.engine(away).dispose()


def test_while_the_target_is_down_an_outage_is_told_later_and_later() -> None:
    tries: list[str] = []

    def post(news: Mapping[str, Any]) -> str | None:
        tries.append(news["state"])
        return "ConnectError"

    known = None
    for second in range(0, 3600, 30):
        known = outage.follow(
            outage.remembered(outage.as_text(known)), down=second < 1800, post=post,
            now=NOW + timedelta(seconds=second), backoff=BACKOFF,
        )  # fmt: skip
    assert tries == ["firing"] * 7  # after 0, 30, 60, 120 … seconds
    assert known is not None
    # Both are told once the target is back.
    end = outage.follow(
        known, down=False, now=NOW + timedelta(hours=2), backoff=BACKOFF,
        post=lambda news: tries.append(news["state"]),
    )  # fmt: skip
    assert (end, tries[-2:]) == (None, ["firing", "resolved"])
    assert outage.remembered("what somebody else has written") is None


def test_what_comes_and_goes_is_one_incident(engine: sa.Engine, target: Target) -> None:
    hold = timedelta(minutes=2)

    def tick(condition: Condition, *, after: timedelta = timedelta(seconds=60)) -> None:
        with engine.begin() as connection:
            connection.execute(
                sa.text("UPDATE alerts SET calm_since = calm_since - :after"), {"after": after}
            )
            note(connection, [condition], hold=hold)
        tell(engine, url=URL, backoff=BACKOFF, transport=target.transport)

    for _ in range(5):
        tick(BAD)
        tick(GOOD)
        tick(GOOD)  # well for a minute
    assert target.states == [("cache_hits", "firing")]
    tick(UNKNOWN)
    tick(GOOD)
    assert target.states == [("cache_hits", "firing"), ("cache_hits", "resolved")]
    tick(BAD)
    assert target.states[2:] == [("cache_hits", "firing")]


def test_the_sensor_fires_recovers_and_remembers_across_restarts(
    configured: Settings, monkeypatch: pytest.MonkeyPatch, target: Target, database_url: str
) -> None:
    alerted(configured, monkeypatch, target)

    def tick() -> str:
        known = {
            **RESOURCES,
            "database": database_at(database_url),
        }  # new each time, as after a restart
        result = ALERTS(dg.build_sensor_context(resources=known))
        assert isinstance(result, dg.SkipReason)
        return str(result.skip_message)

    assert tick() == "health is GREEN; begun: none; over: none; told: 0"
    engine = database_at(database_url).engine()
    with engine.begin() as connection:
        connection.exec_driver_sql(
            "INSERT INTO jobs (kind, max_attempts, status) VALUES ('load', 1, 'failed')"
        )
    assert tick() == "health is GREEN; begun: job_failures; over: none; told: 1"
    assert tick() == "health is GREEN; begun: none; over: none; told: 0"
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE jobs SET updated_at = now() - interval '2 hours'")
    assert tick() == "health is GREEN; begun: none; over: job_failures; told: 1"
    assert target.states == [("job_failures", "firing"), ("job_failures", "resolved")]
    engine.dispose()


def test_retention_is_a_job_that_says_what_it_deleted(configured: Settings) -> None:
    store = key_value("buildings", settings())
    store.put("checkpoint:old", {}, ttl=timedelta(milliseconds=1))
    store.put("checkpoint:new", {}, ttl=timedelta(hours=1))
    time.sleep(0.01)
    result = automation.ledger_retention_job.execute_in_process(resources=RESOURCES)
    assert result.success
    with database.engine(settings()).connect() as connection:
        assert connection.scalars(sa.text("SELECT key FROM key_value")).all() == ["checkpoint:new"]


@pytest.mark.parametrize(
    ("url", "left"),
    [("off", ["infinity"]), (None, ["infinity"]), ("/srv/lake", ["2026-03-01"] * 3)],
)
def test_marks_that_no_lake_will_ever_take_were_kept_for_ever(
    configured: Settings, monkeypatch: pytest.MonkeyPatch, url: str | None, left: list[str]
) -> None:
    if url is not None:
        monkeypatch.setenv("LAKE_URL", url)
    settings.cache_clear()
    with database.engine(settings()).begin() as connection:
        connection.exec_driver_sql(
            "INSERT INTO changed_parts (reader, source, tenant_id, key, day) "
            "SELECT 'lake', 'kpi_points', 1, '', '2026-03-01' FROM generate_series(1, 3)"
        )
    assert automation.ledger_retention_job.execute_in_process(resources=RESOURCES).success
    with database.engine(settings()).connect() as connection:
        days = connection.scalars(sa.text("SELECT CAST(day AS text) FROM changed_parts"))
        assert days.all() == left
