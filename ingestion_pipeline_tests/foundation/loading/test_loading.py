"""A file that is loaded by a mapping: counted, kept with what was refused, once, by its own ids."""

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from ingestion_pipeline.foundation.errors import ConfigurationError
from ingestion_pipeline.foundation.ledger import tenants
from ingestion_pipeline.foundation.loading import keys
from ingestion_pipeline.foundation.loading.keys import RekeyedError
from ingestion_pipeline.foundation.loading.known import known_of
from ingestion_pipeline.foundation.loading.recording import record_again
from ingestion_pipeline.foundation.mapping.faults import MappingError
from ingestion_pipeline.foundation.settings import Settings
from ingestion_pipeline_tests.foundation.loading.running import (
    Shelf,
    deliver,
    known,
    load_all,
    on_the_shelf,
)

MAPPING = """
source: kiosk
mapping: sales
read: {stop: {first: "^Total"}}
dates: ["%Y-%m-%d"]
skip: {given away: {Kind: gift}}
check:
  - {name: rows are the total, of: file, equal: [{total: Paid}, {footer: Total}]}
emit:
  sales_events:
    fields:
      external_id: Id
      event_type: {of: Kind, lookup: {sold: sale, back: refund}}
      occurred_at: Day
      quantity: Count
      amount: Paid
      currency: {is: EUR}
"""
FILE = """\
Id,Day,Kind,Count,Paid,Shelf
1,2026-01-01,sold,1,2.50,a

2,2026-01-02,gift,1,0.00,b
3,2026-01-02,stolen,1,9.00,c
4,2026-01-03,back,-1,-1.50,d
Total,12.00
"""


@pytest.fixture
def shelf(engine: sa.Engine) -> Shelf:
    return Shelf.build(engine)


def row(engine: sa.Engine, table: str, upload_id: int) -> dict[str, Any]:
    with engine.connect() as connection:
        statement = sa.text(f"SELECT * FROM {table} WHERE upload_id = :id")
        return dict(connection.execute(statement, {"id": upload_id}).mappings().one())


def test_every_line_of_a_file_has_a_count_and_what_is_refused_its_reason(
    engine: sa.Engine, configured: Settings, tenant_id: int, shelf: Shelf
) -> None:
    mapping = known(MAPPING, shelf)
    came = deliver(engine, configured, tenant_id, mapping, FILE)
    [attempt] = load_all(engine, configured, mapping)
    assert (attempt.status, shelf.settled) == ("done", [came.upload_id])
    upload, delivery = row(engine, "uploads", came.upload_id), row(
        engine, "intake_deliveries", came.upload_id
    )  # fmt: skip
    assert upload["status"] == "loaded"
    names = ("lines", "blank", "preamble", "rejected", "staged", "rejected_kept")
    assert [upload[name] for name in names] == [7, 1, 3, 1, 2, 1]
    assert delivery["skipped"] == {"given away": 1}
    assert (delivery["footer"], delivery["made"]) == (1, {"sales_events": 2})
    assert delivery["sums"] == [
        {"of": ["sales_events", "refund", "EUR"], "amount": "-1.5000"},
        {"of": ["sales_events", "sale", "EUR"], "amount": "2.5000"},
    ]
    assert delivery["file_says"] == {"Total": "12.00"}
    assert delivery["not_read"] == ["Shelf"]
    # It is loaded all the same, and what the file says otherwise is kept.
    assert delivery["warned"] == 1
    assert "rows are the total" in delivery["warnings"][0]["rule"]
    assert delivery["mapping_sha256"] == mapping.mapped.sha256
    refused = row(engine, "rejected_rows", came.upload_id)
    assert (refused["line_number"], refused["reasons"][0]["field"]) == (5, "event_type")


def test_the_same_bytes_are_one_file_and_change_nothing(
    engine: sa.Engine, configured: Settings, tenant_id: int, shelf: Shelf
) -> None:
    mapping = known(MAPPING, shelf)
    first = deliver(engine, configured, tenant_id, mapping, FILE)
    load_all(engine, configured, mapping)
    before = on_the_shelf(engine)
    again = deliver(engine, configured, tenant_id, mapping, FILE)
    assert (again.upload_id, again.is_new, again.keeps) == (first.upload_id, False, False)
    assert load_all(engine, configured, mapping) == []
    assert on_the_shelf(engine) == before


def test_what_is_sent_again_after_something_else_says_that_it_is_as_it_was(
    engine: sa.Engine, configured: Settings, tenant_id: int, shelf: Shelf
) -> None:
    """The same bytes were known for ever: a price that went back stayed where it had been."""
    mapping = known(MAPPING, shelf)
    deliver(engine, configured, tenant_id, mapping, FILE)
    load_all(engine, configured, mapping)
    before = on_the_shelf(engine)
    deliver(engine, configured, tenant_id, mapping, FILE.replace("2.50", "3.50"))
    back = deliver(engine, configured, tenant_id, mapping, FILE)
    assert back.is_new
    load_all(engine, configured, mapping)
    assert on_the_shelf(engine) == before


def test_a_column_that_was_not_there_before_is_new(
    engine: sa.Engine, configured: Settings, tenant_id: int, shelf: Shelf
) -> None:
    mapping = known(MAPPING, shelf)
    deliver(engine, configured, tenant_id, mapping, FILE)
    later = deliver(engine, configured, tenant_id, mapping, FILE.replace("Shelf", "Shelf,Tip", 1))
    load_all(engine, configured, mapping)
    assert row(engine, "intake_deliveries", later.upload_id)["new_columns"] == ["Tip"]


def test_a_renamed_column_fails_its_file_and_no_other(
    engine: sa.Engine, configured: Settings, tenant_id: int, shelf: Shelf
) -> None:
    mapping = known(MAPPING, shelf)
    wrong = deliver(engine, configured, tenant_id, mapping, FILE.replace("Paid", "Amount"))
    deliver(engine, configured, tenant_id, mapping, FILE)
    failed, loaded = load_all(engine, configured, mapping)
    assert (failed.status, loaded.status) == ("failed", "done")
    assert isinstance(failed.error, MappingError)
    upload = row(engine, "uploads", wrong.upload_id)
    assert upload["status"] == "failed"
    assert "Paid" in upload["error"]


def test_a_file_that_failed_is_taken_up_again_when_it_is_sent_again(
    engine: sa.Engine, configured: Settings, tenant_id: int, shelf: Shelf
) -> None:
    broken = known(MAPPING.replace("Paid", "Price"), shelf)
    first = deliver(engine, configured, tenant_id, broken, FILE)
    assert [each.status for each in load_all(engine, configured, broken)] == ["failed"]
    mended = known(MAPPING, shelf)
    again = deliver(engine, configured, tenant_id, mended, FILE)
    assert (again.upload_id, again.job_id, again.is_new) == (first.upload_id, first.job_id, True)
    assert [each.status for each in load_all(engine, configured, mended)] == ["done"]
    assert row(engine, "uploads", first.upload_id)["error"] is None


def test_a_record_that_its_domain_refuses_is_a_refused_line(
    engine: sa.Engine, configured: Settings, tenant_id: int, shelf: Shelf
) -> None:
    shelf.refuses = frozenset({"4"})
    mapping = known(MAPPING, shelf)
    came = deliver(engine, configured, tenant_id, mapping, FILE)
    load_all(engine, configured, mapping)
    upload = row(engine, "uploads", came.upload_id)
    assert [upload[name] for name in ("lines", "rejected", "staged")] == [7, 2, 1]
    assert row(engine, "intake_deliveries", came.upload_id)["refused"] == 1
    with engine.connect() as connection:
        lines = connection.exec_driver_sql("SELECT line_number FROM rejected_rows ORDER BY 1")
        assert list(lines.scalars()) == [5, 6]


def test_a_mapping_that_makes_other_ids_is_refused_until_somebody_means_it(
    engine: sa.Engine, configured: Settings, tenant_id: int, shelf: Shelf
) -> None:
    deliver(engine, configured, tenant_id, known(MAPPING, shelf), FILE)
    load_all(engine, configured, known(MAPPING, shelf))
    before = on_the_shelf(engine)
    other = known(MAPPING.replace("external_id: Id", "external_id: [Day, Id]"), shelf)
    came = deliver(engine, configured, tenant_id, other, FILE + "\n")
    [attempt] = load_all(engine, configured, other)
    assert isinstance(attempt.error, RekeyedError)
    assert "intake rekey kiosk/sales --tenant acme" in str(attempt.error)
    assert on_the_shelf(engine) == before
    with engine.begin() as connection:
        assert keys.rekey(connection, tenant_id, other.mapped)
        assert not keys.rekey(connection, tenant_id, other.mapped)
    again = deliver(engine, configured, tenant_id, other, FILE + "\n")
    assert again.upload_id == came.upload_id
    assert [each.status for each in load_all(engine, configured, other)] == ["done"]


@pytest.mark.parametrize(
    ("old", "new", "refused"),
    [
        ("amount: Paid", "amount: {of: Paid, negate: true}", False),
        ("      external_id: Id\n", "      # by the id\n      external_id: 'Id'\n", False),
        ("external_id: Id", "external_id: {text: '{Id}'}", True),
        ("    fields:\n      external_id: Id\n", "    key: [Id]\n    fields:\n", True),
        ("mapping: sales", "mapping: sales_2", False),
        ("source: kiosk", "source: kiosk_2", False),
    ],
)
def test_only_what_ids_are_made_of_is_a_change_of_ids(
    old: str, new: str, *, refused: bool, engine: sa.Engine, tenant_id: int
) -> None:
    shelf = Shelf()
    assert old in MAPPING
    with engine.begin() as connection:
        keys.note(connection, tenant_id, known(MAPPING, shelf).mapped)
        changed = known(MAPPING.replace(old, new), shelf).mapped
        if refused:
            with pytest.raises(RekeyedError):
                keys.note(connection, tenant_id, changed)
        else:
            keys.note(connection, tenant_id, changed)
        other = tenants.ensure(connection, "other")
        keys.note(connection, other, changed)


def test_a_mapping_that_never_loaded_a_file_may_change_its_ids(
    engine: sa.Engine, configured: Settings, tenant_id: int, shelf: Shelf
) -> None:
    broken = known(MAPPING.replace("Paid", "Price"), shelf)
    deliver(engine, configured, tenant_id, broken, FILE)
    load_all(engine, configured, broken)
    other = known(MAPPING.replace("external_id: Id", "external_id: [Day, Id]"), shelf)
    deliver(engine, configured, tenant_id, other, FILE)
    assert [each.status for each in load_all(engine, configured, other)] == ["done"]


def test_a_file_is_read_again_by_what_the_mapping_says_today(
    engine: sa.Engine, configured: Settings, tenant_id: int, shelf: Shelf
) -> None:
    first = deliver(engine, configured, tenant_id, known(MAPPING, shelf), FILE)
    load_all(engine, configured, known(MAPPING, shelf))
    mended = known(MAPPING.replace("back: refund", "back: refund, stolen: sale"), shelf)
    with engine.begin() as connection:
        again = record_again(connection, first.upload_id, attempts=3)
    [attempt] = load_all(engine, configured, mended)
    assert (attempt.status, attempt.upload_id) == ("done", again.upload_id)
    assert [key for _, _, key, _ in on_the_shelf(engine)] == ["1", "3", "4"]
    hashes = {
        row(engine, "intake_deliveries", each.upload_id)["mapping_sha256"]
        for each in (first, again)
    }
    assert hashes == {known(MAPPING, shelf).mapped.sha256, mended.mapped.sha256}


def test_rows_of_a_record_that_stand_apart_are_refused_and_the_file_is_read_once_more(
    engine: sa.Engine, configured: Settings, tenant_id: int, shelf: Shelf
) -> None:
    grouped = MAPPING.replace("emit:", "group: {by: [Id]}\nemit:")
    rows = "1,2026-01-01,sold,1,2.50,a\n5,2026-01-01,sold,1,1.00,a\n1,2026-01-01,sold,1,2.50,a\n"
    mapping = known(grouped, shelf)
    came = deliver(engine, configured, tenant_id, mapping, FILE.splitlines()[0] + "\n" + rows)
    load_all(engine, configured, mapping)
    assert [key for _, _, key, _ in on_the_shelf(engine)] == ["5"]
    upload = row(engine, "uploads", came.upload_id)
    assert [upload[name] for name in ("lines", "rejected", "staged")] == [4, 2, 1]


def test_a_mapping_whose_records_are_of_two_domains_is_refused() -> None:
    one, other = Shelf(), Shelf()
    text = MAPPING + "  customers:\n    fields: {customer_id: {id: [c, Id]}, name: Id, email: Id}\n"
    sinks = {**dict.fromkeys(one.targets, one), "customers": other}
    with pytest.raises(ConfigurationError, match="of two domains"):
        known_of(known(text, one).mapped, sinks)


def test_what_was_refused_of_a_file_is_kept_as_far_as_its_tenant_has_room(
    engine: sa.Engine, configured: Settings, tenant_id: int, shelf: Shelf
) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE tenants SET rejected_bytes_limit = 300")
    mapping = known(MAPPING, shelf)
    lines = "".join(f"{n},2026-01-02,stolen,1,9.00,c\n" for n in range(100))
    came = deliver(engine, configured, tenant_id, mapping, FILE.splitlines()[0] + "\n" + lines)
    load_all(engine, configured, mapping)
    upload = row(engine, "uploads", came.upload_id)
    assert upload["rejected"] == 100
    assert 0 < upload["rejected_kept"] < 5
    assert upload["rejected_bytes"] <= 300


def test_what_follows_is_done_by_the_next_attempt_where_one_was_cut_off(
    engine: sa.Engine, configured: Settings, tenant_id: int, shelf: Shelf
) -> None:
    mapping = known(MAPPING, shelf)
    came = deliver(engine, configured, tenant_id, mapping, FILE)
    shelf.breaks = 1
    at_once = configured.model_copy(update={"job_backoff": timedelta(0)})
    first, second = load_all(engine, at_once, mapping)
    assert (first.status, second.status, shelf.settled) == ("retrying", "done", [came.upload_id])
    assert second.loaded is not None
    assert second.loaded.taken is None
    assert row(engine, "uploads", came.upload_id)["status"] == "loaded"


def test_a_file_that_is_loaded_stays_so_though_what_follows_fails_for_good(
    engine: sa.Engine, configured: Settings, tenant_id: int, shelf: Shelf
) -> None:
    mapping = known(MAPPING, shelf)
    came = deliver(engine, configured, tenant_id, mapping, FILE)
    shelf.breaks = 99
    at_once = configured.model_copy(update={"job_backoff": timedelta(0)})
    assert [each.status for each in load_all(engine, at_once, mapping)] == [
        "retrying", "retrying", "failed",
    ]  # fmt: skip
    upload = row(engine, "uploads", came.upload_id)
    assert (upload["status"], upload["error"]) == ("loaded", None)


def test_what_followed_in_the_domain_is_told_with_the_file(
    engine: sa.Engine, configured: Settings, tenant_id: int, shelf: Shelf
) -> None:
    """Of files of commerce it was told only that their rows were staged."""
    mapping = known(MAPPING, shelf)
    shelf.follows = {"sales_events": {"inserted": 1, "unchanged": 0, "waiting": 1}}
    came = deliver(engine, configured, tenant_id, mapping, FILE)
    shelf.breaks = 1
    at_once = configured.model_copy(update={"job_backoff": timedelta(0)})
    assert [e.status for e in load_all(engine, at_once, mapping)] == ["retrying", "done"]
    became = row(engine, "intake_deliveries", came.upload_id)["became"]
    assert became == {"sales_events": {"updated": 2, "inserted": 1, "unchanged": 0, "waiting": 1}}
    upload = row(engine, "uploads", came.upload_id)
    fates = ("inserted", "updated", "unchanged", "superseded", "waiting")
    assert [upload[name] for name in fates] == [1, 2, 0, 0, 1]
