"""The daily sweep: takes what nobody can use any more, and nothing else."""

import os
import time
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest
import sqlalchemy as sa

from ingestion_pipeline.domains.commerce.automation import daily_sweep, sweep_job
from ingestion_pipeline.domains.commerce.contract.declaration import DeclaredFile, Range
from ingestion_pipeline.domains.commerce.land import chunks, sessions
from ingestion_pipeline.domains.commerce.land.sweep import Swept, sweep
from ingestion_pipeline.foundation.ledger import idempotency, uploads
from ingestion_pipeline.foundation.ledger.idempotency import Started
from ingestion_pipeline.foundation.settings import Settings
from ingestion_pipeline.foundation.storage.landing import Landing
from ingestion_pipeline.orchestration.resources import RESOURCES
from ingestion_pipeline_tests.domains.commerce.builders import LANDED_BYTES

DAY = timedelta(days=1)


@pytest.fixture
def landing(tmp_path: Path) -> Landing:
    return Landing((tmp_path / "landing").as_uri())


def session_with_a_chunk(
    engine: sa.Engine, landing: Landing, tenant_id: int, *, lifetime: timedelta
) -> str:
    name = "customers_1.csv"
    with engine.begin() as connection:
        file = DeclaredFile(name, "customers", 10, "0" * 64)
        token = sessions.open_session(
            connection, tenant_id=tenant_id, files=[file], lifetime=DAY
        ).token
        range_ = Range(0, 4, 10)
        expected = chunks.expect(connection, tenant_id, token, file_name=name, range_=range_)
        landed = landing.write(chunks.landing_name(expected), [b"12345"])
        chunks.land_chunk(
            connection, tenant_id, token, file_name=name, range_=range_, landed=landed,
            keeps=LANDED_BYTES,
        )  # fmt: skip
        connection.execute(
            sa.text("UPDATE upload_sessions SET expires_at = now() + :lifetime WHERE token = :t"),
            {"lifetime": lifetime, "t": token},
        )
    return token


def files(tmp_path: Path) -> int:
    return sum(path.is_file() for path in (tmp_path / "landing").rglob("*"))


def rows(engine: sa.Engine, table: str) -> int:
    with engine.connect() as connection:
        return int(connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar() or 0)


def test_expired_sessions_go_with_their_chunks_and_living_ones_stay(
    engine: sa.Engine, landing: Landing, tenant_id: int, tmp_path: Path
) -> None:
    session_with_a_chunk(engine, landing, tenant_id, lifetime=-DAY)
    living = session_with_a_chunk(engine, landing, tenant_id, lifetime=DAY)
    landing.write("acme/customers_1.csv", [b"recorded"])
    for swept in (Swept(1, 1, 0, 0, 0), Swept(0, 0, 0, 0, 0)):
        assert sweep(engine, landing, idempotency_retention=DAY) == swept
        assert files(tmp_path) == 2
        assert rows(engine, "upload_chunks") == rows(engine, "upload_session_files") == 1
    with engine.connect() as connection:
        sessions.find(connection, tenant_id, living)


def test_cut_off_after_the_rows_the_next_sweep_takes_the_chunks(
    engine: sa.Engine, landing: Landing, tenant_id: int, tmp_path: Path
) -> None:
    session_with_a_chunk(engine, landing, tenant_id, lifetime=-DAY)
    with engine.begin() as connection:
        sessions.delete_expired(connection)
    assert files(tmp_path) == 1
    assert sweep(engine, landing, idempotency_retention=DAY).chunk_folders == 1
    assert files(tmp_path) == 0


def test_unfinished_files_go_after_a_day(
    engine: sa.Engine, landing: Landing, tmp_path: Path
) -> None:
    for _ in range(2):
        file = landing.begin("acme/customers_1.csv")
        file.write(b"x")
        file._file.close()
    old = next((tmp_path / "landing" / ".partial").iterdir())
    os.utime(old, (time.time() - 90_000, time.time() - 90_000))
    assert sweep(engine, landing, idempotency_retention=DAY).unfinished_files == 1
    assert not old.exists()
    assert files(tmp_path) == 1


def test_a_file_that_was_kept_and_never_recorded_goes_after_a_day(
    engine: sa.Engine, landing: Landing, tenant_id: int, tmp_path: Path
) -> None:
    def kept(*, days: int, name: str = "customers_1.csv") -> str:
        day = (datetime.now(UTC) - timedelta(days=days)).date()
        location = landing.write(f"acme/{day}/{uuid.uuid4().hex}/{name}", [b"x"]).location
        path = tmp_path / "landing" / location
        os.utime(path, (time.time() - days * 86_400, time.time() - days * 86_400))
        return location

    recorded, dead, fresh = kept(days=5), kept(days=5), kept(days=0)
    still_coming = kept(days=3)
    os.utime(tmp_path / "landing" / still_coming)
    landing.write(f"acme/uploads/{datetime.now(UTC).date()}/theirs.csv", [b"put there by hand"])
    with engine.begin() as connection:
        uploads.record(
            connection, tenant_id=tenant_id, domain="commerce", type_="customers",
            file_name="customers_1.csv", source="http", location=recorded,
        )  # fmt: skip
    assert sweep(engine, landing, idempotency_retention=DAY).unrecorded_files == 1
    assert sweep(engine, landing, idempotency_retention=DAY).unrecorded_files == 0
    root = tmp_path / "landing"
    left = {str(path.relative_to(root)) for path in root.rglob("*.csv")}
    assert dead not in left
    assert {recorded, fresh, still_coming} < left
    assert len(left) == 4


def test_old_idempotency_keys_go(engine: sa.Engine, landing: Landing, tenant_id: int) -> None:
    with engine.begin() as connection:
        for key, age in (("old", 3), ("new", 0)):
            started = idempotency.begin(connection, tenant_id=tenant_id, endpoint="x", key=key)
            assert isinstance(started, Started)
            idempotency.finish(
                connection, started, payload_sha256=bytes(32), status_code=202, body=b"{}"
            )
            connection.execute(
                sa.text("UPDATE idempotency_keys SET created_at = now() - :age WHERE key = :key"),
                {"age": timedelta(days=age), "key": key},
            )
    swept = sweep(engine, landing, idempotency_retention=timedelta(days=2))
    assert swept.idempotency_keys == 1
    assert rows(engine, "idempotency_keys") == 1


def test_the_sweep_runs_every_night(configured: Settings) -> None:
    assert daily_sweep.default_status is dg.DefaultScheduleStatus.RUNNING
    landing = Landing(configured.landing)
    landing.write(".chunks/77/gone", [b"x"])
    done = sweep_job.execute_in_process(resources=RESOURCES)
    assert done.success
    assert landing.folders(".chunks") == []
