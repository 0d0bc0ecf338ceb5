"""Events: what keeps the contract, and every fault of what does not."""

import contextlib
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestion_pipeline.domains.markets.contract.events import parse_event
from ingestion_pipeline.domains.markets.contract.fields import Fields
from ingestion_pipeline.foundation.errors import ContractError
from ingestion_pipeline_tests.domains.markets.builders import (
    comparable,
    comps_event,
    fundamentals_event,
)


def faults(body: object) -> dict[str, str]:
    with pytest.raises(ContractError) as refused:
        parse_event(body)
    return {error.field: error.message for error in refused.value.errors}


def test_fundamentals_are_read_exactly() -> None:
    event = parse_event(fundamentals_event(vacancy_rate_pct=7.25, as_of_date="2024-06-30"))
    assert event.market_slug == "dallas"
    assert event.fundamentals is not None
    assert event.fundamentals.numbers["vacancy_rate_pct"] == Decimal("7.25")
    assert event.fundamentals.as_of_date == date(2024, 6, 30)
    assert event.fundamentals.numbers["inventory_sf"] is None


@pytest.mark.parametrize(
    ("data", "field"),
    [
        ({"city": "a\0"}, "data.city"),
        ({"more": [{"a": "b"}, {"c": ["\ud800"]}]}, "data.more[1].c[0]"),
        ({"\udc00": 1}, "data.\\udc00"),
        ({"a\0b": 1}, "data.a\\x00b"),
    ],
)
def test_what_no_database_keeps_was_refused_without_its_field(
    data: dict[str, Any], field: str
) -> None:
    assert faults(fundamentals_event(**data)) == {
        field: "must not contain NUL or half a surrogate pair"
    }


def test_a_sale_of_a_day_to_come_stood_in_the_public_document() -> None:
    event = comps_event(comparable(1, sale_date="9999-12-31"), comparable(2))
    [refused] = parse_event(event).rejected
    assert "is in the future" in str(refused.as_dict())


def test_a_state_of_a_day_to_come_was_the_newest_for_ever() -> None:
    far = datetime.now(UTC).date() + timedelta(days=3)
    for day in (far.isoformat(), f"{far}T00:00:00-11:00", "9999-12-31"):
        assert faults(fundamentals_event(as_of_date=day)) == {"data.as_of_date": "is in the future"}
    parse_event(fundamentals_event(as_of_date=datetime.now(UTC).date().isoformat()))


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [
        ("vacancy_rate_pct", 0, 40),
        ("avg_asking_rent_psf_yr_nnn", 5, 150),
        ("yoy_rent_growth_pct", -20, 50),
        ("avg_cap_rate_pct", 2, 20),
    ],
)
def test_bounds_of_fundamentals_are_inclusive(name: str, low: float, high: float) -> None:
    for value in (low, high):
        parse_event(fundamentals_event(**{name: value}))
    for value in (low - 0.01, high + 0.01, None, "7", True, [7]):
        assert list(faults(fundamentals_event(**{name: value}))) == [f"data.{name}"]


def test_every_fault_is_named() -> None:
    body = {"event_type": "market.fundamentals.upsert", "data": {"vacancy_rate_pct": 41}}
    assert list(faults(body)) == [
        "source", "market_slug", "data.vacancy_rate_pct", "data.avg_asking_rent_psf_yr_nnn",
        "data.yoy_rent_growth_pct", "data.avg_cap_rate_pct",
    ]  # fmt: skip


@pytest.mark.parametrize("event_type", ["market.unknown", None, 7, ["comps.upsert"]])
def test_an_unknown_type_is_refused(event_type: object) -> None:
    assert "event_type" in faults({**fundamentals_event(), "event_type": event_type})


@pytest.mark.parametrize("slug", ["", "Dallas", "a b", "a/b", "x" * 101, 7, None, "-a", "dallas\n"])
def test_a_slug_is_what_a_path_can_hold(slug: object) -> None:
    assert list(faults({**fundamentals_event(), "market_slug": slug})) == ["market_slug"]


def test_one_bad_comparable_rejects_that_one_with_its_index() -> None:
    event = parse_event(comps_event(comparable(1), comparable(2, building_sf=1), comparable(3)))
    assert [each.comp_key for each in event.comparables] == ["id:1", "id:3"]
    assert [each.as_dict() for each in event.rejected] == [
        {
            "index": 1,
            "errors": [
                {
                    "field": "data.comparables[1].building_sf",
                    "message": "must be from 1,000 to 10,000,000",
                }
            ],
        }
    ]


def test_comparables_that_are_all_bad_are_refused() -> None:
    assert list(faults(comps_event(comparable(1, sale_date="yesterday")))) == [
        "data.comparables[0].sale_date"
    ]
    assert next(iter(faults(comps_event("no object")))) == "data.comparables[0].sale_date"


@pytest.mark.parametrize("number", [0, 1001])
def test_a_batch_has_1_to_1000_comparables(number: int) -> None:
    assert list(faults(comps_event(*[comparable(1)] * number))) == ["data.comparables"]


def test_a_comparable_without_an_id_is_known_by_address_and_day() -> None:
    one, other = comparable(None), comparable(None, address="  1 MAIN  street")
    keys = {each.comp_key for each in parse_event(comps_event(one, other)).comparables}
    assert keys == {"at:1 main street|2024-05-01"}
    assert "data.comparables[0].id" in faults(comps_event(comparable(None, address=None)))


def test_a_timestamp_is_an_instant() -> None:
    event = parse_event({**fundamentals_event(), "timestamp": "2024-05-01T12:00:00+02:00"})
    assert event.sent_at == datetime(2024, 5, 1, 10, tzinfo=UTC)
    assert "timestamp" in faults({**fundamentals_event(), "timestamp": "noon"})


def test_series_are_ids_of_fred() -> None:
    body: dict[str, Any] = {"event_type": "macro.update", "source": "cron", "data": {}}
    assert parse_event(body).series == ()
    assert parse_event({**body, "data": {"series": ["GDP", "GDP"]}}).series == ("GDP",)
    assert "data.series" in faults({**body, "data": {"series": ["../x"]}})


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@given(data=JSON, name=st.sampled_from(["data", "source", "timestamp", "market_slug"]))
def test_whatever_comes_is_an_event_or_refused(data: object, name: str) -> None:
    for body in ({**fundamentals_event(), name: data}, {**comps_event(comparable(1)), name: data}):
        with contextlib.suppress(ContractError):
            parse_event(body)


@pytest.mark.parametrize("day", ["２０２６-01-01", "2026-1-1", "2026-01-0١"])
def test_the_digits_of_a_day_are_ascii(day: str) -> None:
    fields = Fields({"day": day}, "data")
    assert fields.day("day") is None
    assert [fault.field for fault in fields.faults] == ["data.day"]


def test_an_id_that_a_spreadsheet_has_shortened_is_refused() -> None:
    fields = Fields({"id": "1.23457E+12", "other": "1E5"}, "")
    assert (fields.identity("id"), fields.identity("other")) == (None, "1E5")
    assert [fault.field for fault in fields.faults] == ["id"]
