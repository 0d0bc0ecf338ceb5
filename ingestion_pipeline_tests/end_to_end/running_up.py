"""`ingestion-pipeline up` in a process of its own."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import httpx
import psycopg

from ingestion_pipeline.cli.local.services import free_port
from ingestion_pipeline.foundation.storage.embedded import EmbeddedServer

ROOT = Path(__file__).parents[2]


def without_secrets(environment: Mapping[str, str]) -> dict[str, str]:
    """An environment in which `up` makes its own."""
    ours = {"CRON_SECRET", "CREDENTIAL_KEYS", "WEBHOOK_SECRETS"}
    return {name: value for name, value in environment.items() if name not in ours}


class Up:
    """A running `ingestion-pipeline up` of a package that is installed in some folder."""

    def __init__(self, home: Path, installed: Path) -> None:
        self.port, self.gateway_port, self.sandbox_port = free_port(), free_port(), free_port()
        self.home = home
        self.output = home / "up.log"
        environment = {
            **without_secrets(os.environ), "INGESTION_HOME": str(home), "WEB_PORT": str(self.port),
            "DATABASE_URL": "", "JOB_LEASE": "20", "DROP_SETTLE": "1",
            "GATEWAY_PORT": str(self.gateway_port), "SANDBOX_PORT": str(self.sandbox_port),
            "PYTHONPATH": str(installed),
        }  # fmt: skip
        with self.output.open("w") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "ingestion_pipeline.cli", "up"],
                cwd=home, env=environment, stdout=output, stderr=output,
            )  # fmt: skip

    def graphql(self, query: str) -> Any:
        answer = httpx.post(
            f"http://127.0.0.1:{self.port}/graphql", json={"query": query}, timeout=120
        )
        return answer.raise_for_status().json()["data"]

    def rows(self, statement: str, *parameters: object) -> list[Any]:
        url = EmbeddedServer(self.home).url().replace("+psycopg", "")
        with psycopg.connect(url) as connection:
            return connection.execute(statement, parameters or None).fetchall()

    def wait_for(
        self, condition: Callable[[], bool], *, seconds: float = 600, every: float = 0.5
    ) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            assert self.process.poll() is None, self.output.read_text()
            assert time.monotonic() < deadline, self.output.read_text()
            time.sleep(every)

    def wait_for_text(self, text: str) -> None:
        self.wait_for(lambda: text in self.output.read_text())

    def stop(self) -> int:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        return self.process.wait(90)
