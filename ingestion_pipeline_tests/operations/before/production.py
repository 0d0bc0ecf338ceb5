"""An installation of some release in a home, driven only by what no release may change: its
commands, HTTP, Dagster's GraphQL, and its database.
"""

import hashlib
import hmac
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx
import psycopg

TENANT = "acme"
SITE = "demo-site-1"
# What opens the fixture's own database; nothing else in the world knows these words.
API_KEY = "ik_the_key_of_the_release_before"
WEBHOOK_SECRET = "the-webhook-secret-of-the-release-before"
CREDENTIAL_KEY = "dGhlIGNyZWRlbnRpYWwga2V5IG9mIHRoZSByZWxlYXM="
CRON_SECRET = "the-cron-secret-of-the-release-before"
SETTINGS = {
    "SITES": SITE, "WEBHOOK_SECRETS": f"{TENANT}:{WEBHOOK_SECRET}", "CRON_SECRET": CRON_SECRET,
    "CREDENTIAL_KEYS": CREDENTIAL_KEY, "JOB_LEASE": "20", "DROP_SETTLE": "1",
    "ACE_IOT_API_KEY": "sandbox-key", "FRED_API_KEY": "sandbox-key",
    "ACE_REQUESTS_PER_MINUTE": "100000", "GUMROAD_REQUESTS_PER_MINUTE": "100000",
    "ACE_PAGE_SIZE": "40",
}  # fmt: skip
_LAUNCH = """mutation ($job: String!, $tags: [ExecutionTag!]!) {
  launchRun(executionParams: {
    selector: {repositoryLocationName: "ingestion_pipeline", repositoryName: "__repository__",
      jobName: $job}
    runConfigData: "{}", executionMetadata: {tags: $tags}}) {
    __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message } } }"""
_BACKFILL = """mutation ($params: LaunchBackfillParams!) { launchPartitionBackfill(
  backfillParams: $params) { __typename ... on LaunchBackfillSuccess { backfillId }
  ... on PythonError { message } } }"""


def upstreams(sandbox: str) -> dict[str, str]:
    """The environment that names a sandbox as all upstreams."""
    return {
        "ACE_IOT_API_BASE_URL": f"{sandbox}/ace/documented/api",
        "FRED_API_BASE_URL": f"{sandbox}/fred",
        "GUMROAD_API_BASE_URL": f"{sandbox}/gumroad/v2",
    }


def signed(content: bytes) -> dict[str, str]:
    """The headers of an event, signed now."""
    now = str(int(time.time()))
    mac = hmac.new(WEBHOOK_SECRET.encode(), f"{now}.".encode() + content, hashlib.sha256)
    return {"X-Timestamp": now, "X-Signature": f"sha256={mac.hexdigest()}"}


class Production:
    """`ingestion-pipeline up` of a checkout (with a `.venv`), in a home of its own."""

    def __init__(self, checkout: Path, home: Path, *, first_port: int = 23000) -> None:
        self.checkout, self.home = checkout, home
        self.web = f"http://127.0.0.1:{first_port}"
        self.gateway = f"http://127.0.0.1:{first_port + 1}"
        self.sandbox = f"http://127.0.0.1:{first_port + 2}"
        ours = ("INGESTION_HOME", "DATABASE_URL", "DAGSTER_HOME", "PYTHONPATH", "VIRTUAL_ENV")
        self.environment = {k: v for k, v in os.environ.items() if k not in ours} | {
            **SETTINGS, **upstreams(self.sandbox), "INGESTION_HOME": str(home),
            "WEB_PORT": str(first_port), "GATEWAY_PORT": str(first_port + 1),
        }  # fmt: skip
        self.http = httpx.Client(base_url=self.gateway, headers={"X-API-Key": API_KEY}, timeout=120)
        self._started: list[subprocess.Popen[bytes]] = []

    def start(self, *arguments: str, log: str) -> "subprocess.Popen[bytes]":
        """A command that goes on."""
        self.home.mkdir(parents=True, exist_ok=True)
        with (self.home / log).open("ab") as output:
            process = subprocess.Popen(
                [self._program, *arguments], cwd=self.home, env=self.environment,
                stdout=output, stderr=output, start_new_session=True,
            )  # fmt: skip
        self._started.append(process)
        return process

    def run(self, *arguments: str) -> str:
        """A command; what it prints."""
        done = subprocess.run(
            [self._program, *arguments], cwd=self.home, env=self.environment,
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode:
            raise RuntimeError(f"{arguments}: {done.stdout}{done.stderr}")
        return done.stdout

    @property
    def _program(self) -> str:
        return str(self.checkout / ".venv/bin/ingestion-pipeline")

    def serve(self, *, sample: bool) -> None:
        """Start sandbox and `up`, and wait until they serve."""
        points = ("--points", "3", "--interval-seconds", "1800", "--site", SITE)
        port = self.sandbox.rpartition(":")[2]
        self.start("sandbox", "--port", port, *points, log="sandbox.log")
        self.start("up", "--sample" if sample else "--no-sample", log="up.log")
        wait_for(lambda: "serving" in (self.home / "up.log").read_text(), self._alive)

    def _alive(self) -> None:
        for process in self._started:
            if process.poll() is not None:
                raise RuntimeError((self.home / "up.log").read_text())

    def stop(self) -> None:
        """As Ctrl-C."""
        for process in reversed(self._started):
            if process.poll() is None:
                process.send_signal(signal.SIGINT)
            process.wait(180)
        self._started.clear()

    def rows(self, statement: str, *parameters: object) -> list[tuple[Any, ...]]:
        """Ask the database, or tell it."""
        url = self.run("db", "url").strip().replace("+psycopg", "")
        with psycopg.connect(url) as connection:
            cursor = connection.execute(statement, parameters or None)
            return cursor.fetchall() if cursor.description else []

    def until(self, statement: str, *wanted: tuple[Any, ...]) -> None:
        """Wait until the database answers that."""
        url = self.run("db", "url").strip().replace("+psycopg", "")
        with psycopg.connect(url, autocommit=True) as connection:
            wait_for(
                lambda: connection.execute(statement).fetchall() == list(wanted),
                self._alive,
                lambda: f"{statement}: {connection.execute(statement).fetchall()}",
            )

    def post(self, path: str, body: Any, **headers: str) -> Any:
        """A JSON body to the gateway."""
        answer = self.http.post(path, json=body, headers=headers)
        if not answer.is_success:
            raise RuntimeError(f"{path}: {answer.status_code} {answer.text}")
        return answer.json()

    def webhook(self, body: Mapping[str, Any]) -> Any:
        """A signed event."""
        content = json.dumps(body).encode()
        answer = self.http.post("/api/ingest/webhook", content=content, headers=signed(content))
        return answer.raise_for_status().json()

    def graphql(self, query: str, **variables: Any) -> Any:
        """Ask Dagster as its UI does."""
        answer = httpx.post(
            f"{self.web}/graphql", json={"query": query, "variables": variables}, timeout=120
        )
        document = answer.raise_for_status().json()
        if document.get("errors"):
            raise RuntimeError(document["errors"])
        return document["data"]

    def launch(self, job: str, **tags: str) -> str:
        """A run, as a click in the UI starts it; its id."""
        told = [{"key": key, "value": value} for key, value in tags.items()]
        launched = self.graphql(_LAUNCH, job=job, tags=told)["launchRun"]
        return str(launched["run"]["runId"])

    def backfill(self, assets: Sequence[str], partitions: Sequence[str]) -> str:
        """A backfill of assets, as the UI starts it; its id."""
        keys = [{"path": asset.split("/")} for asset in assets]
        params = {"assetSelection": keys, "partitionNames": list(partitions), "title": "before"}
        launched = self.graphql(_BACKFILL, params=params)["launchPartitionBackfill"]
        return str(launched["backfillId"])


def wait_for(
    condition: Callable[[], bool],
    alive: Callable[[], object] = lambda: None,
    told: Callable[[], str] = lambda: "it did not happen",
    *,
    seconds: float = 900,
) -> None:
    """Wait until something holds."""
    until = time.monotonic() + seconds
    while not condition():
        alive()
        if time.monotonic() > until:
            raise TimeoutError(told())
        time.sleep(0.5)
