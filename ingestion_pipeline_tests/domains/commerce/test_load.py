"""The queue's way: recorded → staged → loaded, and what becomes of files that fail."""

import logging
import time
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import IO, Any

import psycopg
import pytest
import sqlalchemy as sa

from ingestion_pipeline.domains.commerce.contract.entities import ENTITIES, Entity, entity_of_file
from ingestion_pipeline.domains.commerce.land import claimed, stage
from ingestion_pipeline.domains.commerce.land.uploads import job_kind, land_upload
from ingestion_pipeline.domains.commerce.merge import claimed as load
from ingestion_pipeline.domains.commerce.sources.reading import numbered_lines
from ingestion_pipeline.foundation.environment import settings
from ingestion_pipeline.foundation.errors import LandedFileError, StaleAttemptError
from ingestion_pipeline.foundation.ledger import jobs, uploads
from ingestion_pipeline.foundation.ledger.worker import Worker
from ingestion_pipeline.foundation.storage.landing import Landing
from ingestion_pipeline_tests.domains.commerce.builders import (
    BOUNDS,
    Row,
    all_counts,
    assert_sound,
    customer,
    landed_in,
    lines,
    load_everything,
    order,
    order_item,
    product,
    sizes,
    staged_rows,
    statuses,
)

CUSTOMERS = ENTITIES["customers"]
LEASE, BACKOFF = timedelta(minutes=1), timedelta(seconds=10)


@pytest.fixture(autouse=True)
def _quiet(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.ERROR)


@pytest.fixture(autouse=True)
def _landing(tmp_path: Path) -> Iterator[None]:
    """What a test records has landed in its folder."""
    with landed_in(tmp_path):
        yield


def _record(
    engine: sa.Engine, tenant_id: int, path: Path, content: bytes | Iterable[Row], attempts: int = 3
) -> int:
    content = content if isinstance(content, bytes) else lines(content)
    path.write_bytes(content)
    with engine.begin() as connection:
        upload_id = land_upload(
            connection, tenant_id=tenant_id, entity=entity_of_file(path.name), file_name=path.name,
            source="test", source_key=str(path), location=path.name, size=len(content),
            sha256="", max_attempts=attempts,
        )  # fmt: skip
    assert upload_id is not None
    return upload_id


def _stage(engine: sa.Engine, entity: Entity = CUSTOMERS, **values: Any) -> claimed.Staged:
    worker = replace(Worker("w", None, LEASE, BACKOFF), **values)
    landing = Landing(settings().landing)
    return claimed.land_claimed(
        engine, entity, landing=landing, bounds=BOUNDS, worker=worker, limit=10
    )


def _load_all(engine: sa.Engine) -> None:
    load_everything(engine, lease=LEASE, backoff=BACKOFF)


def _state(engine: sa.Engine, upload_id: int) -> tuple[str, str]:
    """(status of the upload, status of its job)."""
    with engine.connect() as connection:
        query = sa.text(
            "SELECT u.status, j.status FROM uploads u JOIN jobs j USING (job_id)"
            " WHERE upload_id = :id"
        )
        return tuple(connection.execute(query, {"id": upload_id}).one())  # type: ignore[return-value]


def _error(engine: sa.Engine, upload_id: int) -> str:
    with engine.connect() as connection:
        query = sa.text("SELECT error FROM uploads WHERE upload_id = :id")
        return str(connection.scalar(query, {"id": upload_id}))


def test_recorded_files_of_all_types_go_through_in_one_go(
    engine: sa.Engine, tenant_id: int, tmp_path: Path
) -> None:
    files: dict[str, list[Row]] = {
        "order_items": [order_item(1, 1, 1)], "orders": [order(1, 1)],
        "products": [product(1)], "customers": [customer(1)],
    }  # fmt: skip
    ids = [
        _record(engine, tenant_id, tmp_path / f"{name}_1.ndjson", rows)
        for name, rows in files.items()
    ]
    _load_all(engine)
    assert {_state(engine, upload_id) for upload_id in ids} == {("loaded", "completed")}
    assert sizes(engine) == {"customers": 1, "products": 1, "orders": 1, "order_items": 1}
    assert load.total(engine, ids).inserted == 4
    assert_sound(engine)


def test_a_file_and_its_job_are_recorded_once(
    engine: sa.Engine, tenant_id: int, tmp_path: Path
) -> None:
    _record(engine, tenant_id, tmp_path / "customers_1.ndjson", [customer(1)])
    with engine.begin() as connection:
        again = land_upload(
            connection, tenant_id=tenant_id, entity=CUSTOMERS, file_name="customers_1.ndjson",
            source="test", source_key=str(tmp_path / "customers_1.ndjson"), location="x", size=1,
            sha256="", max_attempts=3,
        )  # fmt: skip
        assert again is None
        assert connection.exec_driver_sql("SELECT count(*) FROM jobs").scalar() == 1


def test_a_file_that_is_gone_fails_for_good_and_the_others_go_on(
    engine: sa.Engine, tenant_id: int, tmp_path: Path
) -> None:
    gone = _record(engine, tenant_id, tmp_path / "customers_1.ndjson", [customer(1)])
    (tmp_path / "customers_1.ndjson").unlink()
    bad = _record(engine, tenant_id, tmp_path / "customers_2.csv", b"a,b\n1,2\n")
    good = _record(engine, tenant_id, tmp_path / "customers_3.ndjson", [customer(3)])
    outcome = _stage(engine)
    load.merge_claimed(engine, CUSTOMERS)
    assert outcome.upload_ids == [good]
    assert set(outcome.failures) == {gone, bad}
    assert _state(engine, gone) == _state(engine, bad) == ("failed", "failed")
    assert "the recorded file is gone" in _error(engine, gone)
    assert "header: customers needs the columns" in _error(engine, bad)
    assert _state(engine, good) == ("loaded", "completed")
    assert sizes(engine)["customers"] == 1


@pytest.mark.parametrize(
    "error",
    [psycopg.OperationalError("the connection is lost"), RuntimeError("a defect"), OSError()],
)
def test_a_failure_of_any_kind_is_tried_again_and_costs_its_own_file_only(
    engine: sa.Engine, tenant_id: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    error: Exception,
) -> None:  # fmt: skip
    """COPY speaks psycopg, whose errors are none of SQLAlchemy's: one took the batch along."""
    unlucky = _record(engine, tenant_id, tmp_path / "customers_unlucky.ndjson", [customer(1)])
    lucky = _record(engine, tenant_id, tmp_path / "customers_lucky.ndjson", [customer(2)])

    def fail_once(file: IO[bytes], name: str, *more: Any, **limits: Any) -> Any:
        if "unlucky" in name:
            raise error
        return numbered_lines(file, name, *more, **limits)

    with monkeypatch.context() as patch:
        patch.setattr(stage, "numbered_lines", fail_once)
        assert _stage(engine).upload_ids == [lucky]
    assert _state(engine, unlucky) == ("recorded", "retrying")
    _make_due(engine)
    _load_all(engine)
    assert _state(engine, unlucky) == _state(engine, lucky) == ("loaded", "completed")
    assert sizes(engine)["customers"] == 2


def test_a_file_that_always_fails_is_given_up(
    engine: sa.Engine, tenant_id: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload_id = _record(engine, tenant_id, tmp_path / "customers_1.ndjson", [customer(1)], 2)

    def fail(*_: object, **__: object) -> Any:
        raise RuntimeError("a defect")

    monkeypatch.setattr(stage, "numbered_lines", fail)
    for expected in (("recorded", "retrying"), ("failed", "failed")):
        _stage(engine)
        _make_due(engine)
        assert _state(engine, upload_id) == expected
    assert _stage(engine).failures == {}


def test_a_failure_whose_message_holds_nul_is_recorded_all_the_same(
    engine: sa.Engine, tenant_id: int, tmp_path: Path
) -> None:
    upload_id = _record(engine, tenant_id, tmp_path / "customers_1.csv", b"customer_id,a\x00b\n")
    _stage(engine)
    assert _state(engine, upload_id) == ("failed", "failed")
    assert "header: " in _error(engine, upload_id)


def test_a_worker_that_died_between_staging_and_merging_loses_nothing(
    engine: sa.Engine, tenant_id: int, tmp_path: Path
) -> None:
    upload_id = _record(engine, tenant_id, tmp_path / "customers_1.ndjson", [customer(1)])
    _stage(engine, run_id="dead-run")
    with engine.begin() as connection:
        jobs.release_run(connection, "dead-run", reason="run failed")
    assert _state(engine, upload_id) == ("staged", "retrying")
    _load_all(engine)
    assert _state(engine, upload_id) == ("loaded", "completed")
    assert all_counts(engine)[upload_id].inserted == 1


def test_a_worker_that_lost_its_job_while_reading_leaves_no_rows(
    engine: sa.Engine, tenant_id: int, tmp_path: Path
) -> None:
    upload_id = _record(engine, tenant_id, tmp_path / "customers_1.ndjson", [customer(1)])
    with engine.begin() as connection:
        [zombie] = jobs.claim(connection, kind=job_kind(CUSTOMERS), worker="z", lease=timedelta(0))
    with engine.begin() as connection:
        jobs.claim(connection, kind=job_kind(CUSTOMERS), worker="next", lease=LEASE)
        [upload] = uploads.find(connection, [upload_id])
    with pytest.raises(StaleAttemptError):
        claimed.stage_upload(
            engine, upload, zombie, landing=Landing(settings().landing), bounds=BOUNDS
        )
    assert staged_rows(engine) == 0
    assert statuses(engine) == {"recorded"}


def test_while_a_long_file_is_read_the_leases_of_the_whole_batch_are_kept(
    engine: sa.Engine, tenant_id: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The job being staged was locked, its renewal waited, and those behind it lapsed."""
    for n in range(3):
        _record(engine, tenant_id, tmp_path / f"customers_{n}.ndjson", [customer(n)])
    stolen: list[jobs.Claim] = []

    def slow(file: IO[bytes], name: str, *more: Any, **limits: Any) -> Any:
        if name == "customers_0.ndjson":
            time.sleep(1.5)
            with engine.begin() as connection:
                stolen.extend(
                    jobs.claim(
                        connection, kind=job_kind(CUSTOMERS), worker="thief", limit=9,
                        lease=LEASE,
                    )
                )  # fmt: skip
        return numbered_lines(file, name, *more, **limits)

    monkeypatch.setattr(stage, "numbered_lines", slow)
    outcome = _stage(engine, lease=timedelta(seconds=0.6))
    assert stolen == []
    assert len(outcome.upload_ids) == 3


def test_rows_lost_in_a_server_crash_are_staged_again_from_the_file(
    engine: sa.Engine, tenant_id: int, tmp_path: Path
) -> None:
    upload_id = _record(engine, tenant_id, tmp_path / "customers_1.ndjson", [customer(1)])
    _stage(engine)
    with engine.begin() as connection:  # what a crash does to an unlogged table
        connection.exec_driver_sql("TRUNCATE customers_staging_arrived")
    assert load.merge_claimed(engine, CUSTOMERS).upload_ids == []
    assert _state(engine, upload_id) == ("recorded", "retrying")
    _load_all(engine)
    assert _state(engine, upload_id) == ("loaded", "completed")
    assert sizes(engine)["customers"] == 1
    assert_sound(engine)


def test_a_file_that_another_process_has_just_staged_is_merged_with_fresh_statistics(
    engine: sa.Engine, tenant_id: int, tmp_path: Path
) -> None:
    """Killed between staging and ANALYZE, 10,000 rows took the next run 40 seconds, 20,000 160."""
    _record(engine, tenant_id, tmp_path / "customers_1.ndjson", map(customer, range(12_000)))
    _stage(engine)
    started = time.monotonic()
    load.merge_claimed(engine, CUSTOMERS)
    assert time.monotonic() - started < 15
    assert sizes(engine)["customers"] == 12_000


def test_rejected_lines_of_a_file_that_is_staged_again_are_there_once(
    engine: sa.Engine, tenant_id: int, tmp_path: Path
) -> None:
    """They were still there from the first time: staging again broke their primary key."""
    content = b"no json\n" + lines([customer(1)])
    upload_id = _record(engine, tenant_id, tmp_path / "customers_1.ndjson", content)
    _stage(engine)
    with engine.begin() as connection:
        connection.exec_driver_sql("TRUNCATE customers_staging_arrived")
    load.merge_claimed(engine, CUSTOMERS)
    _load_all(engine)
    assert _state(engine, upload_id) == ("loaded", "completed")
    counts = all_counts(engine)[upload_id]
    assert (counts.rejected, counts.inserted) == (1, 1)
    with engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM rejected_rows").scalar() == 1


def test_rows_lost_in_part_are_staged_again_without_doubles(
    engine: sa.Engine, tenant_id: int, tmp_path: Path
) -> None:
    upload_id = _record(engine, tenant_id, tmp_path / "customers_1.ndjson", map(customer, range(9)))
    _stage(engine)
    with engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM customers_staging_arrived WHERE line_number < 3")
    load.merge_claimed(engine, CUSTOMERS)
    _load_all(engine)
    assert all_counts(engine)[upload_id].inserted == 9
    assert all_counts(engine)[upload_id].superseded == 0
    assert staged_rows(engine) == 0
    assert_sound(engine)


def test_a_failed_file_that_is_requeued_is_loaded(
    engine: sa.Engine, tenant_id: int, tmp_path: Path
) -> None:
    path = tmp_path / "customers_1.ndjson"
    upload_id = _record(engine, tenant_id, path, [customer(1)])
    path.unlink()
    _stage(engine)
    assert _state(engine, upload_id) == ("failed", "failed")
    path.write_bytes(lines([customer(1)]))
    with engine.begin() as connection:
        job_id = connection.exec_driver_sql("SELECT job_id FROM jobs").scalar_one()
        assert jobs.requeue(connection, job_id, attempts=1)
    _load_all(engine)
    assert _state(engine, upload_id) == ("loaded", "completed")
    assert sizes(engine)["customers"] == 1


def test_a_file_that_kills_its_worker_every_time_fails_and_is_not_unfinished_for_ever(
    engine: sa.Engine, tenant_id: int, tmp_path: Path
) -> None:
    upload_id = _record(engine, tenant_id, tmp_path / "customers_1.ndjson", [customer(1)])
    with engine.begin() as connection:
        connection.exec_driver_sql(
            "UPDATE jobs SET status = 'processing', attempt = max_attempts, "
            "lease_expires_at = now() - interval '1 minute'"
        )
    _stage(engine)
    assert _state(engine, upload_id) == ("failed", "dead")


def test_staging_what_is_no_longer_there_says_so(
    engine: sa.Engine, tenant_id: int, tmp_path: Path
) -> None:
    upload_id = _record(engine, tenant_id, tmp_path / "customers_1.ndjson", [customer(1)])
    (tmp_path / "customers_1.ndjson").unlink()
    with engine.connect() as connection:
        [upload] = uploads.find(connection, [upload_id])
    with pytest.raises(LandedFileError):
        claimed.stage_upload(engine, upload, landing=Landing(settings().landing), bounds=BOUNDS)


def _make_due(engine: sa.Engine) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE jobs SET available_at = now()")


@pytest.mark.parametrize("location", ["file:///proc/self/environ", "../environ", "/etc/passwd"])
def test_a_run_opens_nothing_but_what_was_landed(
    engine: sa.Engine, tenant_id: int, tmp_path: Path, location: str
) -> None:
    """The environment of a run ended in `rejected_rows`, which the gateway may read."""
    upload_id = _record(engine, tenant_id, tmp_path / "customers_1.ndjson", [customer(1)])
    with engine.begin() as connection:
        moved = sa.text("UPDATE uploads SET location = :location")
        connection.execute(moved, {"location": location})
    assert "landing store" in _stage(engine).failures[upload_id]
    with engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM rejected_rows").scalar() == 0
