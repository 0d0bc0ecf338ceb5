"""A gateway in a process of its own, as users run it."""

import itertools
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import httpx
import sqlalchemy as sa
import uvicorn

from ingestion_pipeline.cli.local.services import free_port
from ingestion_pipeline.domains import registry
from ingestion_pipeline.foundation.ledger import tenants
from ingestion_pipeline.foundation.settings import Settings
from ingestion_pipeline.gateway.app import create_app
from ingestion_pipeline.outlets.dashboards.routes import router as pages

CRON_SECRET = "a cron secret"
ROOT = Path(__file__).parents[2]
_numbers = itertools.count(1)


@dataclass(frozen=True)
class Sender:
    """A tenant, and an HTTP client that sends its key."""

    tenant: str
    tenant_id: int
    api_key: str
    http: httpx.Client


class RunningGateway:
    """`ingestion-pipeline gateway`, which can be killed and started again on the same port."""

    def __init__(
        self, database_url: str, home: Path, environment: Mapping[str, str] | None = None
    ) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.home = home
        self.log = home / "gateway.log"
        self.engine = sa.create_engine(database_url, connect_args={"options": "-c timezone=UTC"})
        self._environment = {
            **os.environ,
            "INGESTION_HOME": str(home),
            "DATABASE_URL": database_url,
            "GATEWAY_PORT": str(self.port),
            "CRON_SECRET": CRON_SECRET,
            **(environment or {}),
        }
        self.process: subprocess.Popen[bytes]
        self.start()

    @contextmanager
    def new_sender(self) -> Iterator[Sender]:
        tenant = f"tenant-{next(_numbers)}"
        with self.engine.begin() as connection:
            tenant_id = tenants.ensure(connection, tenant)
            api_key = tenants.issue_key(connection, tenant_id)
        headers = {"X-API-Key": api_key}
        with httpx.Client(base_url=self.url, headers=headers, timeout=60) as http:
            yield Sender(tenant, tenant_id, api_key, http)

    @cached_property
    def shared_key(self) -> str:
        """A key of one tenant for all who ask."""
        with self.engine.begin() as connection:
            return tenants.issue_key(connection, tenants.ensure(connection, "shared"))

    def rows(self, statement: str, **parameters: object) -> Sequence[sa.Row[Any]]:
        with self.engine.connect() as connection:
            return connection.execute(sa.text(statement), parameters).all()

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "ingestion_pipeline.cli", "gateway"],
                cwd=ROOT, env=self._environment, stdout=log, stderr=log,
            )  # fmt: skip
        deadline = time.monotonic() + 240  # on a machine that other tests keep busy
        while time.monotonic() < deadline:
            assert self.process.poll() is None, self.log.read_text()
            try:
                if httpx.get(f"{self.url}/livez", timeout=5).is_success:
                    return
            except httpx.TransportError:
                time.sleep(0.05)
        raise AssertionError(self.log.read_text())

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60)


@dataclass(frozen=True)
class ServingGateway:
    """Where a gateway is, and what it stands on."""

    url: str
    engine: sa.Engine


class _Server(uvicorn.Server):
    """Ends streams when it stops, as the process does."""

    ending: Sequence[Callable[[], None]] = ()

    async def shutdown(self, sockets: Any = None) -> None:
        for end in self.ending:
            end()
        await super().shutdown(sockets)


@contextmanager
def serving(database_url: str, **values: object) -> Iterator[ServingGateway]:
    """A gateway in a thread, for a test that needs settings of its own and kills nothing.

    It answers real HTTP as the process does, and saves the seconds that a process takes to start.
    """
    port = free_port()
    configuration = Settings(DATABASE_URL=database_url, **values)  # type: ignore[arg-type]
    app = create_app(
        configuration, routers=(*registry.routers(), pages), questions=registry.questions(),
        mappings=registry.mappings(configuration),
    )  # fmt: skip
    server = _Server(
        uvicorn.Config(
            app, host="127.0.0.1", port=port, loop="asyncio",
            http="httptools", ws="none", access_log=False, log_config=None, proxy_headers=False,
        )
    )  # fmt: skip
    server.ending = app.ending
    thread = threading.Thread(target=server.run)
    thread.start()
    engine = sa.create_engine(database_url, connect_args={"options": "-c timezone=UTC"})
    try:
        while not server.started:
            assert thread.is_alive(), "it did not start"
            time.sleep(0.01)
        yield ServingGateway(f"http://127.0.0.1:{port}", engine)
    finally:
        server.should_exit = True
        thread.join()
        engine.dispose()
