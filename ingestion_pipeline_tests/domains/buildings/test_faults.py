"""Every fault of the API: the same rows in the end, or a clear error; never a hidden hole."""

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from ingestion_pipeline.domains.buildings.contract.windows import Window, day_of
from ingestion_pipeline.domains.buildings.merge.day import DayResult, Options, merge_day
from ingestion_pipeline.foundation.errors import (
    ContractError,
    PermanentError,
    UpstreamRefusedError,
    UpstreamUnavailableError,
)
from ingestion_pipeline.foundation.sandbox.ace_iot.data import Damage
from ingestion_pipeline_tests.domains.buildings.builders import DAY, SITE, START, ace, rows, truth
from ingestion_pipeline_tests.foundation.sandbox.running import RunningSandbox

PAGES = "timeseries/paginated"
WHOLE = Options(window=timedelta(days=1))
MORNING = Window(START, START + timedelta(hours=3))


def collect(
    engine: sa.Engine, sandbox: RunningSandbox, *, live: bool = True, **arguments: Any
) -> DayResult:
    """Three hours of the day, each of them three pages."""
    page_size = 500 if live else 450
    with ace(engine, sandbox, live=live, page_size=page_size, **arguments) as source:
        return merge_day(engine, source, SITE, DAY, now=MORNING.end)


@pytest.fixture
def morning(sandbox: RunningSandbox) -> list[Any]:
    return truth(sandbox, MORNING)


@pytest.mark.parametrize(
    ("live", "fault", "argument"),
    [
        (True, "rate_limited", "1"),
        (False, "rate_limited", "date"),
        (True, "rate_limited_without_header", None),
        (True, "server_error", "500"),
        (False, "server_error", "503"),
        (False, "slow", "0.5"),
        (True, "slow", "4"),
        (True, "broken_body", None),
        (False, "broken_body", None),
        (True, "wrong_json", None),
        (True, "repeated_cursor", None),
        (False, "repeated_cursor", None),
        (True, "empty_page_with_cursor", None),
        (False, "empty_page_with_cursor", None),
        (False, "points_cut", "3"),
        (True, "duplicate_rows", "20"),
        (False, "duplicate_rows", "20"),
    ],
)
def test_a_fault_that_passes_costs_no_row(
    engine: sa.Engine, sandbox: RunningSandbox, morning: list[Any], live: bool, fault: str,
    argument: str | None,
) -> None:  # fmt: skip
    once: dict[str, Any] = {"times": 1, "path": PAGES} if fault != "points_cut" else {}
    with sandbox.fault(fault, argument, **once):
        result = collect(engine, sandbox, live=live)
    assert rows(engine) == morning
    assert not result.missing_points
    assert (result.counts.inserted, result.counts.updated) == (len(morning), 0)


@pytest.mark.parametrize(
    ("fault", "argument", "error"),
    [
        ("server_error", "503", UpstreamUnavailableError),
        ("server_error", "400", UpstreamRefusedError),
        ("broken_body", None, UpstreamUnavailableError),
        ("wrong_json", None, ContractError),
        ("unknown_envelope", None, ContractError),
        ("status_error", None, ContractError),
        ("web_page", None, ContractError),
        ("repeated_cursor", None, ContractError),
        ("empty_page_with_cursor", None, ContractError),
    ],
)
def test_a_fault_that_stays_is_a_clear_error_and_afterwards_no_row_is_missing(
    engine: sa.Engine, sandbox: RunningSandbox, morning: list[Any], fault: str,
    argument: str | None, error: type[Exception],
) -> None:  # fmt: skip
    with sandbox.fault(fault, argument, path=PAGES), pytest.raises(error):
        collect(engine, sandbox)
    with engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM collected_days").scalar() == 0
    collect(engine, sandbox)
    assert rows(engine) == morning


def test_an_unknown_envelope_names_the_keys_that_it_has(
    engine: sa.Engine, sandbox: RunningSandbox
) -> None:
    with (
        sandbox.fault("unknown_envelope", path=PAGES),
        pytest.raises(ContractError, match="keys more, results"),
    ):
        collect(engine, sandbox)


@pytest.mark.parametrize("live", [True, False])
def test_a_wrong_key_fails_fast(engine: sa.Engine, sandbox: RunningSandbox, live: bool) -> None:
    with pytest.raises(PermanentError):
        collect(engine, sandbox, live=live, key="wrong")
    assert sum(sandbox.counts().values()) <= 2


@pytest.mark.parametrize("live", [True, False])
def test_null_nan_and_texts_are_kept_for_what_they_are(
    engine: sa.Engine, sandbox: RunningSandbox, live: bool
) -> None:
    with sandbox.fault("odd_values", path=PAGES):
        collect(engine, sandbox, live=live)
    found = rows(engine)
    assert found == truth(sandbox, MORNING, damage=Damage(odd=True))
    assert {row[3] for row in found if row[2] is None} == {None, "NaN", "active", "Infinity"}


def test_late_rows_come_with_the_next_collection(
    engine: sa.Engine, sandbox: RunningSandbox, morning: list[Any]
) -> None:
    with sandbox.fault("late_rows", path=PAGES):
        first = collect(engine, sandbox)
    assert 0 < first.counts.inserted < len(morning)
    second = collect(engine, sandbox)
    assert second.counts.inserted == len(morning) - first.counts.inserted
    assert second.counts.updated == 0
    assert rows(engine) == morning


def test_corrections_are_updates(
    engine: sa.Engine, sandbox: RunningSandbox, morning: list[Any]
) -> None:
    collect(engine, sandbox)
    with sandbox.fault("corrected_rows", path=PAGES):
        result = collect(engine, sandbox)
    corrected = truth(sandbox, MORNING, damage=Damage(corrected=True))
    differing = sum(a != b for a, b in zip(corrected, morning, strict=True))
    assert (result.counts.inserted, result.counts.updated) == (0, differing)
    assert rows(engine) == corrected


def test_a_point_that_is_missing_is_named(engine: sa.Engine, sandbox: RunningSandbox) -> None:
    point = sandbox.data.configured_points(SITE)[3]
    with sandbox.fault("missing_point", point, path=PAGES):
        assert collect(engine, sandbox).missing_points == (point,)


@pytest.mark.parametrize(("live", "nothing"), [(True, "404"), (True, "empty"), (False, "empty")])
def test_a_window_without_data_is_empty_and_all_points_are_missing(
    engine: sa.Engine, sandbox: RunningSandbox, live: bool, nothing: str
) -> None:
    with sandbox.fault("no_data", nothing, path=PAGES):
        result = collect(engine, sandbox, live=live)
    assert result.counts.fetched == 0
    assert result.missing_points == tuple(sorted(sandbox.data.configured_points(SITE)))


@pytest.mark.parametrize("live", [True, False])
def test_a_site_that_is_not_there_is_no_site_without_data(
    engine: sa.Engine, sandbox: RunningSandbox, live: bool
) -> None:
    options = Options(points=frozenset({"a"}), weather=False)
    with (
        ace(engine, sandbox, live=live, page_size=5000) as source,
        pytest.raises(UpstreamRefusedError),
    ):
        merge_day(engine, source, "nowhere", DAY, options=options)
    with engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM collected_days").scalar() == 0


def test_the_year_ends_and_begins_without_a_gap(engine: sa.Engine, sandbox: RunningSandbox) -> None:
    with ace(engine, sandbox, page_size=50_000) as source:
        for day in ("2024-12-31", "2025-01-01"):
            merge_day(engine, source, SITE, type(DAY).fromisoformat(day), options=WHOLE)
    first, last = day_of(type(DAY)(2024, 12, 31)), day_of(type(DAY)(2025, 1, 1))
    assert rows(engine) == truth(sandbox, Window(first.start, last.end))
