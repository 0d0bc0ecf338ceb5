"""A window, page by page: whatever the pages hold, the table ends as a dict would."""

import itertools
import math
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingestion_pipeline.domains.buildings.contract.values import judge
from ingestion_pipeline.domains.buildings.contract.windows import Counts
from ingestion_pipeline.domains.buildings.merge.checkpoint import Checkpoints
from ingestion_pipeline.domains.buildings.merge.staging import abandoned
from ingestion_pipeline.domains.buildings.merge.window import WindowResult, merge_window
from ingestion_pipeline.domains.buildings.sources.ace_iot.api import AceIot
from ingestion_pipeline.foundation.errors import ContractError
from ingestion_pipeline_tests.domains.buildings.builders import (
    HOUR,
    Record,
    Scripted,
    body,
    chained,
    rows,
    scripted,
)

POINTS = frozenset({"a", "b", "c"})
_sites = itertools.count()

_records = st.tuples(
    st.sampled_from(["a", "b", "c", "x"]),
    st.integers(-2, 5).map(lambda second: second if second > -2 else "never"),
    st.sampled_from([1.0, 2.0, "NaN", "on", None]),
)
_pages = st.lists(st.lists(_records, max_size=6), min_size=1, max_size=4)


def collect(
    engine: sa.Engine, source: AceIot, site: str = "s", *, most_pages: int = 50
) -> WindowResult:
    return merge_window(
        engine, source, site, HOUR, points=POINTS, checkpoints=Checkpoints(engine),
        most_pages=most_pages,
    )  # fmt: skip


def reference(pages: Sequence[Sequence[Record]], before: dict[Any, Any]) -> dict[Any, Any]:
    """What a dict makes of the pages: the last of a point and instant wins."""
    found = dict(before)
    for point, second, value in itertools.chain(*pages):
        if point in POINTS and second != "never" and 0 <= second < 3600:
            found[point, second] = judge(value)
    return found


def stored(engine: sa.Engine, site: str) -> dict[Any, Any]:
    query = "SELECT point_name, timestamp, value, value_text, quality FROM timeseries_raw"
    with engine.connect() as connection:
        found = connection.execute(sa.text(f"{query} WHERE site_name = :site"), {"site": site})
        return {
            (row.point_name, (row.timestamp - HOUR.start).total_seconds()): tuple(row[2:])
            for row in found
        }


@given(first=_pages, second=_pages, live=st.booleans())
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_the_table_ends_as_a_dict_would(
    engine: sa.Engine, first: list[list[Record]], second: list[list[Record]], live: bool
) -> None:
    site = f"site-{next(_sites)}"
    expected: dict[Any, Any] = {}
    for pages in (first, second, second):
        result = collect(engine, scripted(chained(pages, live=live)), site)
        before, expected = expected, reference(pages, expected)
        assert stored(engine, site) == expected
        assert_adds_up(result.counts)
    again = result.counts
    assert (again.inserted, again.updated) == (0, 0)
    assert before == expected


def assert_adds_up(counts: Counts) -> None:
    assert counts.fetched == counts.kept + counts.skipped + counts.outside + counts.rejected
    written = counts.inserted + counts.updated + counts.unchanged + counts.duplicates
    assert counts.kept == written


def test_new_rows_and_corrections_are_told_apart(engine: sa.Engine) -> None:
    old = [("a", second, 1.0) for second in range(100)]
    collect(engine, scripted(chained([old])))
    late = [("b", second, 1.0) for second in range(10)]
    corrected = [("a", second, 2.0) for second in range(5)]
    counts = collect(engine, scripted(chained([old[5:], late + corrected]))).counts
    assert (counts.inserted, counts.updated, counts.unchanged) == (10, 5, 95)
    again = collect(engine, scripted(chained([old[5:], late + corrected]))).counts
    assert (again.inserted, again.updated, again.unchanged) == (0, 0, 110)


def test_what_cannot_be_stored_is_kept_with_its_reason_once(engine: sa.Engine) -> None:
    pages = chained([[("a", "never", 1)], [("b", 0, "x\0"), ("b", 1, 1.0), ("x", "never", 1)]])
    pages[1] = pages[1].replace(b'"value": 1.0', b'"value": 1.0, "metadata": {"u": "\\u0000"}')
    for _ in range(2):
        counts = collect(engine, scripted(pages)).counts
        assert (counts.rejected, counts.kept, counts.skipped) == (3, 0, 1)
    with engine.connect() as connection:
        query = "SELECT page, reason FROM rejected_records ORDER BY rejected_id"
        found = connection.exec_driver_sql(query).all()
    assert [page for page, _ in found] == [0, 1, 1]
    assert [reason.split(":")[0] for _, reason in found] == ["time", "value", "record"]


def test_a_cursor_that_goes_in_circles_is_an_error(engine: sa.Engine) -> None:
    stuck = [body([("a", 0, 1.0)], "1"), body([("a", 1, 1.0)], "1")]
    source = Scripted(stuck)
    with pytest.raises(ContractError, match="same page again"):
        collect(engine, AceIot(source, page_size=100))
    assert len(source.asked) == 3


def test_a_cursor_that_was_repeated_once_does_no_harm(engine: sa.Engine) -> None:
    class Hiccup(Scripted):
        def get(self, path: str, **arguments: Any) -> Any:
            answer = super().get(path, **arguments)
            if len(self.asked) == 2:
                return type(answer)(200, body([("a", 1, 1.0)], "1"), {})
            return answer

        probe = get

    source = Hiccup(chained([[("a", 0, 1.0)], [("a", 1, 1.0)], [("a", 2, 1.0)]]))
    result = collect(engine, AceIot(source, page_size=100))
    assert source.asked == [None, "1", "1", "2"]
    assert len(rows(engine)) == 3
    assert (result.counts.inserted, result.counts.unchanged) == (3, 1)


def test_pages_without_end_are_an_error_that_says_so(engine: sa.Engine) -> None:
    endless = [body([("a", page / 100, 1.0)], str(page + 1)) for page in range(30)]
    with pytest.raises(ContractError, match="20 pages and no end"):
        collect(engine, scripted(endless), most_pages=20)


def test_an_empty_page_with_a_cursor_is_not_the_end(engine: sa.Engine) -> None:
    collect(engine, scripted(chained([[], [("a", 0, 1.0)], [], [("a", 1, 1.0)]])))
    assert len(rows(engine)) == 2


def test_what_fails_goes_on_with_the_page_that_was_missing(engine: sa.Engine) -> None:
    pages = chained([[("a", page, 1.0)] for page in range(10)])
    with pytest.raises(ContractError, match="unknown envelope"):
        collect(engine, scripted([*pages[:6], b"{}", *pages[7:]]))
    source = Scripted(pages)
    result = collect(engine, AceIot(source, page_size=100))
    assert result.resumed_at == 6
    assert source.asked == ["6", "7", "8", "9"]
    assert (result.counts.pages, result.counts.inserted) == (10, 10)
    assert len(rows(engine)) == 10
    assert result.missing_points == {"b", "c"}


def test_a_failed_recollection_goes_on_too(engine: sa.Engine) -> None:
    collect(engine, scripted(chained([[("a", page, 1.0) for page in range(9)]])))
    pages = chained([[("a", page, 2.0)] for page in range(10)])
    with pytest.raises(ContractError):
        collect(engine, scripted([*pages[:6], b"{}", *pages[7:]]))
    source = Scripted(pages)
    counts = collect(engine, AceIot(source, page_size=100)).counts
    assert source.asked == ["6", "7", "8", "9"]
    assert (counts.inserted, counts.updated, counts.unchanged) == (1, 9, 0)
    assert {row[2] for row in rows(engine)} == {2.0}


@pytest.mark.parametrize(
    "change", [{"page_size": 50}, {"raw": False}, {"points": frozenset({"a", "b"})}]
)
def test_a_checkpoint_is_bound_to_what_its_cursor_means(
    engine: sa.Engine, change: dict[str, Any]
) -> None:
    pages = chained([[("a", page, 1.0)] for page in range(4)])
    with pytest.raises(ContractError):
        collect(engine, scripted([*pages[:2], b"{}", *pages[3:]]))
    source = Scripted(pages)
    points = change.pop("points", POINTS)
    api = AceIot(source, **{"page_size": 100, **change})
    merge_window(
        engine, api, "s", HOUR, points=points, checkpoints=Checkpoints(engine), most_pages=9
    )
    assert source.asked[0] is None
    assert len(rows(engine)) == 4


def test_a_cursor_that_has_expired_begins_anew(engine: sa.Engine) -> None:
    pages = chained([[("a", page, 1.0)] for page in range(6)])
    with pytest.raises(ContractError):
        collect(engine, scripted([*pages[:4], b"{}", *pages[5:]]))
    fewer = Scripted(chained([[("a", page, 1.0) for page in range(6)], [("b", 0, 1.0)]]))
    result = collect(engine, AceIot(fewer, page_size=100))
    assert fewer.asked == ["4", None, "1"]
    assert result.resumed_at == 0
    assert len(rows(engine)) == 7


def test_staged_rows_that_a_server_crash_took_are_fetched_again(engine: sa.Engine) -> None:
    collect(engine, scripted(chained([[("a", 0, 1.0)]])))
    pages = chained([[("a", page, 2.0)] for page in range(6)])
    with pytest.raises(ContractError):
        collect(engine, scripted([*pages[:4], b"{}", *pages[5:]]))
    with engine.begin() as connection:
        [(staged, _)] = abandoned(connection)
        connection.exec_driver_sql(f"TRUNCATE {staged}")
    source = Scripted(pages)
    collect(engine, AceIot(source, page_size=100))
    assert source.asked[0] is None
    assert [row[2] for row in rows(engine)] == [2.0] * 6


def test_collectors_of_one_window_at_once_end_in_the_same_rows(engine: sa.Engine) -> None:
    pages = chained([[("a", page + n / 100, 1.0) for n in range(100)] for page in range(12)])
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda _: collect(engine, scripted(pages)), range(4)))
    assert sorted(result.counts.inserted for result in results) == [0, 0, 0, 1200]
    assert len(rows(engine)) == 1200


def test_nothing_is_left_behind(engine: sa.Engine) -> None:
    for value in (1.0, 2.0):
        collect(engine, scripted(chained([[("a", 0, value)], [("a", 0, value + 1)]])))
    with engine.connect() as connection:
        tables = "SELECT count(*) FROM pg_tables WHERE tablename LIKE 'timeseries\\_staging%%'"
        assert connection.exec_driver_sql(tables).scalar() == 0
        assert connection.exec_driver_sql("SELECT count(*) FROM key_value").scalar() == 0


def test_the_largest_and_smallest_numbers_survive(engine: sa.Engine) -> None:
    values = [1.7976931348623157e308, 5e-324, -0.0, 0.1 + 0.2, 123456789.123456789]
    collect(engine, scripted(chained([[("a", n, value) for n, value in enumerate(values)]])))
    found = [row[2] for row in rows(engine)]
    assert found == values
    assert math.copysign(1, found[2]) == -1
