"""Gateways that are killed while a file comes, each at some lines further; then it is sent again.

python -m ingestion_pipeline_tests.gateway.killed_gateway
"""

import itertools
import json
import os
import signal
import sys
import time
from functools import partial

import httpx
import sqlalchemy as sa
import uvicorn

from ingestion_pipeline.cli.local.services import free_port
from ingestion_pipeline.domains import registry
from ingestion_pipeline.foundation.environment import settings
from ingestion_pipeline.foundation.ledger import idempotency, tenants
from ingestion_pipeline.foundation.loading import recording
from ingestion_pipeline.foundation.storage import landing
from ingestion_pipeline.foundation.storage.landing import Landing
from ingestion_pipeline.gateway import once
from ingestion_pipeline.gateway.app import create_app
from ingestion_pipeline.gateway.files import mapped, receiving
from ingestion_pipeline_tests.killing import fork

MODULES = [mapped, receiving, once, idempotency, recording, landing]
NEVER = 0
PATIENCE = 300


def _serve(port: int) -> None:
    configuration = settings()
    app = create_app(
        configuration, routers=registry.routers(), questions=registry.questions(),
        mappings=registry.mappings(configuration),
    )  # fmt: skip
    uvicorn.run(
        app, host="127.0.0.1", port=port, loop="asyncio", http="httptools", ws="none",
        log_config=None,
    )  # fmt: skip


def _started(at: int) -> tuple[int, str]:
    """The id and the URL of a gateway that dies at a line."""
    port = free_port()
    child, url = fork(partial(_serve, port), at=at, within=MODULES), f"http://127.0.0.1:{port}"
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        try:
            if httpx.get(f"{url}/livez", timeout=5).is_success:
                return child, url
        except httpx.TransportError:
            time.sleep(0.05)
    raise AssertionError("it did not start")


def _send(url: str, number: int, headers: dict[str, str]) -> httpx.Response | None:
    """The answer; None: the gateway died."""
    where = f"{url}/api/ingestion/files/kiosk/sales"
    named, content = {"filename": f"{number}.csv"}, f"one of its own: {number}\n".encode()
    try:
        return httpx.post(where, params=named, content=content, headers=headers, timeout=PATIENCE)
    except httpx.TransportError:
        return None


def _sent_again(engine: sa.Engine, url: str, number: int, headers: dict[str, str]) -> None:
    """The same once more, as whoever got no answer does."""
    answer = _send(url, number, headers)
    assert answer is not None
    if answer.status_code == 409:  # the key is held by the dead until its lease lapses
        with engine.begin() as connection:
            connection.exec_driver_sql("UPDATE idempotency_keys SET in_flight_until = now() - "
                                       "interval '1 s' WHERE status IS NULL")  # fmt: skip
        answer = _send(url, number, headers)
        assert answer is not None
    assert answer.status_code in (200, 202), answer.text


def main() -> None:
    """Print how many gateways were killed."""
    url = settings().database_url.get_secret_value()
    engine = sa.create_engine(url, poolclass=sa.NullPool)  # nothing is open when it forks
    with engine.begin() as connection:
        api_key = tenants.issue_key(connection, tenants.ensure(connection, "acme"))
    calm, calm_url = _started(NEVER)
    step = int(os.environ.get("KILL_EVERY", "1"))
    for number in itertools.count(1):
        headers = {"X-API-Key": api_key} | (
            {"Idempotency-Key": f"k-{number}"} if number % 2 else {}
        )
        child, dying_url = _started(1 + step * (number - 1))
        answer = _send(dying_url, number, headers)
        if was_alive := answer is not None:
            assert answer.status_code == 202, answer.text
            os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        _sent_again(engine, calm_url, number, headers)
        with engine.connect() as connection:
            query = sa.text("SELECT location, (SELECT count(*) FROM jobs WHERE jobs.job_id = "
                            "uploads.job_id) FROM uploads WHERE file_name = :name")  # fmt: skip
            [(location, jobs)] = connection.execute(query, {"name": f"{number}.csv"}).all()
        assert jobs == 1
        with Landing(settings().landing).open(location) as kept:
            assert kept.read() == f"one of its own: {number}\n".encode()
        if was_alive:
            break
    os.kill(calm, signal.SIGKILL)
    os.waitpid(calm, 0)
    sys.stdout.write(json.dumps({"killed": number - 1}))


if __name__ == "__main__":
    main()
