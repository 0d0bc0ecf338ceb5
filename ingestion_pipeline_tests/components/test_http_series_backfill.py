"""Many days in one run that is killed in the middle: what was not read is not there, what was is
not asked for again, and the end is as if nothing had happened."""

import os
import subprocess
import sys
import time
from collections import Counter
from datetime import date, timedelta
from pathlib import Path

import dagster as dg
import pytest
import sqlalchemy as sa
from pydantic import SecretStr

from ingestion_pipeline.foundation.credentials import new_key
from ingestion_pipeline.foundation.environment import settings
from ingestion_pipeline.foundation.ledger import tenant_credentials, tenants
from ingestion_pipeline.foundation.settings import Settings
from ingestion_pipeline_tests.components.test_http_series import (
    ATTRIBUTES,
    PLANT,
    TOKEN,
    Plant,
    readings,
    write,
)
from ingestion_pipeline_tests.foundation.collecting.serving import Asked, Server, serving

ROOT = Path(__file__).parents[2]
FIRST, DAYS = date(2026, 1, 1), 24
NAMES = [(FIRST + timedelta(days=each)).isoformat() for each in range(DAYS)]


def collected(engine: sa.Engine) -> set[str]:
    with engine.connect() as connection:
        return set(connection.scalars(sa.text("SELECT period FROM series_windows")))


def until(server: Server, number: int) -> None:
    deadline = time.monotonic() + 300
    while len(server.asked) < number and time.monotonic() < deadline:
        time.sleep(0.01)


def days_of(asked: list[Asked]) -> Counter[str]:
    return Counter(each.query["from"] for each in asked)


def test_a_backfill_that_is_killed_is_taken_up_where_it_was(
    tmp_path: Path, configured: Settings, engine: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys, home = new_key(), tmp_path / "dagster"
    home.mkdir()
    (home / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    environment = {
        "CREDENTIAL_KEYS": keys, "DAGSTER_HOME": str(home), "DEFS_FOLDER": str(tmp_path / "defs"),
        "JOB_LEASE": "2",
    }  # fmt: skip
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    settings.cache_clear()
    under = Settings(credential_keys=SecretStr(keys))
    with engine.begin() as connection:
        tenant_id = tenants.ensure(connection, "acme")
        tenant_credentials.keep(connection, under, tenant_id, "plant_token", TOKEN)
    command = [sys.executable, "-m", "ingestion_pipeline_tests.components.backfilling"]
    command += [NAMES[0], NAMES[-1]]
    with serving(Plant({day: readings(day) for day in NAMES})) as server:
        stored = ATTRIBUTES.replace("URL", server.url)
        stored = stored.replace("secret: PLANT_TOKEN", "secret: {stored: plant_token}")
        write(tmp_path / "defs", flow=stored)
        process = subprocess.Popen(command, cwd=ROOT, env=os.environ)
        until(server, DAYS)  # of two pages a day: half of them
        process.kill()
        process.wait()
        asked, done = days_of(server.asked), collected(engine)
        assert 0 < len(done) < DAYS
        assert set(asked) >= done
        with dg.DagsterInstance.from_config(str(home)) as instance:
            # None of them is said to be there by a run that could not say what it found.
            assert instance.get_materialized_partitions(PLANT) <= done
            [killed] = instance.get_runs()
            assert "t0ken-of" not in " ".join(map(str, instance.all_logs(killed.run_id)))
        subprocess.run([*command, killed.run_id], cwd=ROOT, env=os.environ, check=True, timeout=300)
        again = days_of(server.asked)
    assert collected(engine) == set(NAMES)
    # Two pages each; of the one that was being read, those of before once more.
    more = {day: number for day, number in again.items() if number != 2}
    assert len(more) <= 1, more
    assert all(again[day] == 2 for day in done), more
    with dg.DagsterInstance.from_config(str(home)) as instance:
        assert instance.get_materialized_partitions(PLANT) == set(NAMES)
        counts = {
            each.asset_materialization.metadata["records"].value
            for each in instance.fetch_materializations(PLANT, limit=100).records
            if each.asset_materialization is not None
        }
    assert counts == {3}
    with engine.connect() as connection:
        points = connection.exec_driver_sql("SELECT count(*), count(DISTINCT observed_at) "
                                            "FROM kpi_points").one()  # fmt: skip
    assert tuple(points) == (3 * DAYS, 3 * DAYS)
