"""`make run`, as a new user sees it: one command starts all, one signal stops all of it."""

import json
import os
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import psutil
import pytest

from ingestion_pipeline_tests.end_to_end.running_up import ROOT, Up
from ingestion_pipeline_tests.senders import post, send_all

pytestmark = pytest.mark.slow

ASSETS = """{ assetNodes { assetKey { path } isMaterializable
  assetMaterializations(limit: 9) { runId
    metadataEntries { label ... on IntMetadataEntry { intValue } } }
  assetChecksOrError { ... on AssetChecks { checks { name
    executionForLatestMaterialization { status evaluation { success } } } } } } }"""
RUNNING = "{ runsOrError(filter: {statuses: [STARTED]}) { ... on Runs { results { runId } } } }"


def green(up: Up) -> bool:
    for node in up.graphql(ASSETS)["assetNodes"]:
        if node["isMaterializable"] and not node["assetMaterializations"]:
            return False
        for check in node["assetChecksOrError"]["checks"]:
            execution = check["executionForLatestMaterialization"]
            if node["isMaterializable"] and (
                not execution
                or not execution["evaluation"]
                or not execution["evaluation"]["success"]
            ):
                return False
    return True


def test_the_sample_is_loaded_by_the_sensors_and_every_check_is_green(up: Up) -> None:
    up.wait_for(lambda: green(up))
    assert up.rows("SELECT count(*) FROM order_items") == [(5000,)]
    orders = next(
        node for node in up.graphql(ASSETS)["assetNodes"]
        if node["assetKey"]["path"] == ["commerce", "orders"]
    )  # fmt: skip
    inserted = [
        entry["intValue"]
        for materialization in orders["assetMaterializations"]
        for entry in materialization["metadataEntries"]
        if entry["label"] == "inserted"
    ]
    assert sum(inserted) == 2500


def test_a_second_up_on_the_same_port_says_so(up: Up) -> None:
    second = subprocess.run(
        [sys.executable, "-m", "ingestion_pipeline.cli", "up"],
        cwd=ROOT, capture_output=True, text=True, timeout=60,
        env={**os.environ, "INGESTION_HOME": str(up.home), "WEB_PORT": str(up.port),
             "DATABASE_URL": ""},
    )  # fmt: skip
    assert second.returncode == 1
    assert "is taken" in second.stderr


def test_a_run_killed_in_the_middle_is_taken_up_again_and_nothing_is_doubled(
    up: Up, tmp_path: Path
) -> None:
    subprocess.run(
        [sys.executable, "-m", "ingestion_pipeline.cli", "sample-data", str(tmp_path), "--seed=7",
         "--customers=20000", "--products=100", "--orders=40000", "--order-items=80000"],
        check=True, capture_output=True,
    )  # fmt: skip
    folder = up.home / "drop" / "demo"
    for file in tmp_path.iterdir():
        file.rename(folder / file.name)
    up.wait_for(lambda: bool(up.graphql(RUNNING)["runsOrError"]["results"]))
    [run] = up.graphql(RUNNING)["runsOrError"]["results"]
    for process in psutil.process_iter(["cmdline"]):
        if run["runId"] in " ".join(process.info["cmdline"] or []):
            process.kill()
    wanted = [(21000, 42500, 85000)]
    counts = (
        "SELECT (SELECT count(*) FROM customers), (SELECT count(*) FROM orders), "
        "(SELECT count(*) FROM order_items)"
    )
    up.wait_for(lambda: up.rows(counts) == wanted, seconds=150)
    up.wait_for(lambda: set(up.rows("SELECT DISTINCT status FROM jobs")) == {("completed",)})
    assert up.rows("SELECT count(*) FROM order_items_staging") == [(0,)]


def killed(up: Up, words: str) -> None:
    """Kill the first of `up`'s processes whose command line holds the words."""
    for process in psutil.Process(up.process.pid).children(recursive=True):
        if words in " ".join(process.cmdline()):
            process.kill()
            return
    raise AssertionError(f"no process {words!r}")


def answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=5).is_success
    except httpx.TransportError:
        return False


def test_what_is_killed_is_started_again(up: Up) -> None:
    ready = f"http://127.0.0.1:{up.gateway_port}/readyz"
    killed(up, "ingestion_pipeline.cli gateway")
    up.wait_for_text("the gateway had died")
    up.wait_for(lambda: answers(ready))
    postmaster = int((up.home / "postgres/data/postmaster.pid").read_text().splitlines()[0])
    psutil.Process(postmaster).kill()
    up.wait_for_text("PostgreSQL died")
    up.wait_for(lambda: answers(ready))
    killed(up, "dagster._daemon")
    up.wait_for_text("Dagster had died")
    up.wait_for(lambda: answers(f"http://127.0.0.1:{up.port}/server_info"))


def test_readings_are_published_though_a_run_and_the_daemon_are_killed(up: Up) -> None:
    created = subprocess.run(
        [sys.executable, "-m", "ingestion_pipeline.cli", "tenants", "create", "acme", "--json"],
        check=True, capture_output=True, cwd=ROOT,
        env={**os.environ, "INGESTION_HOME": str(up.home), "DATABASE_URL": ""},
    )  # fmt: skip
    api_key = json.loads(created.stdout)["api_key"]
    now = datetime.now(UTC) - timedelta(hours=1)
    bodies = [
        {"traceId": f"t{n % 100}", "kpiId": f"k{n}", "kpiType": "x",
         "timestamp": (now - timedelta(days=n % 2)).isoformat(), "data": {"value": n}}
        for n in range(3_000)
    ]  # fmt: skip
    requests = [
        post("/api/kpi-data", json.dumps(body).encode(), api_key=api_key) for body in bodies
    ]
    assert {answer.status for answer in send_all(up.gateway_port, requests)} == {202}
    up.wait_for(lambda: bool(up.graphql(RUNNING)["runsOrError"]["results"]))
    for run in up.graphql(RUNNING)["runsOrError"]["results"]:
        for process in psutil.process_iter(["cmdline"]):
            if run["runId"] in " ".join(process.info["cmdline"] or []):
                process.kill()
    killed(up, "dagster._daemon")
    published = (
        "SELECT count(*) FILTER (WHERE key LIKE 'package:%'), "
        "count(*) FILTER (WHERE key LIKE 'job:%') FROM key_value WHERE namespace = 'acme'"
    )
    up.wait_for(lambda: up.rows(published) == [(3_000, 100)], seconds=120)
    up.wait_for(lambda: up.rows("SELECT count(*) FROM kpi_updates WHERE pending") == [(0,)])


def test_one_signal_stops_everything_and_leaves_no_orphan(up: Up) -> None:
    postmaster = int((up.home / "postgres/data/postmaster.pid").read_text().splitlines()[0])
    family = psutil.Process(up.process.pid).children(recursive=True)
    family.append(psutil.Process(postmaster))
    up.process.send_signal(signal.SIGINT)
    assert up.process.wait(60) == 0
    _, alive = psutil.wait_procs(family, timeout=5)
    # Whoever is nobody's child any more is reaped by init, some time later.
    assert [process for process in alive if process.status() != psutil.STATUS_ZOMBIE] == []
    assert "stopping" in up.output.read_text()
