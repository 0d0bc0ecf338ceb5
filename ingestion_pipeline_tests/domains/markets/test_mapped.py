"""Observations that a mapping made, in the tables of markets."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise, permutations
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from ingestion_pipeline.domains.markets.contract.mapped import Row, Told, after
from ingestion_pipeline.domains.markets.offenders import not_fetched, overlapping
from ingestion_pipeline.domains.markets.publish.macro import macro_as_of, newest_day
from ingestion_pipeline.foundation.ledger import tenants
from ingestion_pipeline_tests.foundation.intake.delivering import Deliveries
from ingestion_pipeline_tests.foundation.storage.test_roles import reading_as

MAPPING = """
source: ecb
mapping: rates
emit:
  macro_observations:
    fields:
      series: key
      date: period
      value: rate
      {more}
"""
PLAIN = MAPPING.format(more="")
VINTAGES = MAPPING.format(more="realtime_start: known_since")
HEADER = "key,period,rate\n"
DAY = date(2026, 6, 1)  # on which the first file comes
LATER = 24  # files: each comes an hour after the one before


@pytest.fixture
def ecb(engine: sa.Engine, tenant_id: int) -> Deliveries:
    return Deliveries(engine, tenant_id)


def known(engine: sa.Engine, series: str = "acme/ecb/EXR") -> list[tuple[Any, ...]]:
    query = sa.text("""
        SELECT date::text, value::text, realtime_start::text, realtime_end::text
        FROM macro_observations WHERE series_id = :series ORDER BY 1, 3
    """)
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(query, {"series": series})]


def test_a_file_that_tells_the_same_again_is_no_news(engine: sa.Engine, ecb: Deliveries) -> None:
    file = HEADER + "EXR,2026-04-01,1.08\nEXR,2026-05-01,1.09\nEXR,2026-06-01,\n"
    assert ecb.bring(PLAIN, file) == {"inserted": 3}
    assert ecb.bring(PLAIN, file) == {"unchanged": 3}
    assert ecb.bring(PLAIN, file, number=1 + LATER) == {"unchanged": 3}
    assert known(engine) == [
        ("2026-04-01", "1.08", "2026-06-01", "9999-12-31"),
        ("2026-05-01", "1.09", "2026-06-01", "9999-12-31"),
        ("2026-06-01", None, "2026-06-01", "9999-12-31"),
    ]


def test_what_a_shorter_or_an_empty_file_leaves_out_stays_known(
    engine: sa.Engine, ecb: Deliveries
) -> None:
    ecb.bring(PLAIN, HEADER + "EXR,2026-04-01,1.08\nEXR,2026-05-01,1.09\n")
    before = known(engine)
    assert ecb.bring(PLAIN, HEADER, number=1 + LATER) == {}
    shorter = HEADER + "EXR,2026-05-01,1.09\n"
    assert ecb.bring(PLAIN, shorter, number=2 + LATER) == {"unchanged": 1}
    assert known(engine) == before


def test_a_revision_ends_what_was_known_on_the_day_on_which_its_file_came(
    engine: sa.Engine, ecb: Deliveries
) -> None:
    ecb.bring(PLAIN, HEADER + "EXR,2026-05-01,1.09\n", number=1)
    revised = HEADER + "EXR,2026-05-01,1.10\n"
    assert ecb.bring(PLAIN, revised, number=1 + LATER) == {"inserted": 1}
    assert known(engine) == [
        ("2026-05-01", "1.09", "2026-06-01", "2026-06-01"),
        ("2026-05-01", "1.10", "2026-06-02", "9999-12-31"),
    ]
    with engine.connect() as connection:
        then = macro_as_of(connection, "acme/ecb/EXR", DAY)
        assert [str(each.value) for each in then] == ["1.09"]
        assert connection.execute(overlapping()).all() == []
        assert connection.execute(not_fetched()).all() == []  # files come when somebody has one
        assert newest_day(connection) is None  # of FRED


def test_files_that_are_loaded_in_any_order_come_to_what_is_known(engine: sa.Engine) -> None:
    files = {
        1: HEADER + "EXR,2026-05-01,1\n",
        2: HEADER + "EXR,2026-05-01,2\nEXR,2026-05-02,5\n",
        2 + LATER: HEADER + "EXR,2026-05-01,2\nEXR,2026-05-02,6\n",
        2 + 2 * LATER: HEADER + "EXR,2026-05-01,3\nEXR,2026-05-03,7\n",
    }
    found = []
    for number, order in enumerate(permutations(files)):
        with engine.begin() as connection:
            name = f"t{number}"
            its = Deliveries(engine, tenants.ensure(connection, name), name)
        for at in order:
            its.bring(PLAIN, files[at], number=at)
        found.append(known(engine, f"{name}/ecb/EXR"))
    assert len(found) == 24
    assert all(each == found[0] for each in found)
    assert [row[:3] for row in found[0]] == [
        ("2026-05-01", "2", "2026-06-01"), ("2026-05-01", "3", "2026-06-03"),
        ("2026-05-02", "5", "2026-06-01"), ("2026-05-02", "6", "2026-06-02"),
        ("2026-05-03", "7", "2026-06-03"),
    ]  # fmt: skip


def test_vintages_that_a_file_names_are_kept_as_it_names_them(
    engine: sa.Engine, ecb: Deliveries
) -> None:
    header = "key,period,rate,known_since\n"
    file = header + "GDP,2025-01-01,1.0,2025-04-30\nGDP,2025-01-01,1.2,2025-05-30\n"
    assert ecb.bring(VINTAGES, file) == {"inserted": 2}
    assert ecb.bring(VINTAGES, file) == {"unchanged": 2}
    only_the_first = header + "GDP,2025-01-01,1.0,2025-04-30\n"
    assert ecb.bring(VINTAGES, only_the_first, number=1 + LATER) == {"unchanged": 1}
    assert [row[1:] for row in known(engine, "acme/ecb/GDP")] == [
        ("1.0", "2025-04-30", "2025-05-29"), ("1.2", "2025-05-30", "9999-12-31"),
    ]  # fmt: skip


def test_a_tenants_series_is_neither_freds_nor_anothers(engine: sa.Engine, ecb: Deliveries) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql(
            "INSERT INTO macro_observations VALUES "
            "('GDP', '2026-04-01', '2026-05-01', '9999-12-31', 1)"
        )
        other = Deliveries(engine, tenants.ensure(connection, "other"), "other")
    ecb.bring(PLAIN, HEADER + "GDP,2026-04-01,99\n")
    other.bring(PLAIN, HEADER + "GDP,2026-04-01,7\n")
    values = [known(engine, each)[0][1] for each in ("GDP", "acme/ecb/GDP", "other/ecb/GDP")]
    assert values == ["1", "99", "7"]
    with reading_as(engine, "acme") as connection:
        for table in ("macro_observations", "macro_series"):
            mine = connection.exec_driver_sql(f"SELECT series_id FROM {table}").scalars()
            assert set(mine) - {"GDP"} == {"acme/ecb/GDP"}
        seen = connection.exec_driver_sql("SELECT count(*) FROM macro_observations")
        assert seen.scalar_one() == 2


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (",2026-05-01,1,", "series must not be missing"),
        ("EXR,2026-05-01 02:00:00+0200,1,", None),
        ("EXR,2026-05-01 00:00:00+0200,1,", "date must be a day without a time"),
        ("EXR,1600-05-01,1,", "date must not be before 1776-07-04"),
        ("EXR,2026-05-01,1,2026-06-09", "realtime_start must not be in the future"),
    ],
)
def test_what_no_observation_may_be_is_refused_with_its_line(
    ecb: Deliveries, row: str, said: str | None
) -> None:
    ecb.bring(VINTAGES, f"key,period,rate,known_since\n{row}\n")
    assert [each.startswith(f"line 2: {said}") for each in ecb.refused] == [True] * bool(said)


@given(
    st.lists(
        st.tuples(st.integers(0, 9), st.sampled_from("123"), st.booleans()), max_size=8
    )
)  # fmt: skip
def test_of_a_date_one_vintage_counts_on_every_day_and_no_day_is_lost(
    tellings: list[tuple[int, str, bool]],
) -> None:
    rows: list[Row] = []
    for number, (day, value, names_it) in enumerate(tellings):
        came_at = datetime(2026, 6, 1 + day, number % 24, tzinfo=UTC)
        known_as = None if value == "3" else Decimal(value)
        told = Told("s", DAY, known_as, came_at.date() if names_it else None)
        first = min([row.start for row in rows], default=came_at.date())
        rows, _ = after(rows, told, came_at=came_at)
        again, fate = after(rows, told, came_at=came_at)
        assert (again, fate in ("unchanged", "superseded")) == (rows, True)
        assert all(one.end + timedelta(days=1) == two.start for one, two in pairwise(rows))
        assert all(row.start <= row.end for row in rows)
        assert rows[-1].end == date.max
        assert rows[0].start <= first
