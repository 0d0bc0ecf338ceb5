"""A query that is declared as what must not be is a check of its asset; no other is one."""

from importlib import import_module
from types import FunctionType, ModuleType

import dagster as dg
import pytest
import sqlalchemy as sa

from ingestion_pipeline.foundation.watch.offenders import Offenders, must_not_be, must_not_be_of
from ingestion_pipeline.orchestration.checks import checks_of
from ingestion_pipeline.orchestration.resources import Database, database_at
from ingestion_pipeline.orchestration.wing import Wing

WING = Wing("weather")


def numbers(first: int, last: int) -> sa.Select[tuple[int]]:
    return sa.select(sa.func.generate_series(first, last).label("number"))


@must_not_be("rain:measured", "Rain is measured.")
def unmeasured() -> sa.Select[tuple[int]]:
    return numbers(1, 30)


@must_not_be("rain:plausible", "Rain is water.", warning=True)
def implausible() -> sa.Select[tuple[int]]:
    return numbers(1, 1)


@must_not_be("snow:white", "Snow is white.")
def colored() -> sa.Select[tuple[int]]:
    return numbers(1, 0)


@must_not_be_of([1, 2], "hail:below_{0}", "No hail is as large as {0}.")
def as_large_as(size: int) -> sa.Select[tuple[int]]:
    return numbers(size, 1)


@pytest.fixture
def checks() -> dict[str, dg.AssetChecksDefinition]:
    offenders = ModuleType("offenders")
    vars(offenders).update(
        unmeasured=unmeasured,
        implausible=implausible,
        colored=colored,
        as_large_as=as_large_as,
        numbers=numbers,
    )
    return {
        key.to_user_string(): each
        for each in checks_of(WING, offenders)
        for key in each.check_keys
    }  # fmt: skip


def test_each_declared_query_is_a_check_and_says_what_holds(
    checks: dict[str, dg.AssetChecksDefinition],
) -> None:
    said = {name: spec.description for name, each in checks.items() for spec in each.check_specs}
    assert said == {
        "weather/rain:measured": "Rain is measured.",
        "weather/rain:plausible": "Rain is water.",
        "weather/snow:white": "Snow is white.",
        "weather/hail:below_1": "No hail is as large as 1.",
        "weather/hail:below_2": "No hail is as large as 2.",
    }


def test_what_is_found_is_counted_and_some_of_it_is_shown(
    checks: dict[str, dg.AssetChecksDefinition], database_url: str
) -> None:
    database: Database = database_at(database_url)
    measured, plausible, white, below_1, below_2 = (
        check(database=database) for check in checks.values()
    )
    assert not measured.passed
    assert measured.severity == dg.AssetCheckSeverity.ERROR
    assert measured.metadata["offenders"].value == 30
    shown = measured.metadata["examples"].value.records
    assert [row.data["number"] for row in shown] == [str(each) for each in range(1, 21)]
    assert not plausible.passed
    assert plausible.severity == dg.AssetCheckSeverity.WARN
    assert white.passed
    assert "examples" not in white.metadata
    assert (below_1.passed, below_2.passed) == (False, True)


def test_a_check_whose_asset_is_not_said_is_refused_where_definitions_load() -> None:
    offenders = ModuleType("offenders")
    vars(offenders)["nameless"] = Offenders("measured", "Rain is measured.", unmeasured)
    with pytest.raises(ValueError, match="not enough values"):
        checks_of(WING, offenders)


@pytest.mark.parametrize("wing", ["book_sales", "buildings", "commerce", "kpis", "markets"])
def test_a_query_for_offenders_that_is_no_check_would_never_be_asked(wing: str) -> None:
    offenders = import_module(f"ingestion_pipeline.domains.{wing}.offenders")
    counted = [
        query for each in vars(offenders).values() if isinstance(each, Offenders)
        for query in each.left_out.values()
    ]  # fmt: skip
    undeclared = [
        name for name, each in vars(offenders).items()
        if isinstance(each, FunctionType) and each.__module__ == offenders.__name__
        and not name.startswith("_") and not each.__code__.co_kwonlyargcount  # made by checks.py
        and each not in counted
    ]  # fmt: skip
    assert undeclared == []
