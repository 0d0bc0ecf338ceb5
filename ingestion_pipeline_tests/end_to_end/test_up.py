"""`make run`, as a new user sees it: one command starts all, README's commands work as printed,
what is killed comes back, and one signal stops all of it."""

import json
import os
import re
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
    executionForLatestMaterialization { status
      evaluation { success severity } } } } } } }"""
RUNNING = """{ runsOrError(filter: {statuses: [STARTED], pipelineName: "%s"}) {
  ... on Runs { results { runId } } } }"""


def green(up: Up) -> bool:
    """Whether every asset is materialized, and no check found an error (warnings are none)."""
    for node in up.graphql(ASSETS)["assetNodes"]:
        if not node["isMaterializable"]:
            continue
        if not node["assetMaterializations"]:
            return False
        for check in node["assetChecksOrError"]["checks"]:
            evaluation = (check["executionForLatestMaterialization"] or {}).get("evaluation")
            if not evaluation or (not evaluation["success"] and evaluation["severity"] == "ERROR"):
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


def commands(heading: str) -> str:
    """The shell blocks of a section, in order."""
    section = (ROOT / "README.md").read_text().split(f"\n## {heading}")[1].split("\n## ")[0]
    return "\n".join(re.findall(r"```sh\n(.*?)```", section, re.DOTALL))


def run(up: Up, text: str) -> list[str]:
    """Run a script as a user would, in an activated environment; what it prints."""
    script = text.replace("127.0.0.1:8000", f"127.0.0.1:{up.gateway_port}")
    script = script.replace("127.0.0.1:8100", f"127.0.0.1:{up.sandbox_port}")
    script = script.replace("/tmp/orders", str(up.home / "orders"))
    script = script.replace(".ingestion/", f"{up.home}/")
    environment = {
        **os.environ,
        "INGESTION_HOME": str(up.home),
        "DATABASE_URL": "",
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PAGER": "cat",
    }
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.splitlines()


def answers(lines: list[str]) -> list[dict[str, object]]:
    return [json.loads(line) for line in lines if line.startswith("{")]


def test_the_commands_of_commerce_and_kpis_work_as_printed(up: Up) -> None:
    printed = answers(run(up, commands("Commerce") + "\n" + commands("KPIs")))
    first, again, announced, new, duplicate, error, job, package, analysis, series, *_ = printed
    assert first["status"] == "accepted"
    assert again == first
    assert announced["status"] == "success"
    assert (new["status"], duplicate["status"]) == ("success", "duplicate")
    assert error["status"] == "success"
    assert job["status"] == "partial"
    assert package["data"] == {"value": 97123.5}
    assert analysis["status"] == "success"
    assert len(series["dataPoints"]) == 1  # type: ignore[arg-type]
    keys = "SELECT key FROM key_value WHERE namespace = 'acme' ORDER BY key"
    up.wait_for(
        lambda: (
            {row[0] for row in up.rows(keys)}
            >= {"job:t1", "package:t1:btc-price", "timeseries:btc-price"}
        )
    )
    loaded = (
        "SELECT (SELECT count(*) FROM customers WHERE tenant_id = tenants.tenant_id), "
        "(SELECT count(*) FROM order_items WHERE tenant_id = tenants.tenant_id) "
        "FROM tenants WHERE name = 'acme'"
    )
    up.wait_for(lambda: up.rows(loaded) == [(1_000, 5_000)])


def test_the_commands_of_buildings_work_as_printed(up: Up) -> None:
    printed = "\n".join(run(up, commands("Buildings")))
    again, _ = json.JSONDecoder().raw_decode(printed, printed.index("{\n"))
    assert (again["inserted"], again["updated"]) == (0, 0)
    assert again["unchanged"] > 0


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
    kill_a_run(up, "load_uploads")
    wanted = [(21000, 42500, 85000)]
    counts = (
        "SELECT (SELECT count(*) FROM customers WHERE tenant_id = tenants.tenant_id), "
        "(SELECT count(*) FROM orders WHERE tenant_id = tenants.tenant_id), "
        "(SELECT count(*) FROM order_items WHERE tenant_id = tenants.tenant_id) "
        "FROM tenants WHERE name = 'demo'"
    )
    up.wait_for(lambda: up.rows(counts) == wanted)
    statuses = "SELECT DISTINCT status FROM jobs WHERE kind LIKE 'commerce.%'"
    up.wait_for(lambda: up.rows(statuses) == [("completed",)])
    assert up.rows("SELECT count(*) FROM order_items_staging") == [(0,)]


def kill_a_run(up: Up, job: str) -> None:
    """Wait until a run of a job is under way, and kill its processes."""
    up.wait_for(lambda: bool(up.graphql(RUNNING % job)["runsOrError"]["results"]))
    for run in up.graphql(RUNNING % job)["runsOrError"]["results"]:
        for process in psutil.process_iter(["cmdline"]):
            if run["runId"] in " ".join(process.info["cmdline"] or []):
                process.kill()


def killed(up: Up, words: str) -> None:
    """Kill the first of `up`'s processes whose command line holds the words."""
    for process in psutil.Process(up.process.pid).children(recursive=True):
        if words in " ".join(process.cmdline()):
            process.kill()
            return
    raise AssertionError(f"no process {words!r}")


def is_up(url: str) -> bool:
    try:
        return httpx.get(url, timeout=5).is_success
    except httpx.TransportError:
        return False


def test_what_is_killed_is_started_again(up: Up) -> None:
    ready = f"http://127.0.0.1:{up.gateway_port}/readyz"
    killed(up, "ingestion_pipeline.cli gateway")
    up.wait_for_text("the gateway had died")
    up.wait_for(lambda: is_up(ready))
    postmaster = int((up.home / "postgres/data/postmaster.pid").read_text().splitlines()[0])
    psutil.Process(postmaster).kill()
    up.wait_for_text("PostgreSQL died")
    up.wait_for(lambda: is_up(ready))
    killed(up, "dagster._daemon")
    up.wait_for_text("Dagster had died")
    up.wait_for(lambda: is_up(f"http://127.0.0.1:{up.port}/server_info"))


def test_readings_are_published_though_a_run_and_the_daemon_are_killed(up: Up) -> None:
    created = subprocess.run(
        [sys.executable, "-m", "ingestion_pipeline.cli", "tenants", "create", "killed", "--json"],
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
    kill_a_run(up, "publish_readings")
    killed(up, "dagster._daemon")
    published = (
        "SELECT count(*) FILTER (WHERE key LIKE 'package:%'), "
        "count(*) FILTER (WHERE key LIKE 'job:%') FROM key_value WHERE namespace = 'killed'"
    )
    up.wait_for(lambda: up.rows(published) == [(3_000, 100)])
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
