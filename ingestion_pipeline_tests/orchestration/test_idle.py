"""While nothing is to be done, a tick is a question or two to our database, and nothing else."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import sqlalchemy as sa
from dagster._core.instance.ref import InstanceRef

from ingestion_pipeline.definitions import defs
from ingestion_pipeline.foundation.environment import settings
from ingestion_pipeline.foundation.settings import Settings
from ingestion_pipeline.foundation.storage import database, schema
from ingestion_pipeline.orchestration import sensing
from ingestion_pipeline.orchestration.resources import Database, database_at

REPOSITORY = defs.get_repository_def()
SENSORS = sorted(each.name for each in REPOSITORY.sensor_defs)
MOST_QUERIES = 2  # of a tick
# Told within a minute; brought by people, by the month; the sensor of failed runs does it, too;
# marts, findings and analyses follow what came, and nobody waits for them.
SELDOM = {
    "alerts", "dropped_reports", "release_jobs_of_canceled_runs",
    "changed_parts", "changed_tables", "packages_without_analysis", "watched_series",
}  # fmt: skip
# Every thirty seconds: the whole health document; what days are due and what has none; every five
# minutes: a question a kind of what is watched.
MOST_OF = {"alerts": 60, "changed_parts": 3, "watched_series": 10}


@contextmanager
def counted(engine: sa.Engine) -> Iterator[list[str]]:
    """The statements that are executed meanwhile."""
    seen: list[str] = []

    def note(_: Any, __: Any, statement: str, *___: Any) -> None:
        seen.append(statement)

    sa.event.listen(engine, "before_cursor_execute", note)
    yield seen
    sa.event.remove(engine, "before_cursor_execute", note)


def tick(name: str, home: Path, cursor: str | None) -> str | None:
    """As the code server does it, which knows the instance by reference; the next cursor."""
    sensor = REPOSITORY.get_sensor_def(name)
    with dg.SensorEvaluationContext(
        InstanceRef.from_dir(str(home)), last_tick_completion_time=None, last_run_key=None,
        cursor=cursor, log_key=None, repository_name=REPOSITORY.name, repository_def=REPOSITORY,
        sensor_name=name,
    ) as context:  # fmt: skip
        result = sensor.evaluate_tick(context)
    assert not result.run_requests
    assert result.skip_message
    return result.cursor


@pytest.fixture
def home(configured: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Of a Dagster instance that is not to be opened."""
    schema.upgrade(database.engine(settings()))
    home = tmp_path / "dagster"
    home.mkdir()
    return home


def forbid(monkeypatch: pytest.MonkeyPatch) -> None:
    def opened(*_: Any, **__: Any) -> None:
        raise AssertionError("an idle tick opened Dagster's instance")

    monkeypatch.setattr(dg.DagsterInstance, "from_ref", opened)


@pytest.mark.parametrize("name", SENSORS)
def test_an_idle_tick_of_a_sensor_opened_the_instance_and_read_all_migrations(
    home: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    cursor = tick(name, home, None)
    forbid(monkeypatch)
    monkeypatch.setattr(schema, "_alembic", lambda _: pytest.fail("migrations were read"))
    with counted(database.engine(settings())) as statements:
        tick(name, home, cursor)
    assert len(statements) <= MOST_OF.get(name, MOST_QUERIES), statements


@pytest.mark.parametrize("name", [each for each in SENSORS if each not in SELDOM])
def test_every_sensor_looks_at_every_round_of_the_daemon(name: str) -> None:
    """It makes one every five seconds."""
    sensor = REPOSITORY.get_sensor_def(name)
    assert (sensor.minimum_interval_seconds or 30) < 5
    assert sensor.default_status == dg.DefaultSensorStatus.RUNNING


def test_the_schema_is_looked_at_once_a_minute(
    configured: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now)
    looked: list[sa.Engine] = []
    monkeypatch.setattr(schema, "upgrade", looked.append)
    for _ in range(3):
        Database().engine()
    assert len(looked) == 1
    now += 61
    Database().engine()
    assert len(looked) == 2


def test_a_schema_that_could_not_be_brought_up_to_date_is_looked_at_again(
    configured: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(_: sa.Engine) -> None:
        raise RuntimeError("in use")

    monkeypatch.setattr(schema, "upgrade", fails)
    for _ in range(2):
        with pytest.raises(RuntimeError, match="in use"):
            Database().engine()


def test_a_resource_is_made_once_a_definition_and_a_test_hands_in_its_own() -> None:
    known = REPOSITORY.get_top_level_resources()
    first, second = (
        sensing.resource(dg.build_sensor_context(resources=dict(known), definitions=each))
        for each in (defs, None)
    )
    assert first is second
    other = database_at("postgresql+psycopg://nowhere/test")
    handed_in = sensing.resource(dg.build_sensor_context(resources={"database": other}))
    assert handed_in.address == other.address
    assert handed_in is not first


def test_a_resource_that_nobody_defines_is_not_found() -> None:
    with pytest.raises(LookupError, match="no resource 'database'"):
        sensing.resource(dg.build_sensor_context())
