"""The value of a reading: `value`, or the reading is refused; a neighbour is never taken for it."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestion_pipeline.domains.kpis.contract.readings import Unusable, Update, parse_readings
from ingestion_pipeline.domains.kpis.contract.values import primary_value
from ingestion_pipeline.foundation.errors import ContractError
from ingestion_pipeline_tests.domains.kpis.builders import NOW, body

FORMATTED: list[Any] = [
    "1,234.5", "€ 1.234,50", "12%", "$5", "NaN", "Infinity", "-inf", "", " ", " 12.5 ", " 1_000 ",
    "1_000", "１２", "٣.٥", "0x10", "1e", ".", "12a", True, False, [1], [], {"amount": 99.5},
    {}, "#N/A", float("nan"), float("inf"), 10**400, "1e400", str(10**309), 2**53 + 1,
    str(2**53 + 1), f"{2**53 + 1}.0", "9.007199254740993e15", "9007199254740993E+0",
    -(2**53) - 1, 2**1024, "9" * 401,
]  # fmt: skip


@pytest.mark.parametrize("value", FORMATTED, ids=repr)
def test_a_value_that_is_no_number_refuses_the_reading_whatever_stands_beside_it(
    value: Any,
) -> None:
    for beside in ({}, {"changePct": 2.1}, {"year": 2026, "n": 7}, {"text": "x"}):
        for data in ({"value": value, **beside}, {**beside, "value": value}):
            with pytest.raises(ContractError) as refused:
                parse_readings({**body(), "data": data}, tenant_id=1, now=NOW)
            assert "data.value" in {fault.field for fault in refused.value.errors}


@pytest.mark.parametrize("value", FORMATTED, ids=repr)
def test_of_several_kpis_the_one_whose_value_is_none_is_refused_alone(value: Any) -> None:
    if isinstance(value, float) or value in (10**400, 2**1024):
        return  # no JSON at all, or no double: the whole body is refused
    sent = {**body(), "kpiIds": ["good", "bad"], "data": {"good": 7, "bad": value, "n": 2.1}}
    del sent["kpiId"]
    good, bad = parse_readings(sent, tenant_id=1, now=NOW).entries
    assert isinstance(good, Update)
    assert good.value == 7.0
    assert isinstance(bad, Unusable)
    assert bad.status == "error"


@pytest.mark.parametrize(
    ("data", "value"),
    [
        ({"value": 42.5}, 42.5), ({"value": "42.5"}, 42.5), ({"value": "-1e3"}, -1000.0),
        ({"value": 0, "n": 3}, 0.0), ({"value": 2**53, "n": 3}, 2.0**53),
        ({"value": 2**60}, 2.0**60), ({"value": str(2**60)}, 2.0**60), ({"value": "+.5"}, 0.5),
        ({"price": 7}, 7.0), ({"name": "x", "n": 3}, 3.0), ({"value": None, "n": 3}, 3.0),
        ({"value": None, "price": "12.5"}, 12.5), ({"Value": 5}, 5.0), ({"Value": "5"}, 5.0),
        ({"VALUE": 5, "unit": "EUR"}, 5.0), ({"Value": None, "n": 7}, 7.0),
        ({"value": 5, "Value": "x"}, 5.0), ({"formattedValue": None, "n": 7}, 7.0),
        ({"valued_at": "2026-01-01", "n": 7}, 7.0), ({"formattedValue": "12.5"}, 12.5),
    ],
)  # fmt: skip
def test_the_value_or_else_the_only_one(data: dict[str, Any], value: float) -> None:
    assert primary_value(data) == value


@pytest.mark.parametrize(
    "data",
    [
        {}, {"text": "x"}, {"a": 1, "b": 2}, {"value": None}, {"value": None, "a": 1, "b": 2},
        {"a": None}, {"a": True}, {"Value": 5, "n": 7}, {"Value": "1,234.5", "n": 7},
        {"VALUE": "5", "n": 7}, {" value ": "12%", "n": 7}, {"id": 2**53 + 1, "text": "x"},
        {"formattedValue": "1,234.5", "changePct": 2.1}, {"value_text": "12%", "n": 7},
        {"display value": "€ 1.234,50", "year": 2026}, {"ValueFormatted": [5], "n": 7},
    ],
)  # fmt: skip
def test_where_there_is_no_value_to_be_sure_of_it_is_refused(data: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"^must "):
        primary_value(data)


@given(
    st.integers() | st.integers(2**52, 2**55) | st.integers(-(2**55), -(2**52)),
    st.booleans(),
)
def test_an_integer_is_stored_exactly_or_refused(integer: int, as_text: bool) -> None:
    value: Any = str(integer) if as_text else integer
    try:
        stored = primary_value({"value": value, "n": 1})
    except ValueError:
        with pytest.raises((AssertionError, OverflowError)):
            assert float(integer) == integer
    else:
        assert int(stored) == integer
