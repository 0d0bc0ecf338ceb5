"""`ingestion-pipeline lake …`."""

import json

import pytest
import sqlalchemy as sa
from typer.testing import CliRunner

from ingestion_pipeline.cli.app import app
from ingestion_pipeline.foundation.environment import settings
from ingestion_pipeline.foundation.settings import Settings
from ingestion_pipeline.foundation.storage import roles
from ingestion_pipeline_tests.outlets.marts.filling import BASE, new_points


@pytest.fixture
def filled(
    configured: Settings, engine: sa.Engine, tenant_id: int, monkeypatch: pytest.MonkeyPatch
) -> sa.Engine:
    monkeypatch.setenv("LAKE_URL", str(configured.home / "lake"))
    settings.cache_clear()
    roles.ensure(engine)
    with engine.begin() as connection:
        new_points(connection, tenant_id, {BASE: 1.0})
    return engine


def lake(*words: str, exit_code: int = 0) -> str:
    result = CliRunner().invoke(app, ["lake", *words])
    assert result.exit_code == exit_code, result.output
    return result.output


def test_a_table_is_written_shown_and_compared(filled: sa.Engine) -> None:
    assert "there is no table yet" in lake("status")
    assert "kpi_points: 1 rows of 1 partitions written" in lake("sync")
    [told] = json.loads(lake("status", "--json"))["tables"]
    assert (told["namespace"], told["name"], told["rows"]) == ("tenant_1", "kpi_points", 1)
    assert "kpi_points: 1 rows in 1 partitions are the same" in lake("verify", "kpi_points")


def test_what_differs_is_named_and_written_anew(filled: sa.Engine) -> None:
    lake("sync")
    with filled.begin() as connection:
        connection.exec_driver_sql("UPDATE kpi_points SET value = 2")
        connection.exec_driver_sql("DELETE FROM changed_parts WHERE reader = 'lake'")
    said = lake("verify", "kpi_points", exit_code=3)
    assert "kpi_points: differs: tenant_1 2026-03-01: value (sum): 2.0, lake 1.0" in " ".join(
        said.split()
    )
    lake("rebuild", "kpi_points")
    lake("sync", "kpi_points")
    lake("verify", "kpi_points")


def test_a_partition_that_is_refused_is_said_with_its_reason(filled: sa.Engine) -> None:
    with filled.begin() as connection:
        connection.exec_driver_sql("UPDATE kpi_points SET received_at = 'infinity'")
    assert "refused: 2026-03-01: received_at is infinite" in lake("sync", exit_code=3)
    assert "refused: kpi_points tenant 1 2026-03-01" in lake("status")


def test_a_table_that_the_lake_has_not_is_named() -> None:
    result = CliRunner().invoke(app, ["lake", "rebuild", "jobs"])
    assert result.exit_code == 1
    assert "the lake has no table 'jobs'" in str(result.exception or result.output)
