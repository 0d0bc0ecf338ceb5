"""Building alerts reach people: once when a limit is passed, once when it is over."""

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import dagster as dg
import httpx
import pytest
import sqlalchemy as sa

from ingestion_pipeline.domains import registry
from ingestion_pipeline.domains.buildings.merge.day import Options, merge_day
from ingestion_pipeline.domains.buildings.publish.alert_rules import Limits, delete_rule, set_rule
from ingestion_pipeline.domains.buildings.publish.alerts import (
    publish_alerts,
    unwatched_days,
    watch,
)
from ingestion_pipeline.domains.buildings.publish.incidents import Followed
from ingestion_pipeline.foundation.environment import settings
from ingestion_pipeline.foundation.storage import database
from ingestion_pipeline.foundation.watch import alerts as telling
from ingestion_pipeline.orchestration import housekeeping as automation
from ingestion_pipeline.orchestration.resources import RESOURCES
from ingestion_pipeline_tests.domains.buildings.builders import SITE, scripted

ALERTS = automation.alert_sensor(questions=registry.questions, limits=watch)

TODAY = datetime.now(UTC).date()
FIRST, SECOND, THIRD = (TODAY - timedelta(days=ago) for ago in (3, 2, 1))
WHOLE = Options(window=timedelta(days=1), weather=False)


class Target:
    """Where alerts go."""

    def __init__(self) -> None:
        self.posted: list[dict[str, Any]] = []
        self.down = False

    def answer(self, request: httpx.Request) -> httpx.Response:
        if self.down:
            raise httpx.ConnectError("down")
        self.posted.append(json.loads(request.content))
        return httpx.Response(200)

    def tick(self, engine: sa.Engine) -> list[str]:
        """What the sensor does, but for health; the states that were told."""
        before = len(self.posted)
        watch(engine)
        telling.tell(
            engine, url="http://alerts.invalid/", backoff=timedelta(0),
            transport=httpx.MockTransport(self.answer),
        )  # fmt: skip
        return [news["state"] for news in self.posted[before:]]


@pytest.fixture
def target() -> Target:
    return Target()


@pytest.fixture
def engine(shared_database_url: str) -> Iterator[sa.Engine]:
    """An empty database that this module's tests share, with a rule: co2 up to 1000."""
    made = database.engine(shared_database_url)
    with made.begin() as connection:
        connection.exec_driver_sql(
            "TRUNCATE timeseries_raw, collected_windows, collected_days, building_alerts, alerts, "
            "building_alert_rules"
        )
        set_rule(connection, site="*", point="*co2", limits=Limits(maximum=1000.0))
    yield made
    made.dispose()
    database.engine.cache_clear()


def collect(engine: sa.Engine, day: date, *values: Any, point: str = "co2", **said: Any) -> None:
    """A sample an hour from midnight on; None: no sample."""
    records = [
        {"point_name": point, "timestamp": f"{day}T{hour:02}:00:00Z", "value": value, **said}
        for hour, value in enumerate(values)
        if value is not None
    ]
    page = {"data": records, "pagination": {"has_more": False}}
    source = scripted([json.dumps(page).encode()], points=("co2", "b/co2", "temp"))
    merge_day(engine, source, SITE, day, options=WHOLE)


def open_incidents(engine: sa.Engine) -> Sequence[str]:
    with engine.connect() as connection:
        query = "SELECT message FROM alerts WHERE resolved_at IS NULL"
        return connection.exec_driver_sql(query).scalars().all()


def test_building_alerts_reached_nobody(engine: sa.Engine, target: Target) -> None:
    collect(engine, FIRST, 400, 1200, 1300, 500)  # in the shell: no run has looked at it
    assert target.tick(engine) == ["firing", "resolved"]
    firing, resolved = target.posted
    assert firing["incident"] == resolved["incident"]
    assert (firing["value"], firing["threshold"]) == (1300.0, 1000.0)
    assert firing["started_at"].startswith(f"{FIRST}T01:00:00")
    assert firing["message"] == (
        f"warning: {SITE}: co2 is 1300, the limit is 1000 "
        f"(from {FIRST} 01:00:00 to {FIRST} 02:00:00 UTC, samples: 2)"
    )
    # However often it is looked at, collected, and made again.
    assert target.tick(engine) == []
    for _ in range(2):
        publish_alerts(engine, SITE, FIRST)
        assert target.tick(engine) == []
    collect(engine, FIRST, 400, 1200, 1300, 500)
    assert target.tick(engine) == []


def test_an_incident_goes_on_over_midnight_and_is_over_once(
    engine: sa.Engine, target: Target
) -> None:
    collect(engine, FIRST, 400, 1200)
    assert target.tick(engine) == ["firing"]
    collect(engine, SECOND, 1300, 1400)
    assert target.tick(engine) == []
    collect(engine, THIRD, 1300, 500, 1600, 500)
    assert target.tick(engine) == ["resolved", "firing", "resolved"]
    assert open_incidents(engine) == []


def test_samples_that_are_there_and_not_yet_looked_at_end_no_incident(
    engine: sa.Engine, target: Target
) -> None:
    collect(engine, FIRST, 1200)
    assert target.tick(engine) == ["firing"]
    collect(engine, SECOND, 1300)
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE collected_days SET watched_at = now()")
    assert target.tick(engine) == []


def test_late_samples_make_no_second_incident(engine: sa.Engine, target: Target) -> None:
    collect(engine, FIRST, 400, None, 1200, 1300, 500)
    assert target.tick(engine) == ["firing", "resolved"]
    collect(engine, FIRST, 400, 1100, 1200, 1300, 500)  # it began earlier
    assert target.tick(engine) == []
    collect(engine, FIRST, 400, 1100, 900, 1300, 500)  # and was not one
    assert target.tick(engine) == []


def test_what_was_corrected_is_over(engine: sa.Engine, target: Target) -> None:
    collect(engine, FIRST, 400, 1200)
    assert target.tick(engine) == ["firing"]
    collect(engine, FIRST, 400, 700)
    assert target.tick(engine) == ["resolved"]


def test_a_rule_that_is_deleted_ends_its_incidents(engine: sa.Engine, target: Target) -> None:
    collect(engine, FIRST, 1200)
    assert target.tick(engine) == ["firing"]
    with engine.begin() as connection:
        [rule] = connection.exec_driver_sql("SELECT rule_id FROM building_alert_rules").scalars()
        assert delete_rule(connection, rule)
    assert target.tick(engine) == ["resolved"]


@pytest.mark.parametrize("quality", ["BAD", "uncertain", "Out of Service", 0])
def test_bad_samples_raise_no_alarm(engine: sa.Engine, target: Target, quality: Any) -> None:
    collect(engine, FIRST, 400, 5000, quality=quality)
    assert target.tick(engine) == []
    with engine.connect() as connection:
        assert unwatched_days(connection, 10) == []


def test_what_could_not_be_told_is_told_later_and_once(engine: sa.Engine, target: Target) -> None:
    target.down = True
    collect(engine, FIRST, 400, 1200)
    assert target.tick(engine) == target.tick(engine) == []
    target.down = False
    assert target.tick(engine) == ["firing"]


def test_killed_between_finding_and_telling_nothing_is_lost_or_told_twice(
    engine: sa.Engine, target: Target
) -> None:
    collect(engine, FIRST, 400, 1200)
    publish_alerts(engine, SITE, FIRST)  # killed here
    assert watch(engine) == Followed(1, 0)  # and here
    assert watch(engine) == Followed(0, 0)
    assert target.tick(engine) == ["firing"]


def test_a_backfilled_year_is_no_flood(engine: sa.Engine, target: Target) -> None:
    for ago in range(100, 90, -1):
        day = TODAY - timedelta(days=ago)
        collect(engine, day, 400, 1200, 400, 1500, 400)
        collect(engine, day, 400, 1300, 400, point="b/co2")
    assert target.tick(engine) == ["firing", "resolved"]
    assert (
        "2 points were beyond their limit 30 times; farthest co2: 1500, the limit is 1000"
        in (target.posted[0]["message"])
        or "1 points" in target.posted[0]["message"]
    )
    assert target.tick(engine) == []


def test_a_crowd_is_one_incident(engine: sa.Engine, target: Target) -> None:
    collect(engine, THIRD, *([1200, 400] * 12))
    for _ in range(2):
        target.tick(engine)
    assert len({news["incident"] for news in target.posted}) <= 12
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE building_alerts SET incident = NULL")
        connection.exec_driver_sql("DELETE FROM alerts")
        connection.exec_driver_sql(
            "INSERT INTO building_alerts SELECT site_name, 'b/' || point_name, rule_id, started_at,"
            " ended_at, samples, extreme, severity FROM building_alerts"
        )
    assert watch(engine).begun == 1


def test_the_sensor_of_alerts_watches_buildings(
    engine: sa.Engine, shared_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", shared_database_url)
    settings.cache_clear()
    database.engine.cache_clear()
    collect(engine, FIRST, 400, 1200)
    context = dg.build_sensor_context(resources=RESOURCES)
    said = ALERTS(context)
    settings.cache_clear()
    assert isinstance(said, dg.SkipReason)
    assert "limits of buildings: 1 begun, 0 over" in str(said.skip_message)
    assert len(open_incidents(engine)) == 1
