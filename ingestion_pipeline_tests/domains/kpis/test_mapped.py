"""Points that a mapping made, in the tables of KPIs."""

import json
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from ingestion_pipeline.domains.kpis.land import mapped as landing
from ingestion_pipeline.domains.kpis.merge.history import merge_files
from ingestion_pipeline.foundation.ledger import tenants
from ingestion_pipeline.foundation.settings import Settings
from ingestion_pipeline.foundation.storage.file_kinds import Limits
from ingestion_pipeline_tests.foundation.intake.delivering import Deliveries

MAPPING = """
source: sheet
mapping: figures
read: {format: [csv, ndjson]}
dates: ["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S%z"]
emit:
  kpi_points:
    fields:
      kpi_id: kpi
      timestamp: day
      value: amount
      unit: {is: EUR}
      metadata: {of: [note]}
"""
HEADER = "kpi,day,amount,note\n"
ROWS = "revenue,2026-05-01,12.5,a\nrevenue,2026-05-02,13,b\ncosts,2026-05-01,7,c\n"


@pytest.fixture
def sheet(engine: sa.Engine, tenant_id: int) -> Deliveries:
    return Deliveries(engine, tenant_id)


def points(engine: sa.Engine, columns: str = "kpi_id, observed_at::text, value") -> list[Any]:
    query = f"SELECT {columns} FROM kpi_points ORDER BY tenant_id, kpi_id, observed_at"
    with engine.connect() as connection:
        return list(map(tuple, connection.exec_driver_sql(query)))


def test_points_are_recorded_once_with_their_inbox_and_their_jobs(
    engine: sa.Engine, sheet: Deliveries
) -> None:
    assert sheet.bring(MAPPING, HEADER + ROWS) == {"inserted": 3}
    assert sheet.bring(MAPPING, HEADER + ROWS) == {"unchanged": 3}
    assert sheet.bring(MAPPING, HEADER + ROWS, number=1) == {"unchanged": 3}
    assert [row[2] for row in points(engine)] == [7.0, 12.5, 13.0]
    with engine.connect() as connection:
        inbox = connection.exec_driver_sql(
            "SELECT trace_id, kpi_type, data, metadata FROM kpi_updates WHERE value = 12.5"
        ).one()
        jobs = connection.exec_driver_sql(
            "SELECT trace_id, kpi_id, status FROM kpi_job_kpis ORDER BY 1"
        ).all()
    assert tuple(inbox) == (
        "history.revenue", "history", {"value": 12.5}, {"unit": "EUR", "note": "a"},
    )  # fmt: skip
    assert [tuple(row) for row in jobs] == [
        ("history.costs", "costs", "completed"), ("history.revenue", "revenue", "completed"),
    ]  # fmt: skip


def test_files_in_any_order_come_to_the_same_points(engine: sa.Engine) -> None:
    first, second, third = (HEADER + row + "\n" for row in ROWS.splitlines())
    for tenant, order in enumerate(permutations([first, second, third + ROWS]), start=100):
        for content in order:
            Deliveries(engine, tenant).bring(MAPPING, content)
    found: dict[int, list[Any]] = {}
    for tenant, *row in points(engine, "tenant_id, kpi_id, observed_at, value, trace_id"):
        found.setdefault(tenant, []).append(row)
    assert len(found) == 6
    assert all(rows == found[100] and len(rows) == 3 for rows in found.values())


def test_another_value_of_an_instant_is_a_conflict_and_the_first_is_kept(
    engine: sa.Engine, sheet: Deliveries
) -> None:
    sheet.bring(MAPPING, HEADER + "revenue,2026-05-01,12.5,a\n")
    other = HEADER + "revenue,2026-05-01,99,a\n"
    assert sheet.bring(MAPPING, other) == {"superseded": 1}
    assert sheet.bring(MAPPING, other) == {"superseded": 1}
    assert [row[2] for row in points(engine)] == [12.5]
    with engine.connect() as connection:
        conflicts = connection.exec_driver_sql("SELECT value, kept_value FROM kpi_conflicts").all()
    assert [tuple(row) for row in conflicts] == [(99.0, 12.5)]


def test_a_reading_that_an_import_told_is_the_same(
    engine: sa.Engine, sheet: Deliveries, tmp_path: Path
) -> None:
    file = tmp_path / "history.ndjson"
    told = {"kpiId": "revenue", "timestamp": "2026-05-01T00:00:00Z", "data": {"value": 12.5}}
    file.write_text(json.dumps(told))
    timeout = Settings.model_fields["kpi_job_timeout"].default
    merge_files(engine, [file], tenant="acme", limits=Limits(10**6, 100), job_timeout=timeout)
    assert sheet.bring(MAPPING, HEADER + ROWS) == {"inserted": 2, "unchanged": 1}
    with engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM kpi_updates").scalar_one() == 3


def test_points_of_many_batches_are_all_there(
    engine: sa.Engine, sheet: Deliveries, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(landing, "_AT_ONCE", 3)
    rows = "".join(f"k{kpi},2026-05-{day:02},1,\n" for day in range(20, 10, -1) for kpi in "ba")
    assert sheet.bring(MAPPING, HEADER + rows) == {"inserted": 20}
    assert sheet.bring(MAPPING, HEADER + rows) == {"unchanged": 20}


def test_numbers_as_programs_write_them_are_read_exactly(
    engine: sa.Engine, sheet: Deliveries
) -> None:
    lines = [
        '{"kpi": "small", "day": "2026-05-01", "amount": 1.5e-07, "note": ""}',
        '{"kpi": "large", "day": "2026-05-01", "amount": 2E+20, "note": ""}',
        '{"kpi": "odd", "day": "2026-05-01", "amount": 9007199254740993, "note": ""}',
    ]
    assert sheet.bring(MAPPING, "\n".join(lines)) == {"inserted": 2}
    assert [row[2] for row in points(engine)] == [2e20, 1.5e-07]
    assert sheet.refused == [
        "line 3: value must be an integer that fits a double: 9007199254740993 would become "
        "9007199254740992"
    ]


def test_a_power_of_ten_behind_a_decimal_comma_was_no_number(
    engine: sa.Engine, sheet: Deliveries
) -> None:
    mapping = MAPPING + 'numbers: {decimal: ","}\n'
    rows = 'k,2026-05-01,"1,5e-07",\nk,2026-05-02,"1.234,5",\n'
    assert sheet.bring(mapping, HEADER + rows) == {"inserted": 2}
    assert [row[2] for row in points(engine)] == [1.5e-07, 1234.5]


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("net revenue,2026-05-01,1,", "kpi_id must be 1 to 128 of"),
        (",2026-05-01,1,", "kpi_id must be 1 to 128 of"),
        ("revenue,1969-12-31,1,", "timestamp must not be before 1970-01-01"),
        ("revenue,2026-06-09,1,", "timestamp must not be more than one day in the future"),
    ],
)
def test_what_no_reading_may_be_is_refused_with_its_line_and_the_rest_goes_on(
    sheet: Deliveries, row: str, said: str
) -> None:
    assert sheet.bring(MAPPING, f"{HEADER}costs,2026-05-01,7,\n{row}\n") == {"inserted": 1}
    assert [each.startswith("line 3: ") and said in each for each in sheet.refused] == [True]


def test_a_tenant_has_no_part_in_anothers_points(engine: sa.Engine, sheet: Deliveries) -> None:
    with engine.begin() as connection:
        other = Deliveries(engine, tenants.ensure(connection, "other"), "other")
    sheet.bring(MAPPING, HEADER + ROWS)
    assert other.bring(MAPPING, HEADER + "revenue,2026-05-01,99,\n") == {"inserted": 1}
    assert len(points(engine)) == 4
