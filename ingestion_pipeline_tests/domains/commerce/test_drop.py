"""The drop folder: complete files are recorded, once each, whatever happens in between."""

import json
import os
import time
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from ingestion_pipeline.domains.commerce.receive import drop_folder as drop
from ingestion_pipeline.foundation.ledger import tenants
from ingestion_pipeline.foundation.ledger.tables.jobs import jobs
from ingestion_pipeline.foundation.ledger.tables.uploads import uploads
from ingestion_pipeline.foundation.storage.landing import Landing
from ingestion_pipeline_tests.domains.commerce.builders import LANDED_BYTES, load_everything


@pytest.fixture
def folder(tmp_path: Path, tenant_id: int) -> Path:
    made = tmp_path / "drop" / "acme"
    made.mkdir(parents=True)
    return made


def customer() -> str:
    return json.dumps(
        {
            "customer_id": str(uuid.uuid4()),
            "name": "Ada",
            "email": "ada@example.com",
            "metadata": {},
            "created_at": "2026-01-01T00:00:00Z",
        }
    )


def put(folder: Path, name: str, text: str | None = None) -> Path:
    file = folder / name
    file.write_text(text if text is not None else customer() + "\n")
    return file


def scan(engine: sa.Engine, folder: Path, *, settle: float = 0) -> drop.Scan:
    return drop.receive_dropped(
        engine,
        drop_url=folder.parent.as_uri(),
        landing=Landing((folder.parents[1] / "landing").as_uri()),
        settle=timedelta(seconds=settle),
        attempts=3,
        keeps=LANDED_BYTES,
        until=datetime.now(UTC) + timedelta(minutes=1),
    )


def recorded(engine: sa.Engine) -> list[sa.RowMapping]:
    with engine.connect() as connection:
        statement = sa.select(uploads).order_by(uploads.c.upload_id)
        return list(connection.execute(statement).mappings())


def test_a_complete_file_is_recorded_landed_and_taken_out(engine: sa.Engine, folder: Path) -> None:
    file = put(folder, "customers_a.ndjson")
    content = file.read_bytes()
    assert len(scan(engine, folder).recorded) == 1
    assert not file.exists()
    [upload] = recorded(engine)
    assert upload["status"] == "recorded"
    landing = folder.parents[1] / "landing"
    assert (landing / upload["location"]).read_bytes() == content


def test_many_files_that_come_faster_than_scans_are_each_recorded_once(
    engine: sa.Engine, folder: Path
) -> None:
    for number in range(50):
        put(folder, f"customers_{number}.ndjson")
    scan(engine, folder)
    for number in range(50, 60):
        put(folder, f"customers_{number}.ndjson")
    scan(engine, folder)
    scan(engine, folder)
    assert len({upload["file_name"] for upload in recorded(engine)}) == 60
    assert len(recorded(engine)) == 60


def test_the_same_name_with_new_content_is_a_new_upload(engine: sa.Engine, folder: Path) -> None:
    for _ in range(2):
        put(folder, "customers_a.ndjson")
        scan(engine, folder)
        time.sleep(0.01)
    assert len(recorded(engine)) == 2


def test_a_file_that_is_still_changing_or_unfinished_is_left_alone(
    engine: sa.Engine, folder: Path
) -> None:
    put(folder, "customers_a.ndjson")
    for name in (".customers_b.ndjson", "customers_c.ndjson.part", "customers_d.ndjson.tmp"):
        put(folder, name)
    found = scan(engine, folder, settle=60)
    assert found.recorded == []
    assert found.unfinished == 1
    scan(engine, folder)
    assert [upload["file_name"] for upload in recorded(engine)] == ["customers_a.ndjson"]
    assert len(list(folder.iterdir())) == 3


def test_a_file_of_an_unknown_tenant_stays_and_is_named(engine: sa.Engine, folder: Path) -> None:
    stranger = folder.parent / "stranger"
    stranger.mkdir()
    put(stranger, "customers_a.ndjson")
    assert scan(engine, folder).unknown_tenants == {"stranger"}
    assert recorded(engine) == []
    assert (stranger / "customers_a.ndjson").exists()


def test_a_name_that_says_no_type_is_recorded_as_failed_naming_the_four(
    engine: sa.Engine, folder: Path
) -> None:
    put(folder, "invoices_a.ndjson")
    scan(engine, folder)
    [upload] = recorded(engine)
    assert upload["status"] == "failed"
    assert "customers_, products_, orders_, order_items_" in upload["error"]
    with engine.connect() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(jobs)) == 0


def test_killed_between_record_and_removal_the_file_is_not_recorded_twice(
    engine: sa.Engine, folder: Path
) -> None:
    file = put(folder, "customers_a.ndjson")
    content, times = file.read_bytes(), file.stat()
    scan(engine, folder)
    file.write_bytes(content)  # as if the removal had never happened
    os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))
    again = scan(engine, folder)
    assert again.recorded == []
    assert again.known == ["acme/customers_a.ndjson: had come before, as upload 1"]
    assert not file.exists()
    assert len(recorded(engine)) == 1


def test_killed_between_landing_and_record_nothing_is_visible_and_the_next_scan_takes_the_file(
    engine: sa.Engine, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    def killed(*_: object) -> None:
        raise Killed

    put(folder, "customers_a.ndjson")
    with monkeypatch.context() as patch:
        patch.setattr(drop, "_record", killed)
        with pytest.raises(Killed):
            scan(engine, folder)
    assert recorded(engine) == []
    scan(engine, folder)
    assert len(recorded(engine)) == 1


def test_two_scans_at_once_record_a_file_once(engine: sa.Engine, folder: Path) -> None:
    from concurrent.futures import ThreadPoolExecutor

    for number in range(20):
        put(folder, f"customers_{number}.ndjson")
    with ThreadPoolExecutor(2) as pool:
        for scanning in [pool.submit(scan, engine, folder) for _ in range(2)]:
            scanning.result()
    assert len(recorded(engine)) == 20


def test_dropped_files_end_in_the_tables(engine: sa.Engine, folder: Path) -> None:
    put(folder, "customers_a.ndjson", "\n".join(customer() for _ in range(10)))
    scan(engine, folder)
    load_everything(engine, landing=folder.parents[1] / "landing")
    with engine.connect() as connection:
        assert connection.scalar(sa.text("SELECT count(*) FROM customers")) == 10
        statuses = connection.scalars(sa.select(jobs.c.status)).all()
    assert statuses == ["completed"]


def test_files_go_to_the_tenant_of_their_folder(engine: sa.Engine, folder: Path) -> None:
    with engine.begin() as connection:
        other_id = tenants.ensure(connection, "other")
    other = folder.parent / "other"
    other.mkdir()
    put(folder, "customers_a.ndjson")
    put(other, "customers_a.ndjson")
    scan(engine, folder)
    assert len({upload["tenant_id"] for upload in recorded(engine)} | {other_id}) == 2


def test_a_link_does_not_choose_what_is_read(
    engine: sa.Engine, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever may drop files could have any file of the runs' machine loaded as its own."""
    secret = folder.parents[1] / "secret"
    secret.write_text(customer() + "\n")
    link = folder / "customers_a.ndjson"
    link.symlink_to(secret)
    assert scan(engine, folder).recorded == []
    assert secret.exists()
    # Also one that takes a file's place between the look and the opening.
    link.unlink()
    put(folder, "customers_a.ndjson")
    listed = drop._list

    def swapped(files: object, root: str) -> list[drop.DroppedFile]:
        found = listed(files, root)
        link.unlink()
        link.symlink_to(secret)
        return found

    monkeypatch.setattr(drop, "_list", swapped)
    assert scan(engine, folder).recorded == []
    assert recorded(engine) == []
