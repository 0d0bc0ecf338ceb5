"""What became of readings is counted in the transaction that records them: none unexplained."""

import json
from typing import Any

import pytest

from ingestion_pipeline.domains.kpis.land.readings import land_readings
from ingestion_pipeline_tests.domains.kpis.builders import JOB_TIMEOUT, body, rows, send, update
from ingestion_pipeline_tests.gateway.running import RunningGateway, Sender

PATH = "/api/kpi-data"
_SUMS = """
    SELECT sum(sent), sum(stored), sum(known), sum(corrected), sum(conflicts), sum(refused)
    FROM kpi_receipts WHERE tenant_id = :tenant_id
"""


def sums(gateway: RunningGateway, sender: Sender) -> tuple[int, ...]:
    [found] = rows(gateway.engine, _SUMS, tenant_id=sender.tenant_id)
    return tuple(int(each or 0) for each in found)


def test_a_reading_that_came_again_left_no_trace(sender: Sender, gateway: RunningGateway) -> None:
    sender.http.post(PATH, json=body())
    sender.http.post(PATH, json=body())
    sender.http.post(PATH, json=body(value=43))
    sender.http.post(PATH, json=body(value=43, correct=True))
    assert sums(gateway, sender) == (4, 1, 1, 1, 1, 0)


@pytest.mark.parametrize(
    ("content", "refused"),
    [
        (json.dumps(body(value="twelve")), 1),
        ("no JSON", 1),
        (json.dumps([body(value=None), body(kpi="other"), {"kpiId": "x"}]), 2),
        (json.dumps({**body(kpi=None), "kpiIds": ["a", "b"], "data": {"a": 1}}), 1),
        (json.dumps({**body(kpi=None), "kpiIds": ["a", "b"], "data": {"c": 1}}), 2),
        ("[]", 1),
    ],
    ids=["value", "no JSON", "two of three", "a KPI without value", "none with a value", "empty"],
)
def test_a_refused_reading_was_answered_and_forgotten(
    sender: Sender, gateway: RunningGateway, content: str, refused: int
) -> None:
    sender.http.post(PATH, content=content)
    sent, stored, *_, counted = sums(gateway, sender)
    assert (counted, sent) == (refused, stored + refused)
    query = "SELECT refusals FROM kpi_receipts WHERE tenant_id = :tenant_id AND refused > 0"
    [[reasons]] = rows(gateway.engine, query, tenant_id=sender.tenant_id)
    assert reasons
    assert all(each["at"] and each["field"] and each["rule"] for each in reasons)


def test_who_has_no_valid_key_is_counted_nowhere(sender: Sender, gateway: RunningGateway) -> None:
    answered = sender.http.post(PATH, json=body(value="x"), headers={"X-API-Key": "wrong"})
    assert answered.status_code == 401
    assert sums(gateway, sender) == (0,) * 6


def test_of_many_refused_the_first_are_kept_and_all_are_counted(
    sender: Sender, gateway: RunningGateway
) -> None:
    wrong: list[Any] = [{"kpiId": "x" * 400, "\0": n} for n in range(300)]
    sender.http.post(PATH, json=wrong)
    query = "SELECT refused, refusals FROM kpi_receipts WHERE tenant_id = :tenant_id"
    [(number, reasons)] = rows(gateway.engine, query, tenant_id=sender.tenant_id)
    assert number == 300
    assert 0 < len(json.dumps(reasons)) < 20_000


def test_tenants_of_one_transaction_are_counted_apart(engine: Any) -> None:
    send(engine, update(1), update(2), update(2), update(1, value=1.0))
    found = rows(
        engine,
        "SELECT tenant_id, sent, stored, known, conflicts FROM kpi_receipts ORDER BY 1",
    )
    assert [tuple(row) for row in found] == [(1, 2, 1, 0, 1), (2, 2, 1, 1, 0)]


def test_what_is_rolled_back_is_not_counted(engine: Any) -> None:
    with engine.connect() as connection:
        land_readings(connection, [update(1)], job_timeout=JOB_TIMEOUT)
        connection.rollback()
    assert rows(engine, "SELECT count(*) FROM kpi_receipts") == [(0,)]
