"""README's commands, as printed and in order, against what `make run` starts."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from ingestion_pipeline_tests.end_to_end.running_up import ROOT, Up

pytestmark = pytest.mark.slow


def commands(heading: str) -> str:
    """The shell blocks of a section, in order."""
    section = (ROOT / "README.md").read_text().split(f"\n## {heading}")[1].split("\n## ")[0]
    return "\n".join(re.findall(r"```sh\n(.*?)```", section, re.DOTALL))


def run(up: Up, text: str) -> list[str]:
    """Run a script as a user would, in an activated environment; what it prints."""
    script = text.replace("127.0.0.1:8000", f"127.0.0.1:{up.gateway_port}")
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
