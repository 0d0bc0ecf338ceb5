"""Quality: late, out of order, jumping, conflicting; the same grades whenever it is graded."""

import random
import statistics
from datetime import timedelta

import numpy as np
import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from ingestion_pipeline.domains.kpis.merge.grade import merge_points
from ingestion_pipeline.domains.kpis.merge.quality import LIMIT, jumps, quality
from ingestion_pipeline.domains.kpis.publish.packages import read_package
from ingestion_pipeline.foundation.unusual.local import FEWEST, WINDOW
from ingestion_pipeline_tests.domains.kpis.builders import (
    DAY,
    LATE,
    NOW,
    execute,
    rows,
    send,
    series,
    update,
)

CALM = [100.0, 101.0, 99.0, 100.5, 99.5] * 4


@pytest.mark.parametrize(
    ("untimely", "jump", "conflicting", "expected"),
    [
        (False, False, False, "high"), (True, False, False, "medium"),
        (False, True, False, "medium"), (True, True, False, "low"), (False, False, True, "low"),
    ],
)  # fmt: skip
def test_two_faults_are_worse_than_one(
    untimely: bool, jump: bool, conflicting: bool, expected: str
) -> None:
    assert quality(untimely=untimely, jump=jump, conflicting=conflicting) == expected


def jump_flags(values: list[float], in_order: list[bool] | None = None) -> list[bool]:
    order = [True] * len(values) if in_order is None else in_order
    return list(jumps(np.array(values, dtype=float), np.array(order, dtype=bool), start=0))


def test_a_jump_is_far_from_the_middle_of_those_before_it() -> None:
    assert jump_flags([*CALM, 110.0])[-1]
    assert not jump_flags([*CALM, 103.0])[-1]


def test_the_first_few_are_never_jumps() -> None:
    assert not any(jump_flags([1.0, 1e9, -1e9, 5.0] * 2))


def test_where_nothing_moved_any_difference_is_a_jump() -> None:
    assert jump_flags([5.0] * 10 + [5.0, 5.1])[-2:] == [False, True]


def test_where_most_are_equal_the_mean_deviation_counts() -> None:
    values = [5.0] * 10 + [6.0, 4.0]
    assert not jump_flags([*values, 5.5])[-1]
    assert jump_flags([*values, 9.0])[-1]


def test_readings_out_of_order_are_no_measure() -> None:
    values, order = [*CALM, *([500.0] * 40), 100.0], [True] * 20 + [False] * 40 + [True]
    assert not jump_flags(values, order)[-1]


def test_the_largest_doubles_do_not_break_it() -> None:
    extreme = [1.7e308, -1.7e308] * 10
    assert len(jump_flags(extreme)) == 20


@given(st.lists(st.tuples(st.floats(-1e6, 1e6), st.booleans()), max_size=150))
def test_it_agrees_with_the_definition(readings: list[tuple[float, bool]]) -> None:
    """One reading after the other, with nothing but the standard library."""
    baseline: list[float] = []
    expected = []
    for value, in_order in readings:
        window = baseline[-WINDOW:]
        far = False
        if len(window) >= FEWEST:
            middle = statistics.median(window)
            deviations = [abs(each - middle) for each in window]
            scale = 1.4826 * statistics.median(deviations)
            scale = scale or 1.2533 * float(np.mean(deviations))
            far = abs(value - middle) > LIMIT * scale
        expected.append(far)
        if in_order:
            baseline.append(value)
    values, order = [each[0] for each in readings], [each[1] for each in readings]
    assert jump_flags(values, order) == expected


def qualities(engine: sa.Engine) -> list[str]:
    return [row[0] for row in rows(engine, "SELECT quality FROM kpi_points ORDER BY observed_at")]


def test_grades_are_the_same_in_one_go_in_steps_and_again(engine: sa.Engine) -> None:
    chance = random.Random(5)
    sent = series([chance.gauss(100, 1) * (3 if n % 29 == 28 else 1) for n in range(100)])
    late = [sent.pop(50), sent.pop(70)]
    for start in range(0, 98, 14):
        send(engine, *sent[start : start + 14])
        merge_points(engine, DAY, late=LATE, limit=7)
    send(engine, *late)
    merge_points(engine, DAY, late=LATE, limit=7)
    in_steps = qualities(engine)
    assert set(in_steps) == {"high", "medium"}
    merge_points(engine, DAY, late=LATE, limit=1000, again=True)
    assert qualities(engine) == in_steps


def test_a_package_shows_the_quality_that_its_point_is_going_to_have(engine: sa.Engine) -> None:
    send(engine, *series(CALM, trace="t"))
    send(engine, update(at=NOW + timedelta(hours=1), value=1e6, trace="jump"))
    send(engine, update(at=NOW + timedelta(hours=1), value=2e6, trace="other"))

    def shown(trace: str) -> str:
        with engine.begin() as connection:
            package = read_package(
                connection, tenant_id=1, trace_id=trace, kpi_id="btc-price", late=LATE
            )
        assert package is not None
        return str(package["metadata"]["quality"])

    before = shown("jump")
    merge_points(engine, DAY, late=LATE, limit=100)
    assert shown("jump") == before == "low"


def test_late_is_what_came_long_after_its_instant(engine: sa.Engine) -> None:
    send(engine, update())
    execute(engine, "UPDATE kpi_points SET received_at = observed_at + interval '2 hours'")
    merge_points(engine, DAY, late=timedelta(hours=3), limit=100)
    assert qualities(engine) == ["high"]
    merge_points(engine, DAY, late=timedelta(hours=1), limit=100, again=True)
    assert qualities(engine) == ["medium"]
