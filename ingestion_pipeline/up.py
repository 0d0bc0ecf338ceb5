"""`ingestion-pipeline up`: one command that starts everything, and one Ctrl-C that stops it.

    up ─┬─ embedded PostgreSQL    unless DATABASE_URL is set
        └─ dagster dev            UI, daemon, code server, runs: one process group

Dagster's own storage (runs, events, ticks) is SQLite under INGESTION_HOME/dagster.
"""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import sqlalchemy as sa

from ingestion_pipeline import console
from ingestion_pipeline.errors import ConfigurationError, TransientError
from ingestion_pipeline.ledger import tenants
from ingestion_pipeline.ledger.tables import uploads
from ingestion_pipeline.settings import Settings, environment_of
from ingestion_pipeline.storage import database
from ingestion_pipeline.storage.embedded import EmbeddedServer

_PROJECT = Path(__file__).parents[1]
_START_SECONDS = 120
_STOP_SECONDS = 20


def serve(configuration: Settings, *, sample: bool) -> None:
    """Start everything, show that it works, and serve until Ctrl-C or SIGTERM.

    Raises:
        ConfigurationError: the port of the UI is taken, or the project's files are not there.
        TransientError: Dagster did not start; its log is named.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)  # a shell's background job ignores SIGINT otherwise
    _require_free_port(configuration)
    server = EmbeddedServer(configuration.home)
    try:
        engine = database.engine()
        revision = database.upgrade(engine)
        console.say(f"database   ready, schema {revision}   (ingestion-pipeline db status)")
        with _dagster(configuration) as dagster:
            _await_ui(configuration, dagster)
            console.say(f"Dagster    http://{configuration.web_host}:{configuration.web_port}")
            if sample and configuration.drop_url is None:
                _load_sample(configuration, engine)
            console.say(f"drop files into {configuration.drop}/<tenant>/ and see them loaded")
            console.say("serving; Ctrl-C stops everything")
            dagster.wait()
            raise TransientError(f"Dagster stopped; see {_log(configuration)}")
    except KeyboardInterrupt:
        console.say("stopping")
    finally:
        if configuration.database_url is None:
            server.stop()


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def _log(configuration: Settings) -> Path:
    return configuration.home / "dagster" / "dagster.log"


def _require_free_port(configuration: Settings) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((configuration.web_host, configuration.web_port))
        except OSError as error:
            raise ConfigurationError(
                f"port {configuration.web_port} is taken ({error.strerror}): is another `up` "
                "running? Set WEB_PORT to use another"
            ) from None


@contextlib.contextmanager
def _dagster(configuration: Settings) -> Iterator[subprocess.Popen[bytes]]:
    """Dagster's processes, as a process group that ends with the block."""
    home = configuration.home / "dagster"
    home.mkdir(parents=True, exist_ok=True)
    for name in ("dagster.yaml", "workspace.yaml"):
        if not (_PROJECT / name).exists():
            raise ConfigurationError(f"{_PROJECT / name} is missing: run `up` from the project")
        shutil.copy(_PROJECT / name, home / name)
    command = [
        sys.executable, "-m", "dagster", "dev", "--workspace", str(home / "workspace.yaml"),
        "--host", configuration.web_host, "--port", str(configuration.web_port),
    ]  # fmt: skip
    with _log(configuration).open("ab") as log:
        process = subprocess.Popen(
            command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True,
            env={**environment_of(configuration), "DAGSTER_HOME": str(home)},
        )  # fmt: skip
    try:
        yield process
    finally:
        _end_group(process)


def _end_group(process: subprocess.Popen[bytes]) -> None:
    """Ask the group's leader to stop, then make sure that nobody is left."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # a second Ctrl-C must not leave orphans
    with contextlib.suppress(ProcessLookupError):
        process.send_signal(signal.SIGINT)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(_STOP_SECONDS)
    for last_word in (signal.SIGTERM, signal.SIGKILL):
        deadline = time.monotonic() + 5
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, last_word)
            while time.monotonic() < deadline:
                process.poll()
                os.killpg(process.pid, 0)  # raises when the group is empty
                time.sleep(0.05)


def _await_ui(configuration: Settings, dagster: subprocess.Popen[bytes]) -> None:
    url = f"http://{configuration.web_host}:{configuration.web_port}/server_info"
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        if dagster.poll() is not None:
            break
        with contextlib.suppress(httpx.TransportError):
            if httpx.get(url, timeout=5).is_success:
                return
        time.sleep(0.2)
    tail = _log(configuration).read_text(errors="replace")[-2000:]
    raise TransientError(f"Dagster does not start; the end of {_log(configuration)}:\n{tail}")


def _load_sample(configuration: Settings, engine: sa.Engine) -> None:
    """Drop sample files for the tenant `demo` and watch Dagster load them."""
    from ingestion_pipeline.demo import TENANT, write_dropped_sample

    with engine.begin() as connection:
        if connection.scalar(sa.select(sa.func.count()).select_from(uploads)):
            return
        tenant_id = tenants.ensure(connection, TENANT)
    write_dropped_sample(configuration.home / "drop")
    console.say(f"sample     dropped four files for tenant {TENANT}; sensors take them from here …")
    done = sa.select(sa.func.count()).where(
        uploads.c.tenant_id == tenant_id, uploads.c.status.in_(("loaded", "failed"))
    )
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        with engine.connect() as connection:
            if (connection.scalar(done) or 0) >= 4:
                console.show_uploads(connection, tenant_id)
                return
        time.sleep(0.5)
    console.warn("the sample is not loaded yet; see the runs in the UI")
