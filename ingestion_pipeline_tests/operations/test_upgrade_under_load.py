"""A migration while senders send: it never makes them wait for long, and none is refused."""

import json
import logging
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from ingestion_pipeline.foundation.errors import TransientError
from ingestion_pipeline.foundation.storage import database, locks, schema
from ingestion_pipeline_tests.gateway.running import RunningGateway, Sender
from ingestion_pipeline_tests.senders import Answered, post, send_all

pytestmark = pytest.mark.slow

# The release after this one: it changes the tables that the gateway writes to.
NEXT = """
from alembic import op

revision = "9999"
down_revision = {head!r}


def upgrade():
    op.execute("LOCK TABLE kpi_jobs, kpi_job_kpis, kpi_points, kpi_updates, api_requests")
    op.execute("ALTER TABLE kpi_points ADD COLUMN unit text")
    op.execute("ALTER TABLE kpi_updates ADD COLUMN unit text, ADD CHECK (unit <> '')")
    op.execute("ALTER TABLE kpi_jobs ADD COLUMN priority integer NOT NULL DEFAULT 0")
"""


@pytest.fixture
def next_release(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """This process, and no gateway, knows a further migration."""
    (tmp_path / "9999_next.py").write_text(NEXT.format(head=schema.head_revision()))
    ours = schema._alembic

    def with_the_next(connection: sa.Connection | None) -> Any:
        configuration = ours(connection)
        versions = Path(configuration.get_main_option("script_location")) / "versions"
        configuration.set_main_option("version_locations", f"{versions}:{tmp_path}")
        return configuration

    monkeypatch.setattr(schema, "_alembic", with_the_next)


class Load:
    """Senders that go on, a batch after another, until they are told to stop."""

    def __init__(self, gateway: RunningGateway, sender: Sender) -> None:
        self.answers: list[Answered] = []
        self._gateway, self._sender = gateway, sender
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._send)
        self.sent = 0

    def __enter__(self) -> "Load":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _send(self) -> None:
        start = datetime.now(UTC) - timedelta(days=1)
        while not self._stop.is_set():
            bodies = [
                {"traceId": f"t{self.sent}", "kpiId": f"k{n % 10}", "kpiType": "x",
                 "timestamp": (start + timedelta(seconds=self.sent + n)).isoformat(),
                 "data": {"value": n}}
                for n in range(100)
            ]  # fmt: skip
            requests = [
                post("/api/kpi-data", json.dumps(body).encode(), api_key=self._sender.api_key)
                for body in bodies
            ]
            self.answers += send_all(self._gateway.port, requests, connections=20)
            self.sent += len(bodies)

    def goes_on(self) -> None:
        """Wait until a batch that began after now was answered."""
        until = self.sent + 200
        wait_for(lambda: self.sent >= until)


def wait_for(condition: Callable[[], bool], *, seconds: float = 120) -> None:
    pause = threading.Event()
    for _ in range(int(seconds / 0.02)):
        if condition():
            return
        pause.wait(0.02)
    raise AssertionError("it did not happen")


def test_nobody_is_refused_while_the_schema_is_upgraded(
    gateway: RunningGateway,
    sender: Sender,
    next_release: None,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.WARNING, logger=database.__name__)
    upgrade = threading.Thread(target=schema.upgrade, args=[gateway.engine])
    reader = gateway.engine.connect()
    with Load(gateway, sender) as load:
        load.goes_on()
        # A long report: the migration can't have its tables before it ends.
        reader.exec_driver_sql("SELECT count(*) FROM kpi_updates")
        upgrade.start()
        wait_for(lambda: "the tables are in use" in caplog.text)
        load.goes_on()
        assert upgrade.is_alive()
        reader.close()
        upgrade.join(120)
        load.goes_on()
    with gateway.engine.connect() as connection:
        assert schema.current_revision(connection) == "9999"
    assert {(answer.status, answer.sent) for answer in load.answers} == {(202, 1)}
    [[stored]] = gateway.rows("SELECT count(*) FROM kpi_points WHERE unit IS NULL")
    assert stored == load.sent == len(load.answers)

    # The release before starts again, and works, on the newer schema.
    gateway.kill()
    gateway.start()
    assert httpx.get(f"{gateway.url}/readyz", timeout=30).status_code == 200
    assert sender.http.get("/api/kpi-jobs/t0").json()["status"] == "completed"


def test_who_holds_a_table_for_ever_is_named(
    engine: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locks, "_LOCK_PATIENCE", 0.0)
    with engine.begin() as connection:
        connection.exec_driver_sql("SET LOCAL application_name = 'a long report'")
        connection.exec_driver_sql("SELECT * FROM jobs")
        with pytest.raises(TransientError, match=r"in use all the time, by a long report \(pid"):
            locks.under_lock(engine, lambda other: other.exec_driver_sql("LOCK TABLE jobs").close())
