"""deploy/dagster.yaml is loaded as a machine would load it, and a run leaves everything in it."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
import sqlalchemy as sa
import yaml
from dagster._core.instance.config import PoolGranularity
from dagster._core.storage.compute_log_manager import ComputeIOType

from ingestion_pipeline.orchestration.instance.compute_logs import FsspecComputeLogManager

ROOT = Path(__file__).parents[2]
PRODUCTION = ROOT / "deploy" / "dagster.yaml"


@pytest.fixture
def dagster_environment(
    server_url: sa.URL, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[dict[str, str]]:
    """What a machine with the production instance has in its environment."""
    administrator = sa.create_engine(server_url, isolation_level="AUTOCOMMIT")
    with administrator.connect() as connection:
        connection.exec_driver_sql("CREATE DATABASE dagster_history")
    home = tmp_path / "dagster_home"
    home.mkdir()
    (home / "dagster.yaml").write_text(PRODUCTION.read_text())
    history = server_url.set(drivername="postgresql", database="dagster_history")
    ours = {
        "DAGSTER_HOME": str(home),
        "DAGSTER_POSTGRES_URL": history.render_as_string(hide_password=False),
        "COMPUTE_LOGS_URL": (tmp_path / "bucket").as_uri(),
    }
    for name, value in ours.items():
        monkeypatch.setenv(name, value)
    yield {**os.environ, **ours}
    with administrator.connect() as connection:
        connection.exec_driver_sql("DROP DATABASE dagster_history WITH (FORCE)")
    administrator.dispose()


def test_a_run_and_its_output_are_seen_from_another_machine(
    dagster_environment: dict[str, str], database_url: str, tmp_path: Path
) -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "dagster", "job", "execute",
         "-m", "ingestion_pipeline.definitions", "-j", "ledger_retention"],
        env=dagster_environment | {"DATABASE_URL": database_url}, cwd=tmp_path, timeout=300,
        capture_output=True, text=True,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr

    home = dagster_environment["DAGSTER_HOME"]
    assert [path.name for path in Path(home).iterdir()] == ["dagster.yaml"]  # nothing is kept here
    with dg.DagsterInstance.from_config(home) as instance:
        (run,) = instance.get_runs()
        assert run.status is dg.DagsterRunStatus.SUCCESS
        events = [entry.dagster_event for entry in instance.all_logs(run.run_id)]
        steps = [event.step_key for event in events if event and event.is_step_success]
        assert steps == ["forget_old_entries"]

        (captured,) = (
            event for event in events if event and event.event_type_value == "LOGS_CAPTURED"
        )
        file_key = captured.logs_captured_data.file_key
        manager = instance.compute_log_manager
        assert isinstance(manager, FsspecComputeLogManager)
        log_key = manager.build_log_key_for_run(run.run_id, file_key)
        assert manager.is_capture_complete(log_key)
        stderr, _ = manager.get_log_data_for_type(log_key, ComputeIOType.STDERR, 0, None)
        assert stderr
        assert b"forget_old_entries" in stderr
    kept = [path for path in (tmp_path / "bucket").rglob("*") if path.is_file()]
    assert {path.suffix for path in kept} == {".out", ".err"}


def test_limits_monitoring_and_retention_are_in_force(
    dagster_environment: dict[str, str],
) -> None:
    with dg.DagsterInstance.from_config(dagster_environment["DAGSTER_HOME"]) as instance:
        concurrency = instance.get_concurrency_config()
        assert concurrency.pool_config.pool_granularity is PoolGranularity.RUN
        assert concurrency.pool_config.default_pool_limit == 4
        queue = concurrency.run_queue_config
        assert queue is not None
        assert queue.max_concurrent_runs == 12
        assert queue.max_user_code_failure_retries == 20
        assert {limit["key"] for limit in queue.tag_concurrency_limits} == {
            "dagster/backfill",
            "kpis/scope",
        }
        assert instance.run_monitoring_enabled
        assert instance.run_retries_enabled
        assert not instance.telemetry_enabled
        assert instance.get_settings("retention")["sensor"]["purge_after_days"]["skipped"] == 2


def test_pools_and_tags_that_are_limited_exist() -> None:
    from ingestion_pipeline.definitions import defs
    from ingestion_pipeline.domains.kpis.assets import PENDING_ONLY

    graph = defs.resolve_asset_graph()
    pools = {pool for key in graph.get_all_asset_keys() for pool in graph.get(key).pools or ()}
    assert pools == {"ace_iot", "fred"}  # deploy/dagster.yaml and dagster.yaml speak of these
    limits = yaml.safe_load(PRODUCTION.read_text())["concurrency"]["runs"]["tag_concurrency_limits"]
    ours = [(limit["key"], limit["value"]) for limit in limits if "value" in limit]
    assert ours == list(PENDING_ONLY.items())
