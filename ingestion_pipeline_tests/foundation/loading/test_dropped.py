"""The drop folder of sources: each file is taken once, by its folder or `match`, or says why."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from ingestion_pipeline.foundation.ledger import dropping
from ingestion_pipeline.foundation.ledger.dropping import Dropped
from ingestion_pipeline.foundation.loading.choosing import Mappings
from ingestion_pipeline.foundation.loading.dropped import receive_dropped
from ingestion_pipeline.foundation.settings import Settings
from ingestion_pipeline.foundation.storage.landing import Landing
from ingestion_pipeline_tests.foundation.loading.running import Shelf, deliver, known, load_all
from ingestion_pipeline_tests.foundation.loading.test_loading import FILE, MAPPING

MATCHED = MAPPING.replace("mapping: sales", "mapping: sales\nmatch: {header: [Paid]}")
GIFTS = MATCHED.replace("mapping: sales", "mapping: gifts").replace("Paid", "Worth")


@pytest.fixture
def drop(configured: Settings) -> Path:
    return Path(configured.drop.removeprefix("file://"))


def put(drop: Path, where: str, content: str) -> None:
    file = drop / where
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(content)
    long_ago = datetime.now(UTC).timestamp() - 3600
    os.utime(file, (long_ago, long_ago))


def scan(engine: sa.Engine, configured: Settings, *texts: str) -> Dropped:
    shelf = Shelf()
    return receive_dropped(
        engine, configured, Mappings(known(text, shelf) for text in texts),
        landing=Landing(configured.landing), until=datetime.now(UTC) + timedelta(minutes=5),
    )  # fmt: skip


def test_a_file_is_taken_by_its_folder_or_by_what_fits_it(
    engine: sa.Engine, configured: Settings, tenant_id: int, drop: Path
) -> None:
    Shelf.build(engine)
    put(drop, "acme/kiosk/sales/named.csv", FILE)
    put(drop, "acme/kiosk/found.csv", FILE.replace("Paid", "Worth"))
    found = scan(engine, configured, MATCHED, GIFTS)
    assert (len(found.recorded), found.left, found.known) == (2, [], [])
    assert [each for each in drop.rglob("*") if each.is_file()] == []
    with engine.connect() as connection:
        rows = connection.exec_driver_sql("SELECT type, tenant_id FROM uploads ORDER BY file_name")
        assert [tuple(row) for row in rows] == [
            ("kiosk/gifts", tenant_id), ("kiosk/sales", tenant_id),
        ]  # fmt: skip
    [attempt] = load_all(engine, configured, known(MATCHED, Shelf()))
    assert attempt.status == "done"
    put(drop, "acme/kiosk/sales/named.csv", FILE)
    again = scan(engine, configured, MATCHED, GIFTS)
    assert (again.recorded, len(again.known)) == ([], 1)


def test_a_file_that_none_fits_or_two_or_of_nobody_stays_and_says_why(
    engine: sa.Engine, configured: Settings, tenant_id: int, drop: Path
) -> None:
    put(drop, "acme/kiosk/none.csv", "a,b\n1,2\n")
    put(drop, "acme/kiosk/two.csv", FILE)
    put(drop, "nobody/kiosk/sales/x.csv", FILE)
    put(drop, "acme/kiosk/sale/typo.csv", FILE)
    put(drop, "acme/elsewhere/x.csv", FILE)
    twin = MATCHED.replace("mapping: sales", "mapping: twin")
    found = scan(engine, configured, MATCHED, twin)
    assert found.recorded == []
    told = sorted(each.partition(":")[0] for each in found.left)
    assert told == [
        "acme/kiosk/none.csv", "acme/kiosk/sale/typo.csv", "acme/kiosk/two.csv",
        "nobody/kiosk/sales/x.csv",
    ]  # fmt: skip
    assert any("fits kiosk/sales, kiosk/twin" in each for each in found.left)
    assert any("did you mean 'kiosk/sales'" in each for each in found.left)
    assert len([each for each in drop.rglob("*") if each.is_file()]) == 5


def test_a_file_that_still_changes_is_left_alone(
    engine: sa.Engine, configured: Settings, tenant_id: int, drop: Path
) -> None:
    put(drop, "acme/kiosk/sales/new.csv", FILE)
    os.utime(drop / "acme/kiosk/sales/new.csv")
    found = scan(engine, configured.model_copy(update={"drop_settle": timedelta(hours=1)}), MAPPING)
    assert (found.unfinished, found.recorded) == (1, [])


def test_one_that_could_not_be_taken_out_was_loaded_again_over_what_came_after_it(
    engine: sa.Engine, configured: Settings, tenant_id: int, drop: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """Recorded, and killed; another of its name came by another way; and then it is found again."""
    put(drop, "acme/kiosk/sales/a.csv", FILE)
    with monkeypatch.context() as cut_off:
        cut_off.setattr(dropping, "take_out", lambda *_: False)
        [upload_id] = scan(engine, configured, MAPPING).recorded
    deliver(
        engine, configured, tenant_id, known(MAPPING, Shelf()), FILE.replace("2.50", "3.50"),
        file_name="a.csv",
    )  # fmt: skip
    again = scan(engine, configured, MAPPING)
    assert again.recorded == []
    assert again.known == [f"acme/kiosk/sales/a.csv: had come before, as upload {upload_id}"]
    assert not (drop / "acme/kiosk/sales/a.csv").exists()
    # But one that is put there says that things are again as they were, also with the old time.
    put(drop, "acme/kiosk/sales/a.csv", FILE)
    assert len(scan(engine, configured, MAPPING).recorded) == 1


def test_one_that_is_recorded_leaves_the_folder_also_where_it_has_filled_the_quota(
    engine: sa.Engine, configured: Settings, tenant_id: int, drop: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    put(drop, "acme/kiosk/sales/a.csv", FILE)
    with monkeypatch.context() as cut_off:
        cut_off.setattr(dropping, "take_out", lambda *_: False)
        scan(engine, configured, MAPPING)
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE tenants SET landed_bytes_limit = 1")
    again = scan(engine, configured, MAPPING)
    assert (again.left, len(again.known)) == ([], 1)
    assert not (drop / "acme/kiosk/sales/a.csv").exists()
