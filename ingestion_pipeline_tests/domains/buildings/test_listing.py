"""A list that says a total is read to its end, or is an error."""

import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from ingestion_pipeline.domains.buildings.sources.ace_iot.api import AceIot
from ingestion_pipeline.domains.buildings.sources.ace_iot.envelope import read_page
from ingestion_pipeline.foundation.errors import ContractError, UpstreamRefusedError
from ingestion_pipeline.foundation.upstreams.client import Answer, Counts

ALL = frozenset({"p1", "p2", "p3", "p4"})
Pages = Callable[[Mapping[str, Any]], Any]


class Points:
    """An API whose list of points is what a function makes of the request."""

    def __init__(self, pages: Pages, headers: Pages = lambda _: {}) -> None:
        self._pages, self._headers = pages, headers
        self.asked: list[dict[str, Any]] = []

    @property
    def counts(self) -> Counts:
        return Counts(requests=len(self.asked))

    def get(
        self,
        path: str,
        *,
        params: Mapping[str, str | int] | None = None,
        accept: frozenset[int] = frozenset(),
    ) -> Answer:
        assert path.endswith("/configured_points")
        self.asked.append(dict(params or {}))
        assert len(self.asked) < 20
        found = self._pages(params or {})
        if found is None:
            raise UpstreamRefusedError("no such page", status=404, body="")
        content = found if isinstance(found, bytes) else json.dumps(found).encode()
        return Answer(200, content, self._headers(params or {}))

    probe = get

    def read(self) -> frozenset[str]:
        return AceIot(self, page_size=100).configured_points("s")


def two_a_page(asked: Mapping[str, Any], **says: Any) -> dict[str, Any]:
    page = int(asked.get("page", 1))
    items = [{"name": name} for name in sorted(ALL)[2 * page - 2 : 2 * page]]
    return {"items": items, **says}


@pytest.mark.parametrize(
    "pages",
    [
        lambda q: two_a_page(q, page=q["page"], per_page=2, total=4),
        lambda q: two_a_page(q, total="4"),
        lambda q: two_a_page(q, total_count=4.0),
        lambda q: two_a_page(q, pages=2),
        lambda q: two_a_page(q, pages="2", total=4),
        lambda q: two_a_page(q, pages=1, total=4),
        lambda q: two_a_page(q, total_pages=2),
        lambda q: two_a_page(q, has_more=q["page"] == 1),
        lambda q: two_a_page(q, next_page=2 if q["page"] == 1 else None),
        lambda q: two_a_page(q, next="/configured_points?page=2&x=1" if q["page"] == 1 else None),
        lambda q: two_a_page(q, links={"next": {"href": "?page=2"}} if q["page"] == 1 else {}),
        lambda q: two_a_page(q, pagination={"page": q["page"], "total_pages": 2}),
        lambda q: two_a_page(q, meta={"total": 4}),
        lambda q: two_a_page(q, per_page=2),
        lambda q: two_a_page(
            {"page": 2 if q.get("cursor") == "c" else 1},
            next_cursor=None if q.get("cursor") else "c",
        ),
        lambda q: two_a_page(q, per_page=2) if q["page"] < 3 else None,
        lambda q: two_a_page(q, totalElements=4),
        lambda q: two_a_page(q, total_records="4", count=2),
        lambda q: two_a_page(q, meta={"totalResults": 4}),
        lambda q: two_a_page(q, count=4),
        lambda q: two_a_page(q, last_page=2, current_page=q["page"]),
        lambda q: two_a_page(q, num_pages=2),
        lambda q: two_a_page(q, has_next_page=q["page"] == 1),
        lambda q: two_a_page(
            {"page": 2 if q.get("cursor") == "c" else 1},
            nextPageToken=None if q.get("cursor") else "c",
        ),
    ],
)
def test_half_of_the_points_were_not_collected_and_the_day_was_complete(pages: Pages) -> None:
    assert Points(pages).read() == ALL


def test_a_link_header_is_followed() -> None:
    link = '<https://x/points?page=1>; rel="prev", <https://x/points?page=2>; rel="next"'
    points = Points(lambda q: two_a_page(q), lambda q: {"link": link} if q["page"] == 1 else {})
    assert points.read() == ALL


def test_a_total_in_a_header_was_not_read() -> None:
    assert Points(two_a_page, lambda _: {"x-total-count": "4"}).read() == ALL


@pytest.mark.parametrize(
    ("pages", "said"),
    [
        (lambda _: two_a_page({"page": 1}, total=4), "came before"),
        (lambda q: two_a_page(q, count=5), "total 5, and 4 came"),
        (lambda q: two_a_page(q, total=5), "total 5, and 4 came"),
        (lambda _: {"items": [], "total": 4}, "total 4, and 0 came"),
        (lambda q: two_a_page(q, has_more=False, total=4), "total 4, and 2 came"),
        (lambda q: two_a_page(q, pages=4), "page 3 is empty and says that there is more"),
        (lambda _: two_a_page({"page": 1}, has_more=True), "came before"),
        (lambda q: two_a_page(q, pages="two"), "pages: must be a whole number, got 'two'"),
        (lambda q: two_a_page(q, total=True), "total: must be a whole number"),
        (lambda q: two_a_page(q, total=-1), "total: must be a whole number"),
        (lambda q: two_a_page(q, total="４"), "total: must be a whole number"),
        (lambda q: two_a_page(q, has_more="no"), "has_more: must be true or false"),
        (lambda q: two_a_page(q, next="/elsewhere"), "neither a page nor a cursor"),
        (lambda q: two_a_page(q, status="error", message="timeout"), "timeout"),
        (lambda _: {"items": [], "error": "internal"}, "internal"),
        (lambda _: {"items": [], "success": False}, "failed"),
        (lambda _: {"items": [{"id": 7}]}, "one has no name"),
        (lambda _: b'{"items":[{"name":"a","name":"b"}]}', "the key name twice"),
        (lambda _: b'{"items":[{"name":"a"}],"total":1,"total":2}', "total is there twice"),
        (lambda _: {"points_there": []}, "unknown envelope"),
        (lambda _: b"<html>Maintenance</html>", "web page"),
    ],
)
def test_a_list_that_is_not_all_there_is_an_error(pages: Pages, said: str) -> None:
    with pytest.raises(ContractError, match=said):
        Points(pages).read()


@pytest.mark.parametrize(
    "pages",
    [
        lambda _: [{"name": name} for name in sorted(ALL)],
        lambda _: {"points": sorted(ALL)},
        lambda _: {"items": sorted(ALL), "total": 2},  # more than it says is not too little
        lambda _: {"items": [*sorted(ALL), "p1"], "total": 5, "status": "ok"},
        lambda _: {"data": sorted(ALL), "pages": 1, "total": 4, "next_page": None},
    ],
)
def test_what_is_whole_is_asked_for_once(pages: Pages) -> None:
    points = Points(pages)
    assert points.read() == ALL
    assert len(points.asked) == 1


def test_no_points_are_no_points() -> None:
    assert Points(lambda _: {"items": [], "total": 0}).read() == frozenset()


def test_a_point_whose_name_cannot_be_stored_is_still_wanted_and_so_will_be_missed() -> None:
    content = b'{"items":[{"name":"AHU \xb0C"},{"name":"a\\u0000b"},{"name":"\\ud83d"}],"total":3}'
    assert Points(lambda _: content).read() == {"AHU \ufffdC", "a\ufffdb", "?"}


@pytest.mark.parametrize(
    ("pagination", "said"),
    [
        ({}, "neither has_more nor next_cursor"),
        ({"page": 1, "total": 1}, "neither has_more nor next_cursor"),
        ({"page": 1, "total_pages": 3}, "gives no next_cursor"),
        ({"has_more": False, "next_page": 2}, "gives no next_cursor"),
        ({"has_more": True}, "gives no next_cursor"),
        ({"has_more": False, "total": "some"}, "total: must be a whole number"),
    ],
)
def test_a_page_of_samples_that_does_not_say_that_it_is_the_last_is_refused(
    pagination: dict[str, Any], said: str
) -> None:
    with pytest.raises(ContractError, match=said):
        read_page(json.dumps({"data": [], "pagination": pagination}).encode())


@pytest.mark.parametrize(
    "says",
    [{"status": "error"}, {"status": 500}, {"status": "partial"}, {"success": False},
     {"error": "internal"}, {"errors": [{"message": "x"}]}, {"status": "Error", "ok": True}],
)  # fmt: skip
@pytest.mark.parametrize("live", [False, True])
def test_an_answer_with_200_that_says_error_is_no_empty_day(says: Any, live: bool) -> None:
    end = {"has_more": False, "next_cursor": None}
    page = {"point_samples": [], **end} if live else {"data": [], "pagination": end}
    with pytest.raises(ContractError, match="says that it failed"):
        read_page(json.dumps(page | says).encode())
    well = {"status": "success", "error": None, "errors": [], "message": "fine"}
    assert read_page(json.dumps(page | well).encode()).fetched == 0
