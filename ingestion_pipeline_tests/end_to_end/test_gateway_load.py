"""Two hundred senders at once, and kills meanwhile: every point once, every answer right."""

import json
import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import NamedTuple

import psutil
import pytest

from ingestion_pipeline.foundation.storage import database
from ingestion_pipeline.foundation.storage.embedded import EmbeddedServer
from ingestion_pipeline_tests.gateway.running import RunningGateway, Sender
from ingestion_pipeline_tests.senders import Answered, post, send_all

pytestmark = pytest.mark.slow

PATH = "/api/kpi-data"
ZONES = [UTC, *(timezone(timedelta(hours=hours)) for hours in (-5, 2, 5.5))]
START = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=3)


class Reading(NamedTuple):
    trace: str
    kpi: str
    instant: datetime
    value: float


def readings(number: int, *, seed: int, kpis: int = 50) -> list[Reading]:
    """A fifth of them repeat an earlier one."""
    chance = random.Random(seed)
    made = [
        Reading(f"t-{index // 100}", f"kpi-{index % kpis}", START + timedelta(seconds=index), index)
        for index in range(number * 4 // 5)
    ]
    made += chance.choices(made, k=number - len(made))
    chance.shuffle(made)
    return made


def requests_of(sent: list[Reading], api_key: str) -> list[bytes]:
    chance = random.Random(5)
    bodies = [
        {
            "traceId": reading.trace, "kpiId": reading.kpi, "kpiType": "load",
            "timestamp": reading.instant.astimezone(chance.choice(ZONES)).isoformat(),
            "data": {"value": reading.value},
        }
        for reading in sent
    ]  # fmt: skip
    return [post(PATH, json.dumps(body).encode(), api_key=api_key) for body in bodies]


def assert_every_point_is_there_once(
    gateway: RunningGateway, sender: Sender, sent: list[Reading]
) -> None:
    stored = gateway.rows(
        "SELECT kpi_id, observed_at, value FROM kpi_points WHERE tenant_id = :tenant",
        tenant=sender.tenant_id,
    )
    assert sorted(map(tuple, stored)) == sorted({reading[1:] for reading in sent})
    packages = gateway.rows(
        "SELECT trace_id, kpi_id, observed_at FROM kpi_updates WHERE tenant_id = :tenant",
        tenant=sender.tenant_id,
    )
    assert sorted(map(tuple, packages)) == sorted({reading[:3] for reading in sent})


def assert_every_job_is_complete(sender: Sender, sent: list[Reading]) -> None:
    kpis: dict[str, set[str]] = {}
    for reading in sent:
        kpis.setdefault(reading.trace, set()).add(reading.kpi)
    for trace, expected in kpis.items():
        job = sender.http.get(f"/api/kpi-jobs/{trace}").json()
        assert job["status"] == "completed", job
        assert set(job["kpis"]) == expected


def test_of_20_000_updates_by_200_senders_every_answer_is_right(
    gateway: RunningGateway, sender: Sender
) -> None:
    sent = readings(20_000, seed=1)
    answers = send_all(gateway.port, requests_of(sent, sender.api_key))
    statuses = Counter((answer.status, json.loads(answer.body)["status"]) for answer in answers)
    distinct = len(set(sent))
    assert statuses == {(202, "success"): distinct, (200, "duplicate"): len(sent) - distinct}
    for reading, answer in zip(sent, answers, strict=True):
        said = json.loads(answer.body)
        assert (said["traceId"], said["kpiId"]) == (reading.trace, reading.kpi)
        assert "conflict" not in said
    assert_every_point_is_there_once(gateway, sender, sent)
    assert_every_job_is_complete(sender, sent)


def test_a_job_of_200_kpis_completes_exactly_when_its_last_kpi_does(
    gateway: RunningGateway, sender: Sender
) -> None:
    kpis = [f"kpi-{index}" for index in range(200)]
    announced = sender.http.post(
        "/api/kpi-jobs", json={"traceId": "all", "kpiIds": kpis, "timeoutSeconds": 600}
    )
    assert announced.status_code == 202
    sent = [Reading("all", kpi, START, 1.0) for kpi in kpis]
    requests = requests_of(sent, sender.api_key)
    send_all(gateway.port, requests[:-1])
    before = sender.http.get("/api/kpi-jobs/all").json()
    assert before["status"] == "partial"
    assert [kpi for kpi, state in before["kpis"].items() if state["status"] == "pending"] == [
        "kpi-199"
    ]
    send_all(gateway.port, requests[-1:])
    assert sender.http.get("/api/kpi-jobs/all").json()["status"] == "completed"


def under_load(
    gateway: RunningGateway, requests: list[bytes]
) -> tuple[threading.Thread, list[Answered]]:
    answers: list[Answered] = []
    thread = threading.Thread(
        target=lambda: answers.extend(send_all(gateway.port, requests, connections=100))
    )
    thread.start()
    return thread, answers


def test_a_gateway_killed_under_load_loses_nothing_that_it_acknowledged(
    gateway: RunningGateway, sender: Sender
) -> None:
    sent = readings(6_000, seed=2)
    thread, answers = under_load(gateway, requests_of(sent, sender.api_key))
    chance = random.Random(3)
    kills = 0
    while thread.is_alive() and kills < 4:
        time.sleep(chance.uniform(0.3, 0.8))
        gateway.kill()
        kills += 1
        gateway.start()
    thread.join()
    assert kills > 1
    assert {answer.status for answer in answers} <= {200, 202}
    assert_every_point_is_there_once(gateway, sender, sent)
    assert_every_job_is_complete(sender, sent)


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[RunningGateway]:
    """A gateway on a PostgreSQL of its own, which may be killed."""
    server = EmbeddedServer(tmp_path)
    url = server.url()
    running = RunningGateway(url, tmp_path)
    yield running
    running.stop()
    running.engine.dispose()
    database.engine.cache_clear()
    server.stop()


def test_postgresql_killed_under_load_loses_nothing_that_was_acknowledged(
    alone: RunningGateway,
) -> None:
    with alone.new_sender() as sender:
        sent = readings(6_000, seed=4)
        thread, answers = under_load(alone, requests_of(sent, sender.api_key))
        time.sleep(0.7)
        data = alone.home / "postgres" / "data" / "postmaster.pid"
        psutil.Process(int(data.read_text().splitlines()[0])).kill()
        time.sleep(0.5)
        EmbeddedServer(alone.home).url()  # as `up` would
        thread.join()
        assert {answer.status for answer in answers} <= {200, 202}
        alone.engine.dispose()
        assert_every_point_is_there_once(alone, sender, sent)
        assert_every_job_is_complete(sender, sent)


def test_a_gateway_that_is_told_to_stop_answers_what_it_has_accepted(
    gateway: RunningGateway, sender: Sender
) -> None:
    sent = readings(4_000, seed=6)
    thread, answers = under_load(gateway, requests_of(sent, sender.api_key))
    time.sleep(0.4)
    assert gateway.stop() == 0
    gateway.start()
    thread.join()
    # Whoever had to send again was refused a connection; none was cut off in the middle of one.
    again = [answer for answer in answers if answer.sent > 1 and answer.status == 200]
    assert len(again) <= 100  # connections: each may have written just when its socket was closed
    assert_every_point_is_there_once(gateway, sender, sent)
