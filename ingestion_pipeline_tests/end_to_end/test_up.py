"""`make run`, as a new user sees it: one command starts all, README's commands work as printed,
what is killed comes back, and one signal stops all of it."""

import json
import os
import re
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import psutil
import pytest

from ingestion_pipeline.foundation.ledger.job_ids import job_id_of
from ingestion_pipeline_tests.end_to_end.running_up import ROOT, Up
from ingestion_pipeline_tests.senders import post, send_all

pytestmark = pytest.mark.slow

ASSETS = """{ assetNodes { assetKey { path } isMaterializable
  assetMaterializations(limit: 9) { runId
    metadataEntries { label ... on IntMetadataEntry { intValue } } }
  assetChecksOrError { ... on AssetChecks { checks { name
    executionForLatestMaterialization { status
      evaluation { success severity } } } } } } }"""
EVERYTHING = """{
  runsOrError { ... on Runs { results {
    runId runConfigYaml tags { key value }
    eventConnection(limit: 1000) { events { __typename ... on MessageEvent { message }
      ... on ErrorEvent { error { message stack causes { message stack } } }
      ... on DisplayableEvent { label description metadataEntries { ...entry } } } } } } }
  assetNodes { description assetKey { path } assetMaterializations(limit: 100) {
    label description tags { key value } metadataEntries { ...entry } } }
  sensorsOrError(repositorySelector: {
    repositoryName: "__repository__", repositoryLocationName: "ingestion_pipeline"
  }) { ... on Sensors { results { name sensorState { ticks(limit: 50) {
    skipReason cursor runKeys error { message stack } logEvents { events { message } } } } } } }
  instance { info }
}
fragment entry on MetadataEntry {
  label description
  ... on TextMetadataEntry { text }
  ... on JsonMetadataEntry { jsonString }
  ... on MarkdownMetadataEntry { mdStr }
  ... on UrlMetadataEntry { url }
  ... on PathMetadataEntry { path }
  ... on TableMetadataEntry { table { records } }
}"""
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
    up.wait_for(lambda: green(up), every=3)  # each time costs the webserver a quarter second
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


def access() -> str:
    """README's lines that get a key for the gateway."""
    lines = [line for line in commands("Commerce").splitlines() if line.startswith("export ")]
    assert [line.split("=")[0] for line in lines] == ["export GATEWAY", "export API_KEY"]
    return "\n".join(lines) + "\n"


def run(up: Up, text: str) -> list[str]:
    """Run a script as a user would, in an activated environment; what it prints."""
    script = text.replace("127.0.0.1:8000", f"127.0.0.1:{up.gateway_port}")
    script = script.replace("127.0.0.1:8100", f"127.0.0.1:{up.sandbox_port}")
    script = script.replace("/tmp/orders", str(up.home / "orders"))
    script = script.replace("/tmp/reports", str(up.home / "reports"))
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


def test_the_commands_of_markets_work_as_printed(up: Up) -> None:
    sent, _, macro, then, warming, health = answers(run(up, access() + commands("Markets")))
    assert sent["status"] == "accepted"
    assert macro["series"]["GDP"]["value"] == 29349.924  # type: ignore[index]
    known = then["series"]["GDP"]["observations"]  # type: ignore[index]
    assert known[-1] == {"date": "2020-01-01", "value": 21537.94, "released": "2020-04-29"}
    assert warming["status"] == "accepted"
    assert health["status"] in ("GREEN", "YELLOW")
    state = "SELECT status, cache_invalidated FROM ingestion_events WHERE ingestion_id = %s"
    applied = [("applied", ["fundamentals_dallas"])]
    up.wait_for(lambda: up.rows(state, sent["ingestion_id"]) == applied)
    read = 'curl -sS $GATEWAY/api/markets/dallas/fundamentals -H "X-API-Key: $API_KEY"'
    [found] = answers(run(up, access() + read))
    assert found["data"]["vacancy_rate_pct"] == 7.5  # type: ignore[index]


def test_the_commands_of_book_sales_work_as_printed(up: Up) -> None:
    printed = run(up, access() + commands("Book sales"))
    uploaded, ordered, state, ticked = (
        answer for answer in answers(printed) if "message" in answer
    )
    assert (uploaded["platform"], ordered["platform"]) == ("smashwords", "gumroad")
    assert state["jobId"] == ordered["jobId"]
    assert ticked["status"] == "success"
    jobs = "SELECT DISTINCT status FROM jobs WHERE job_id IN (%s, %s)"
    both = (job_id_of(uploaded["jobId"]), job_id_of(ordered["jobId"]))
    up.wait_for(lambda: up.rows(jobs, *both) == [("completed",)])
    platforms = (
        "SELECT DISTINCT platform FROM sales_events JOIN tenants USING (tenant_id) "
        "WHERE name = 'acme' ORDER BY 1"
    )
    assert up.rows(platforms) == [("amazon_kdp",), ("gumroad",), ("smashwords",)]


def test_no_secret_is_shown_anywhere(up: Up) -> None:
    """Tables, files, Dagster: what senders and operators trusted us with is in none of them."""
    token = "a-token-that-nobody-may-read"  # Gumroad refuses it, and what is said of that is kept
    order = f'''curl -sS $GATEWAY/api/ingestion/manual -H "X-API-Key: $API_KEY" \\
        -d '{{"platform": "gumroad", "payload": {{"access_token": "{token}"}}}}'
        ingestion-pipeline ping-url --tenant acme
        echo "$API_KEY"'''
    *answer, ping_url, api_key = run(up, access() + order)
    job_id = job_id_of(json.loads("".join(answer))["jobId"])
    path_token = ping_url.rpartition("/")[2]
    ping = httpx.post(
        f"http://127.0.0.1:{up.gateway_port}/api/ingestion/ping/gumroad/{path_token}",
        data={"sale_id": "p1", "price": "100", "email": "buyer@example.org"},
        timeout=120,
    )
    assert ping.status_code == 200
    ended = "SELECT status FROM jobs WHERE job_id = %s"
    up.wait_for(lambda: up.rows(ended, job_id) == [("failed",)])
    secrets_env = (up.home / "secrets.env").read_text()
    secrets = [token, "sandbox-key", api_key, path_token, "buyer@example.org"]
    secrets += [value.removeprefix("acme:") for value in re.findall(r"='(.*)'", secrets_env)]
    assert len(secrets) == 9
    places = {**searchable_tables(up), **searchable_files(up), "GraphQL": everything(up)}
    # Whoever starts it is told with which key one signs in to the sample's pages.
    [told] = re.findall("DEMO_API_KEY='(.*)'", secrets_env)
    for secret in secrets:
        found = [name for name, content in places.items() if secret.encode() in content]
        assert found == (["up.log"] if secret == told else []), secret
    # What is not secret is found: so the search would have found the others, too.
    run_id = up.rows("SELECT run_id FROM job_attempts WHERE job_id = %s", job_id)[0][0]
    found = [name for name, content in places.items() if run_id.encode() in content]
    assert {"table job_attempts", "GraphQL", "up.log"} & set(found) >= {
        "table job_attempts", "GraphQL",
    }  # fmt: skip
    assert any("/history/" in name for name in found)
    assert any(name.endswith((".out", ".err")) for name in found)


def searchable_tables(up: Up) -> dict[str, bytes]:
    """All rows of all tables, as text."""
    names = up.rows("SELECT schemaname, relname FROM pg_stat_user_tables")
    return {
        f"table {name}": "\n".join(
            row[0] for row in up.rows(f'SELECT t::text FROM "{schema}"."{name}" AS t')
        ).encode()
        for schema, name in names
        if not name.startswith("timeseries_raw")  # numbers, and many
    }


def searchable_files(up: Up) -> dict[str, bytes]:
    """What is under INGESTION_HOME: logs, Dagster's history and compute logs, the database's."""
    return {
        str(path.relative_to(up.home)): path.read_bytes()
        for path in up.home.rglob("*")
        if path.is_file() and path.name not in ("secrets.env", "password")
    }


def everything(up: Up) -> bytes:
    """All that the UI can show of runs, their logs and configuration, assets, and ticks."""
    return json.dumps(up.graphql(EVERYTHING)).encode()


def test_a_second_up_on_the_same_port_says_so(up: Up) -> None:
    second = subprocess.run(
        [sys.executable, "-m", "ingestion_pipeline.cli", "up"],
        cwd=ROOT, capture_output=True, text=True, timeout=300,
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
    """Wait until a step of a job's run is under way, and kill the run's process."""

    def one_is_killed() -> bool:
        runs = up.graphql(RUNNING % job)["runsOrError"]["results"]
        at_work = {process for run in runs for process in processes_of(run["runId"])}
        for process in at_work:
            process.kill()
        return bool(at_work)

    up.wait_for(one_is_killed, every=0.1)


def processes_of(run_id: str) -> list[psutil.Process]:
    """The process of a run: while a step is under way it follows, through `tail`, what is printed
    into the run's folder. Nothing names the run in its own command line."""
    found = []
    for process in psutil.process_iter(["cmdline"]):
        words = process.info["cmdline"] or [""]
        if words[0] == "tail" and run_id in words[-1]:
            with suppress(psutil.NoSuchProcess):
                found.append(psutil.Process(process.ppid()))
    return found


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
    with ThreadPoolExecutor(1) as beside:  # the last run may be over before all are sent
        killing = beside.submit(kill_a_run, up, "publish_readings")
        assert {answer.status for answer in send_all(up.gateway_port, requests)} == {202}
        killing.result()
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
