"""Reports in the drop folder: a folder a platform, once the same bytes, nothing without a word."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest
import sqlalchemy as sa
from fsspec.implementations.local import LocalFileSystem

from ingestion_pipeline.definitions import defs
from ingestion_pipeline.domains.book_sales.automation import dropped_reports
from ingestion_pipeline.domains.book_sales.receive.drop_folder import receive_dropped
from ingestion_pipeline.foundation.environment import settings
from ingestion_pipeline.foundation.ledger import dropping
from ingestion_pipeline.foundation.ledger.dropping import Dropped
from ingestion_pipeline.foundation.ledger.tables.jobs import jobs
from ingestion_pipeline.foundation.ledger.tables.uploads import uploads
from ingestion_pipeline.foundation.settings import Settings
from ingestion_pipeline.foundation.storage import dropped
from ingestion_pipeline.foundation.storage.landing import Landing
from ingestion_pipeline_tests.domains.book_sales import builders

KDP = builders.text(builders.EBOOK, [builders.ebook()])
SMASHWORDS = builders.text(builders.SMASHWORDS, [builders.smashwords()], delimiter="\t")


@pytest.fixture
def folder(configured: Settings, tenant_id: int) -> Path:
    """The folder of the tenant `acme`."""
    made = configured.home / "drop" / "acme"
    made.mkdir(parents=True)
    return made


def put(folder: Path, name: str, content: bytes) -> Path:
    path = folder / name
    path.parent.mkdir(exist_ok=True, parents=True)
    path.write_bytes(content)
    return path


def scan(engine: sa.Engine, configured: Settings, *, settle: float = 0) -> Dropped:
    return receive_dropped(
        engine,
        configured.model_copy(update={"drop_settle": timedelta(seconds=settle)}),
        drop_url=configured.drop,
        landing=Landing(configured.landing),
        until=datetime.now(UTC) + timedelta(minutes=1),
    )


def recorded(engine: sa.Engine) -> list[tuple[str, str, str, str]]:
    c = uploads.c
    with engine.connect() as connection:
        found = connection.execute(
            sa.select(c.type, c.file_name, c.source, c.status).order_by(c.upload_id)
        )
        return [tuple(row) for row in found]


def queued(engine: sa.Engine) -> list[str]:
    with engine.connect() as connection:
        return list(connection.scalars(sa.select(jobs.c.kind).order_by(jobs.c.job_id)))


def test_reports_in_the_folders_of_platforms_were_passed_over_without_a_word(
    engine: sa.Engine, configured: Settings, folder: Path
) -> None:
    """`kdp` is `amazon_kdp` in the drop folder, too, and both are one platform."""
    other = builders.text(builders.EBOOK, [builders.ebook("7.00")])
    for name, content in (
        ("kdp/a.csv", KDP), ("amazon_kdp/b.csv", other), ("smashwords/s.xls", SMASHWORDS),
    ):  # fmt: skip
        put(folder, name, content)
    outcome = scan(engine, configured)
    assert (len(outcome.recorded), outcome.left, outcome.known) == (3, [], [])
    assert sorted(recorded(engine)) == [
        ("amazon_kdp", "a.csv", "drop", "recorded"),
        ("amazon_kdp", "b.csv", "drop", "recorded"),
        ("smashwords", "s.xls", "drop", "recorded"),
    ]
    assert sorted(queued(engine)) == [
        "book_sales.import.amazon_kdp", "book_sales.import.amazon_kdp",
        "book_sales.import.smashwords",
    ]  # fmt: skip
    assert not [path for path in folder.rglob("*") if path.is_file()]


def test_the_same_bytes_are_one_report_whoever_is_killed_in_between(
    engine: sa.Engine, configured: Settings, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(folder, "kdp/a.csv", KDP)
    with monkeypatch.context() as killed:
        killed.setattr(dropping, "take_out", lambda *_: (_ for _ in ()).throw(KeyError))
        with pytest.raises(KeyError):
            scan(engine, configured)
    again = scan(engine, configured)
    assert again.recorded == []
    assert "a.csv: its bytes had come before" in again.known[0]
    assert len(recorded(engine)) == len(queued(engine)) == 1
    landed = [p for p in Path(configured.home / "landing" / "acme").rglob("*") if p.is_file()]
    assert len(landed) == 1
    assert not [path for path in folder.rglob("*") if path.is_file()]


def test_what_lies_elsewhere_stays_and_is_named(
    engine: sa.Engine, configured: Settings, folder: Path
) -> None:
    for name in ("reports/a.csv", "gumroad/a.csv", "deep/er/a.csv", "../globex/kdp/a.csv"):
        put(folder, name, KDP)
    for name in ("kdp/.a.csv", "kdp/b.csv.part", "kdp/2026/c.csv"):
        put(folder, name, KDP)
    (folder / "empty").mkdir()
    outcome = scan(engine, configured)
    assert outcome.recorded == []
    assert sorted(said.partition(":")[0] for said in outcome.left) == [
        "acme/deep", "acme/gumroad", "acme/kdp/2026", "acme/reports", "globex/amazon_kdp/a.csv",
    ]  # fmt: skip
    assert recorded(engine) == []


def test_a_report_that_still_changes_waits(
    engine: sa.Engine, configured: Settings, folder: Path
) -> None:
    put(folder, "kdp/a.csv", KDP)
    assert scan(engine, configured, settle=60).recorded == []
    assert len(scan(engine, configured).recorded) == 1


def test_a_name_that_no_disk_takes_is_recorded_as_failed(
    engine: sa.Engine, configured: Settings, folder: Path
) -> None:
    put(folder, "kdp/" + "a" * 201, KDP)
    scan(engine, configured)
    assert [status for *_, status in recorded(engine)] == ["failed"]
    assert queued(engine) == []


def test_no_link_chooses_what_is_read(
    engine: sa.Engine, configured: Settings, folder: Path, tmp_path: Path
) -> None:
    secret = put(tmp_path, "secret/a.csv", KDP)
    (folder / "kdp").symlink_to(secret.parent)
    (folder / "smashwords").mkdir()
    (folder / "smashwords" / "a.csv").symlink_to(secret)
    assert scan(engine, configured).recorded == []
    assert secret.exists()
    with pytest.raises(FileNotFoundError):  # one that takes a folder's place after the look
        dropped.open_dropped(LocalFileSystem(), str(folder / "kdp" / "a.csv"))


def test_the_sensor_queues_them(
    engine: sa.Engine, configured: Settings, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DROP_SETTLE", "3600")  # however busy the machine is
    settings.cache_clear()
    put(folder, "kdp/a.csv", KDP)
    put(folder, "elsewhere/a.csv", KDP)
    with dg.DagsterInstance.ephemeral() as instance:
        context = dg.build_sensor_context(instance=instance, definitions=defs)
        said = dropped_reports.evaluate_tick(context)
    assert said.skip_message == "0 reports recorded; 1 left; 1 still change"
