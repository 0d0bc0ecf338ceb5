"""Events → tables: states, versions, order, replays, golden rows."""

from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa

from ingestion_pipeline.domains.markets.contract.events import COMPS, FUNDAMENTALS
from ingestion_pipeline.domains.markets.contract.places import MarketKey, place_of
from ingestion_pipeline.domains.markets.merge.cache import Cached, look_up, store
from ingestion_pipeline.domains.markets.publish.documents import (
    comps_document,
    fundamentals_document,
)
from ingestion_pipeline.foundation.errors import TransientError
from ingestion_pipeline.foundation.ledger import jobs
from ingestion_pipeline_tests.domains.markets.builders import (
    apply_all,
    comparable,
    comps_event,
    event_row,
    fundamentals_event,
    record,
    send,
)


def rows(engine: sa.Engine, table: str, columns: str) -> list[Any]:
    with engine.connect() as connection:
        query = sa.text(f"SELECT {columns} FROM {table} ORDER BY 1, 2")
        return [tuple(row) for row in connection.execute(query)]


def test_an_event_is_received_and_then_applied_with_what_it_did(
    engine: sa.Engine, tenant_id: int
) -> None:
    accepted = record(engine, tenant_id, fundamentals_event())
    before = event_row(engine, accepted.ingestion_id)
    assert (before.status, before.validated_at, before.source) == (
        "received", None, "external-provider",
    )  # fmt: skip
    apply_all(engine, FUNDAMENTALS)
    after = event_row(engine, accepted.ingestion_id)
    assert after.status == "applied"
    assert after.received_at <= after.validated_at <= after.applied_at
    assert after.cache_invalidated == ["fundamentals_dallas"]
    assert after.processed_records == 1
    assert after.processing_time_ms > 0
    assert len(after.payload_sha256) == 64
    with engine.connect() as connection:
        status = connection.scalar(sa.text("SELECT status FROM jobs"))
    assert status == "completed"


def test_golden_fundamentals(engine: sa.Engine, tenant_id: int) -> None:
    sent = fundamentals_event(
        vacancy_rate_pct=0.1, as_of_date="2024-06-30", city="Dallas", absorption_sf_ytd=-1500,
        inventory_sf=987654321,
    )  # fmt: skip
    send(engine, tenant_id, sent)
    columns = (
        "market_slug, as_of_date::text, city, vacancy_rate_pct, avg_asking_rent_psf_yr_nnn, "
        "yoy_rent_growth_pct, avg_cap_rate_pct, under_construction_sf, absorption_sf_ytd, "
        "inventory_sf, source, version"
    )
    assert rows(engine, "market_fundamentals", columns) == [
        ("dallas", "2024-06-30", "Dallas", Decimal("0.1"), Decimal(12), Decimal("3.1"),
         Decimal("6.25"), None, Decimal(-1500), Decimal(987654321), "external-provider", 1),
    ]  # fmt: skip


def test_the_same_body_or_webhook_id_again_is_the_first_event(
    engine: sa.Engine, tenant_id: int
) -> None:
    first = record(engine, tenant_id, fundamentals_event(), webhook_id="msg_1")
    again = record(engine, tenant_id, fundamentals_event())
    by_id = record(engine, tenant_id, fundamentals_event(city="Other"), webhook_id="msg_1")
    assert [each.ingestion_id for each in (again, by_id)] == [first.ingestion_id] * 2
    assert [each.job_id for each in (again, by_id)] == [first.job_id] * 2
    assert (first.known, again.known, by_id.known) == (False, True, True)
    assert len(apply_all(engine, FUNDAMENTALS).ingestion_ids) == 1


def test_versions_grow_with_changes_only(engine: sa.Engine, tenant_id: int) -> None:
    day = "2024-06-30"
    send(engine, tenant_id, fundamentals_event(as_of_date=day))
    same = {**fundamentals_event(as_of_date=day), "note": "the same again"}
    send(engine, tenant_id, same)
    assert rows(engine, "market_fundamentals", "market_slug, version") == [("dallas", 1)]
    send(engine, tenant_id, fundamentals_event(as_of_date=day, vacancy_rate_pct=8))
    assert rows(engine, "market_fundamentals", "market_slug, version") == [("dallas", 2)]


def test_an_older_as_of_never_replaces_the_current_row(engine: sa.Engine, tenant_id: int) -> None:
    send(engine, tenant_id, fundamentals_event(as_of_date="2024-06-30", vacancy_rate_pct=8))
    send(engine, tenant_id, fundamentals_event(as_of_date="2024-03-31", vacancy_rate_pct=9))
    with engine.connect() as connection:
        document = fundamentals_document(connection, MarketKey(tenant_id, "dallas"))
    assert document is not None
    assert (document["as_of"], document["data"]["vacancy_rate_pct"]) == ("2024-06-30", 8)


def test_what_was_sent_earlier_but_applied_later_changes_nothing(
    engine: sa.Engine, tenant_id: int
) -> None:
    def event(second: int, rate: float) -> dict[str, Any]:
        sent_at = f"2024-06-30T12:00:{second:02}Z"
        return {**fundamentals_event(vacancy_rate_pct=rate), "timestamp": sent_at}

    send(engine, tenant_id, event(2, 8))
    send(engine, tenant_id, event(1, 9))
    assert rows(engine, "market_fundamentals", "as_of_date::text, vacancy_rate_pct") == [
        ("2024-06-30", Decimal(8))
    ]


def test_comparables_are_known_by_id_or_by_address_and_day(
    engine: sa.Engine, tenant_id: int
) -> None:
    first = comps_event(comparable("a"), comparable(None), comparable("bad", building_sf=1))
    accepted = send(engine, tenant_id, first)
    event = event_row(engine, accepted.ingestion_id)
    assert (event.processed_records, [each["index"] for each in event.rejected]) == (2, [2])
    send(engine, tenant_id, comps_event(comparable("a", price_per_sf_usd=99), comparable("b")))
    assert rows(engine, "market_comps", "comp_key, price_per_sf_usd, version") == [
        ("at:1 main street|2024-05-01", Decimal("98.5"), 1),
        ("id:a", Decimal(99), 2),
        ("id:b", Decimal("98.5"), 1),
    ]
    with engine.connect() as connection:
        document = comps_document(connection, MarketKey(tenant_id, "dallas"))
    assert document is not None
    assert (document["count"], len(document["comparables"])) == (3, 3)


def test_a_batch_that_names_one_twice_keeps_the_last(engine: sa.Engine, tenant_id: int) -> None:
    send(engine, tenant_id, comps_event(comparable(1), comparable(1, price_per_sf_usd=50)))
    assert rows(engine, "market_comps", "comp_key, price_per_sf_usd") == [("id:1", Decimal(50))]


def test_an_event_that_fails_leaves_nothing_and_is_tried_again(
    engine: sa.Engine, tenant_id: int
) -> None:
    accepted = record(engine, tenant_id, comps_event(comparable(1)))

    def broken(_: sa.Engine, __: object) -> Any:
        raise TransientError("not now")

    for attempt in range(3):
        assert apply_all(engine, COMPS, handler=broken).failures == {
            accepted.ingestion_id: "not now"
        }
        event = event_row(engine, accepted.ingestion_id)
        assert event.status == ("validated" if attempt < 2 else "failed")
    assert event.error == "TransientError: not now"
    assert event.job_id is not None
    with engine.begin() as connection:
        assert jobs.requeue(connection, event.job_id, attempts=1)
    apply_all(engine, COMPS)
    event = event_row(engine, accepted.ingestion_id)
    assert (event.status, event.error) == ("applied", None)


def test_the_event_of_a_worker_that_vanished_for_good_is_failed(
    engine: sa.Engine, tenant_id: int
) -> None:
    accepted = record(engine, tenant_id, comps_event(comparable(1)))
    with engine.begin() as connection:
        connection.execute(
            sa.text(
                "UPDATE jobs SET status = 'processing', attempt = 3, "
                "lease_expires_at = now() - interval '1 second'"
            )
        )
    assert apply_all(engine, COMPS).ingestion_ids == []
    assert event_row(engine, accepted.ingestion_id).status == "failed"


def test_a_worker_that_lost_its_claim_changes_nothing(engine: sa.Engine, tenant_id: int) -> None:
    accepted = record(engine, tenant_id, comps_event(comparable(1)))

    def overtaken(engine: sa.Engine, recorded: Any) -> Any:
        from ingestion_pipeline.domains.markets.merge.handlers import merge_comps

        with engine.begin() as connection:
            connection.execute(sa.text("UPDATE jobs SET attempt = attempt + 1"))
        return merge_comps(engine, recorded)

    apply_all(engine, COMPS, handler=overtaken)
    assert rows(engine, "market_comps", "comp_key, version") == []
    assert event_row(engine, accepted.ingestion_id).status == "validated"


def test_who_read_before_an_event_stores_nothing_after_it(
    engine: sa.Engine, tenant_id: int
) -> None:
    place = place_of("fundamentals", MarketKey(tenant_id, "dallas"))
    old: dict[str, Any] = {"data": "old"}

    def cached() -> Cached:
        with engine.connect() as connection:
            return look_up(connection, [place])[0]

    def store_as_of(before: Cached) -> bool:
        with engine.begin() as connection:
            return store(connection, place, before, old)

    nothing = cached()
    send(engine, tenant_id, fundamentals_event(vacancy_rate_pct=1))
    assert not store_as_of(nothing)
    invalidated = cached()
    assert invalidated.document is None
    assert store_as_of(invalidated)
    filled = cached()
    assert filled.document == old
    send(engine, tenant_id, fundamentals_event(vacancy_rate_pct=2))
    assert not store_as_of(filled)
    assert cached().document is None


def test_losing_cache_and_metrics_fails_no_event(engine: sa.Engine, tenant_id: int) -> None:
    with engine.begin() as connection:
        connection.execute(sa.text("DROP TABLE key_value"))
        connection.execute(sa.text("DROP TABLE cache_metrics CASCADE"))
    accepted = send(engine, tenant_id, fundamentals_event())
    event = event_row(engine, accepted.ingestion_id)
    assert (event.status, event.cache_invalidated) == ("applied", [])


@pytest.mark.parametrize("number", [1000])
def test_a_thousand_comparables_are_one_event(
    engine: sa.Engine, tenant_id: int, number: int
) -> None:
    sent = comps_event(*(comparable(each) for each in range(number)))
    accepted = send(engine, tenant_id, sent)
    assert event_row(engine, accepted.ingestion_id).processed_records == number
