"""Dagster's processes under `up` ask one another less often; what this sets is there to be set."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

_PRINT = """
import json
from dagster._daemon import controller
from dagster._grpc import client, server, server_watcher
print(json.dumps([controller.RELOAD_WORKSPACE_INTERVAL, client.CLIENT_HEARTBEAT_INTERVAL,
                  server_watcher.WATCH_INTERVAL]))
"""


def _printed(before: str) -> list[float]:
    said = subprocess.check_output([sys.executable, "-c", before + _PRINT], text=True)
    return list(json.loads(said))


def test_every_interval_is_longer_than_dagsters_own() -> None:
    calm = "from ingestion_pipeline.cli.calm import calm; calm(daemon=True)"
    assert all(ours > its for ours, its in zip(_printed(calm), _printed(""), strict=True))


def test_what_a_calm_process_starts_is_calm() -> None:
    started = subprocess.check_output(
        [sys.executable, "-c", """
from ingestion_pipeline.cli.calm import starting_calm
print(starting_calm(lambda parts, **_: parts)(["python", "-m", "dagster", "api", "grpc"]))
"""], text=True,
    )  # fmt: skip
    assert started.strip() == str(
        ["python", "-m", "ingestion_pipeline.cli.calm", "dagster", "api", "grpc"]
    )


_KEPT = """
from ingestion_pipeline.cli.calm import calm
calm()
from dagster._grpc.client import DagsterGrpcClient
first, second = DagsterGrpcClient(port=1, host="127.0.0.1"), DagsterGrpcClient(port=2)
seen = []
for client in (first, first, second):
    with client._channel() as channel:
        seen.append(channel)
print(seen[0] is seen[1], seen[0] is seen[2])
"""


def test_each_question_was_asked_through_a_connection_of_its_own() -> None:
    said = subprocess.check_output([sys.executable, "-c", _KEPT], text=True)
    assert said.split() == ["True", "False"]


_FORKED = """
from types import SimpleNamespace
from ingestion_pipeline.cli.calm import forking
from ingestion_pipeline_tests.cli.test_calm import tell
server = SimpleNamespace()
forking(lambda server: None)(server)
for _ in range(2):
    told = server._mp_ctx.Queue()
    run = server._mp_ctx.Process(target=tell, args=[told])
    run.start()
    print(told.get())
    run.join()
"""


def tell(queue: Any) -> None:
    """In a run: whose child it is, how many threads that has, and what was imported before us."""
    parent = os.getppid()
    status = Path(f"/proc/{parent}/status").read_text()
    threads = int(status.split("Threads:")[1].split()[0])
    ours = [name for name in sys.modules if name.startswith("ingestion_pipeline.")]
    libraries = sorted({"dagster", "sqlalchemy", "psycopg"} & sys.modules.keys())
    queue.put(json.dumps([parent, threads, ours, libraries]))


def test_each_run_imported_all_libraries_anew() -> None:
    said = subprocess.check_output([sys.executable, "-c", _FORKED], text=True)
    (first, *found), (second, *_) = map(json.loads, said.splitlines())
    assert first == second  # one process, of which both are forks; with one thread, as forks ask
    assert found == [1, [], ["dagster", "psycopg", "sqlalchemy"]]  # our own code is read anew
