"""Both dialects are read; what is neither is an error that names what it found."""

import json
from typing import Any

import pytest

from ingestion_pipeline.domains.buildings.sources.ace_iot.envelope import NotJsonError, read_page
from ingestion_pipeline.foundation.errors import ContractError
from ingestion_pipeline_tests.domains.buildings.builders import body


@pytest.mark.parametrize("live", [True, False])
def test_a_page_of_either_dialect(live: bool) -> None:
    page = read_page(body([("a", 0, "1.5"), ("b", 1, None)], "next", live=live))
    assert page.dialect == ("live" if live else "documented")
    assert [(record.name, record.value) for record in page.records] == [("a", "1.5"), ("b", None)]
    assert page.next_cursor == "next"
    assert page.fetched == 2


@pytest.mark.parametrize("live", [True, False])
def test_the_last_page_has_no_cursor_even_when_it_gives_one(live: bool) -> None:
    page = json.loads(body([], "stale", live=live))
    page.get("pagination", page)["has_more"] = False
    assert read_page(json.dumps(page).encode()).next_cursor is None


@pytest.mark.parametrize(
    ("envelope", "named"),
    [
        ({"results": [], "more": False}, "more, results"),
        ({}, "none"),
        ([], "list"),
        (None, "NoneType"),
        ("x", "str"),
        ({"data": [], "point_samples": [], "pagination": {}}, "data, pagination, point_samples"),
        ({"data": {"a": 1}, "pagination": {}}, "data, pagination"),
        ({"point_samples": None}, "point_samples"),
    ],
)
def test_307_days_are_not_marked_complete_for_a_missing_key(envelope: Any, named: str) -> None:
    with pytest.raises(ContractError, match=f"unknown envelope: keys {named};"):
        read_page(json.dumps(envelope).encode())


@pytest.mark.parametrize("content", [b"", b"<html>", b'{"data": [{"point', b"\xff\xfe"])
def test_what_is_not_json_is_said_so(content: bytes) -> None:
    with pytest.raises(NotJsonError):
        read_page(content)


def test_a_page_that_has_more_and_says_not_where_is_refused() -> None:
    page = {"point_samples": [], "has_more": True, "next_cursor": None}
    with pytest.raises(ContractError, match="next_cursor"):
        read_page(json.dumps(page).encode())
    with pytest.raises(ContractError, match="pagination"):
        read_page(b'{"data": []}')


def test_a_record_that_does_not_fit_costs_itself_only() -> None:
    bad: list[Any] = [7, {"time": "x"}, {"name": 5, "time": "x"}, {"name": "a"}, None]
    bad += [{"name": "a", "time": "2024-01-01", "value": {"x": 1}}]
    good = {"name": "a", "time": "2024-01-01", "value": "1"}
    page = read_page(json.dumps({"point_samples": [*bad, good], "has_more": False}).encode())
    assert [record.name for record in page.records] == ["a"]
    assert len(page.unusable) == len(bad)
    assert all(each.reason.startswith("record: ") for each in page.unusable)
    assert page.fetched == len(bad) + 1


def test_bare_nan_as_python_writes_it_is_read() -> None:
    content = body([("a", 0, float("nan")), ("a", 1, float("-inf")), ("a", 2, 1)], None)
    assert b"NaN" in content
    assert [record.value for record in read_page(content).records] == ["NaN", "-Infinity", 1.0]
