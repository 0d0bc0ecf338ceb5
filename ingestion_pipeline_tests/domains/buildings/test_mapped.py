"""Samples that a mapping made, in the tables of buildings."""

from itertools import permutations
from typing import Any

import pytest
import sqlalchemy as sa

from ingestion_pipeline.domains.buildings.merge.sites import add_site
from ingestion_pipeline.domains.buildings.publish.alerts import watch
from ingestion_pipeline.domains.buildings.tables import collected_windows
from ingestion_pipeline.foundation.ledger import tenants
from ingestion_pipeline_tests.foundation.intake.delivering import FIRST, Deliveries

MAPPING = """
source: meters
mapping: readings
dates: ["%Y-%m-%d %H:%M"]
zone: Europe/Berlin
emit:
  building_samples:
    fields:
      site: building
      point: meter
      timestamp: at
      value: reading
      value_text: text
      unit: unit
"""
HEADER = "building,meter,at,reading,text,unit\n"
ROWS = (
    "annex,power,2026-01-31 23:30,1.5,,kW\nannex,power,2026-02-01 01:30,2.5,,kW\n"
    "annex,state,2026-02-01 01:30,,running,\n"
)


@pytest.fixture
def meters(engine: sa.Engine, tenant_id: int) -> Deliveries:
    own(engine, "acme", "annex")
    return Deliveries(engine, tenant_id)


def own(engine: sa.Engine, tenant: str, site: str) -> None:
    with engine.begin() as connection:
        add_site(connection, tenant, site)


def rows(engine: sa.Engine, query: str) -> list[tuple[Any, ...]]:
    with engine.connect() as connection:
        return [tuple(row) for row in connection.exec_driver_sql(query)]


SAMPLES = """SELECT site_name, point_name, timestamp AT TIME ZONE 'UTC', value, value_text, quality,
    metadata FROM timeseries_raw ORDER BY 1, 2, 3"""


def test_samples_go_into_their_months_once_and_days_follow(
    engine: sa.Engine, meters: Deliveries
) -> None:
    assert meters.bring(MAPPING, HEADER + ROWS) == {"inserted": 3}
    assert meters.bring(MAPPING, HEADER + ROWS) == {"unchanged": 3}
    assert meters.bring(MAPPING, HEADER + ROWS, number=1) == {"unchanged": 3}
    found = [(row[1], str(row[2]), *row[3:]) for row in rows(engine, SAMPLES)]
    assert found == [
        ("power", "2026-01-31 22:30:00", 1.5, None, "good", {"unit": "kW"}),
        ("power", "2026-02-01 00:30:00", 2.5, None, "good", {"unit": "kW"}),
        ("state", "2026-02-01 00:30:00", None, "running", "text", None),
    ]
    days = "SELECT day::text, point_name, unit, samples, mean FROM timeseries_daily ORDER BY 1, 2"
    assert rows(engine, days) == [
        ("2026-01-31", "power", "kW", 1, 1.5), ("2026-02-01", "power", "kW", 1, 2.5),
        ("2026-02-01", "state", "", 1, None),
    ]  # fmt: skip
    assert len(rows(engine, "SELECT * FROM timeseries_hourly")) == 3


def test_a_file_of_more_months_than_a_statement_is_worked_out_for_each_time(
    engine: sa.Engine, meters: Deliveries
) -> None:
    """psycopg prepares what is sent a sixth time, and what is prepared knows no later partition."""
    lines = [f"annex,power,2019-{month:02}-15 12:00,{month},,kW\n" for month in range(1, 13)]
    assert meters.bring(MAPPING, HEADER + "".join(lines)) == {"inserted": 12}


def test_a_file_that_came_later_wins_in_whichever_order_files_are_loaded(
    engine: sa.Engine,
) -> None:
    files = {at: f"{HEADER}NAME,power,2026-02-01 01:30,{at},,kW\n" for at in (1, 2, 3)}
    files[2] += "NAME,power,2026-02-01 02:30,7,,kW\n"
    files[4] = files[3]
    for name, order in enumerate(permutations(files)):
        with engine.begin() as connection:
            its = Deliveries(engine, tenants.ensure(connection, f"t{name}"), f"t{name}")
        own(engine, f"t{name}", f"site{name}")
        for at in order:
            its.bring(MAPPING, files[at].replace("NAME", f"site{name}"), number=at)
    found: dict[str, list[Any]] = {}
    for site, *row in rows(engine, SAMPLES.replace("metadata", "metadata, collected_at")):
        found.setdefault(site, []).append(row)
    assert len(found) == 24
    assert all(each == found["site0"] for each in found.values())
    assert [row[2] for row in found["site0"]] == [3.0, 7.0]
    daily = rows(engine, "SELECT DISTINCT samples, mean, last FROM timeseries_daily")
    assert daily == [(2, 5.0, 7.0)]


def test_a_file_that_was_killed_before_its_days_were_made_leaves_them_due(
    engine: sa.Engine, meters: Deliveries
) -> None:
    meters.bring(MAPPING, HEADER + ROWS, settled=False)
    assert rows(engine, "SELECT * FROM timeseries_daily") == []
    watch(engine)  # the sensor of alerts, once a minute
    assert rows(engine, "SELECT * FROM mapped_days WHERE summed_at IS NULL") == []
    assert len(rows(engine, "SELECT * FROM timeseries_daily")) == 3


def test_a_site_is_its_tenants_only(engine: sa.Engine, meters: Deliveries) -> None:
    with engine.begin() as connection:
        other = Deliveries(engine, tenants.ensure(connection, "other"), "other")
    meters.bring(MAPPING, HEADER + ROWS)
    assert other.bring(MAPPING, HEADER + ROWS.replace("1.5", "99")) == {}
    assert other.refused == [
        f"line {line}: site is none of other's (ingestion-pipeline tenants sites add other SITE) "
        "[annex]"
        for line in (2, 3, 4)
    ]
    assert [row[3] for row in rows(engine, SAMPLES)] == [1.5, 2.5, None]


def test_a_site_that_the_collector_collects_takes_no_files(
    engine: sa.Engine, meters: Deliveries
) -> None:
    with engine.begin() as connection:
        connection.execute(
            sa.insert(collected_windows).values(
                site_name="annex", window_start=FIRST, window_end=FIRST, counts={},
                missing_points=[],
            )
        )  # fmt: skip
    assert meters.bring(MAPPING, HEADER + ROWS) == {}
    assert "is collected from the ACE IoT API" in meters.refused[0]


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (",power,2026-02-01 01:30,1,,kW", "site must not be missing"),
        ("annex, ,2026-02-01 01:30,1,,kW", "point must not be missing"),
        ("annex,power,1969-02-01 01:30,1,,kW", "timestamp must not be before 1970-01-01"),
        ("annex,power,2026-06-09 01:30,1,,kW", "timestamp must not be more than one day in the"),
        ("annex,power,2026-02-01 01:30,1,on,kW", "value_text must be missing where there is a"),
    ],
)
def test_what_no_sample_may_be_is_refused_with_its_line_and_the_rest_goes_on(
    meters: Deliveries, row: str, said: str
) -> None:
    good = "annex,power,2026-02-01 01:30,1,,kW\n"
    assert meters.bring(MAPPING, f"{HEADER}{good}{row}\n") == {"inserted": 1}
    assert [each.startswith("line 3: ") and said in each for each in meters.refused] == [True]


def test_of_an_instant_that_is_there_twice_the_last_counts(
    engine: sa.Engine, meters: Deliveries
) -> None:
    twice = "annex,power,2026-02-01 01:30,1,,kW\nannex,power,2026-02-01 01:30,1e-3,,kW\n"
    assert meters.bring(MAPPING, HEADER + twice) == {"inserted": 1, "superseded": 1}
    assert meters.bring(MAPPING, HEADER + twice) == {"unchanged": 1, "superseded": 1}
    assert [row[3] for row in rows(engine, SAMPLES)] == [0.001]
