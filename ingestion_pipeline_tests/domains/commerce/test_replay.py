"""A refused row could only come again with its whole file: it is corrected and taken by itself."""

import json
from pathlib import Path

import pytest
import sqlalchemy as sa

from ingestion_pipeline.domains.commerce.merge import replay
from ingestion_pipeline.foundation.errors import ContractError
from ingestion_pipeline.foundation.ledger.tables.uploads import rejected_rows, uploads
from ingestion_pipeline_tests.domains.commerce.builders import (
    BOUNDS,
    all_counts,
    customer,
    lines,
    load,
    order,
    sizes,
)


@pytest.fixture
def exported(engine: sa.Engine, tmp_path: Path) -> Path:
    """The three refused lines of a file, beside two that were right."""
    bad = [customer(2, name="x" * 256), customer(3, created_at="soon")]
    content = lines([customer(1), *bad]) + b"no JSON at all\n" + lines([customer(5)])
    load(engine, tmp_path / "data", {"customers_1.ndjson": content})
    file = tmp_path / "rejected.ndjson"
    assert export(engine, file) == 3
    return file


def export(engine: sa.Engine, file: Path) -> int:
    with engine.connect() as connection, file.open("wb") as opened:
        upload_id = connection.scalar(sa.select(sa.func.min(uploads.c.upload_id)))
        assert upload_id is not None
        return replay.export(connection, upload_id, opened)


def correct(file: Path, *rows: object) -> None:
    entries = [json.loads(text) for text in file.read_text().splitlines()]
    for entry, row in zip(entries, rows, strict=True):
        if row is not None:
            entry["row"] = row
    file.write_text("".join(json.dumps(entry) + "\n" for entry in entries))


def test_what_is_exported_says_the_row_the_line_and_why(exported: Path) -> None:
    entries = [json.loads(text) for text in exported.read_text().splitlines()]
    assert [entry["line_number"] for entry in entries] == [2, 3, 4]
    assert entries[0]["row"] == customer(2, name="x" * 256)
    assert entries[1]["reasons"][0]["field"] == "created_at"
    assert entries[2]["row"] == "no JSON at all"


def test_what_is_right_now_is_taken_once_and_what_is_wrong_stays(
    engine: sa.Engine, exported: Path
) -> None:
    correct(exported, customer(2), None, customer(4))
    outcome = replay.replay(engine, exported, bounds=BOUNDS)
    assert (outcome.taken, outcome.known) == (2, 0)
    assert [row["line_number"] for row in outcome.refused] == [3]
    assert sizes(engine)["customers"] == 4
    again = replay.replay(engine, exported, bounds=BOUNDS)
    assert (again.taken, again.known, len(again.refused)) == (0, 2, 1)
    assert export(engine, exported) == 1
    correct(exported, customer(3))
    assert replay.replay(engine, exported, bounds=BOUNDS).taken == 1
    assert sizes(engine)["customers"] == 5
    assert export(engine, exported) == 0
    assert all(counts.add_up for counts in all_counts(engine).values())


def test_untouched_rows_are_still_wrong_and_make_no_upload(
    engine: sa.Engine, exported: Path
) -> None:
    outcome = replay.replay(engine, exported, bounds=BOUNDS)
    assert (outcome.taken, len(outcome.refused), outcome.upload_ids) == (0, 3, [])
    assert len(all_counts(engine)) == 1


def test_a_line_that_is_there_twice_is_taken_once(engine: sa.Engine, exported: Path) -> None:
    correct(exported, customer(2), None, None)
    first = exported.read_text().splitlines(keepends=True)[0]
    exported.write_text(first * 3)
    outcome = replay.replay(engine, exported, bounds=BOUNDS)
    assert (outcome.taken, outcome.known) == (1, 2)


def test_a_replay_that_dies_before_its_end_takes_nothing_and_is_started_again(
    engine: sa.Engine, exported: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    correct(exported, customer(2), customer(3), customer(4))

    def die(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(replay, "merge_claimed", die)
        with pytest.raises(KeyboardInterrupt):
            replay.replay(engine, exported, bounds=BOUNDS)
    assert sizes(engine)["customers"] == 2
    assert replay.replay(engine, exported, bounds=BOUNDS).taken == 0  # staged before
    assert sizes(engine)["customers"] == 5


def test_a_row_that_nobody_refused_is_not_let_in(engine: sa.Engine, exported: Path) -> None:
    entry = json.loads(exported.read_text().splitlines()[0])
    forged = {**entry, "line_number": 1, "row": customer(9)}
    exported.write_text(json.dumps(forged) + "\n")
    outcome = replay.replay(engine, exported, bounds=BOUNDS)
    assert (outcome.taken, outcome.known) == (0, 1)
    assert sizes(engine)["customers"] == 2


def test_a_replayed_row_is_the_latest_and_waits_for_its_parent(
    engine: sa.Engine, tmp_path: Path
) -> None:
    load(engine, tmp_path / "data", {"orders_1.ndjson": [order(1, of=1, currency="EURO")]})
    file = tmp_path / "rejected.ndjson"
    assert export(engine, file) == 1
    correct(file, order(1, of=1))
    assert replay.replay(engine, file, bounds=BOUNDS).taken == 1
    assert sizes(engine)["orders"] == 0
    load(engine, tmp_path / "more", {"customers_1.ndjson": [customer(1)]})
    assert sizes(engine)["orders"] == 1


@pytest.mark.parametrize("text", ["customer_id,name\n", "{}\n", '{"upload_id":"x"}\n'])
def test_another_file_is_refused_by_its_line(engine: sa.Engine, tmp_path: Path, text: str) -> None:
    file = tmp_path / "other.ndjson"
    file.write_text("\n" + text)
    with pytest.raises(ContractError, match=r"^line 2: must be one of a file of `rejected export`"):
        replay.replay(engine, file, bounds=BOUNDS)


def test_rows_of_two_tenants_stay_with_their_tenants(engine: sa.Engine, tmp_path: Path) -> None:
    texts = []
    for tenant in ("acme", "globex"):
        folder = tmp_path / tenant
        load(engine, folder, {"customers_1.ndjson": [customer(1, name=None)]}, tenant=tenant)
    with engine.connect() as connection:
        for upload_id in connection.scalars(sa.select(rejected_rows.c.upload_id)).all():
            file = tmp_path / f"{upload_id}.ndjson"
            with file.open("wb") as opened:
                replay.export(connection, upload_id, opened)
            correct(file, customer(1, name=f"Of {upload_id}"))
            texts.append(file.read_text())
    both = tmp_path / "both.ndjson"
    both.write_text("".join(texts))
    assert replay.replay(engine, both, bounds=BOUNDS).taken == 2
    with engine.connect() as connection:
        names = connection.scalars(sa.text("SELECT name FROM customers ORDER BY tenant_id")).all()
    assert len(set(names)) == 2


def test_of_a_line_that_is_there_twice_the_first_is_taken(
    engine: sa.Engine, exported: Path
) -> None:
    correct(exported, customer(2, name="first"), None, None)
    line = exported.read_text().splitlines()[0]
    exported.write_text(line + "\n" + line.replace("first", "second") + "\n")
    outcome = replay.replay(engine, exported, bounds=BOUNDS)
    assert (outcome.taken, outcome.known) == (1, 1)
    with engine.connect() as connection:
        names = connection.exec_driver_sql("SELECT name FROM customers ORDER BY customer_id")
        assert "first" in set(names.scalars())
