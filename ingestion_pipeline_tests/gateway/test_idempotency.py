"""The same key twice: done once, answered alike."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
import sqlalchemy as sa

from ingestion_pipeline.foundation.errors import StaleAttemptError
from ingestion_pipeline.foundation.ledger import tenants
from ingestion_pipeline.foundation.ledger.idempotency import (
    Done,
    InFlight,
    Started,
    abandon,
    begin,
    finish,
    forget,
    payload_hash,
    renew,
)

PAYLOAD = payload_hash("orders_1.ndjson", "abc")


def start(engine: sa.Engine, tenant_id: int, key: str = "k", endpoint: str = "/e") -> object:
    with engine.begin() as connection:
        return begin(connection, tenant_id=tenant_id, endpoint=endpoint, key=key)


def started(engine: sa.Engine, tenant_id: int) -> Started:
    outcome = start(engine, tenant_id)
    assert isinstance(outcome, Started)
    return outcome


def lapse(engine: sa.Engine) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql(
            "UPDATE idempotency_keys SET in_flight_until = now() - interval '1 second'"
        )


def end(engine: sa.Engine, mine: Started) -> None:
    with engine.begin() as connection:
        finish(connection, mine, payload_sha256=PAYLOAD, status_code=202, body=b"{}", location="/x")


def test_first_started_then_in_flight_then_done(engine: sa.Engine, tenant_id: int) -> None:
    mine = started(engine, tenant_id)
    assert start(engine, tenant_id) == InFlight()
    end(engine, mine)
    assert start(engine, tenant_id) == Done(PAYLOAD, 202, b"{}", "/x")


def test_a_key_belongs_to_a_tenant_and_an_endpoint(engine: sa.Engine, tenant_id: int) -> None:
    with engine.begin() as connection:
        other = tenants.ensure(connection, "other")
    started(engine, tenant_id)
    assert isinstance(start(engine, tenant_id, endpoint="/f"), Started)
    assert isinstance(start(engine, other), Started)


def test_an_abandoned_key_is_free(engine: sa.Engine, tenant_id: int) -> None:
    mine = started(engine, tenant_id)
    with engine.begin() as connection:
        abandon(connection, mine)
    started(engine, tenant_id)


def test_a_dead_request_s_key_is_taken_over_and_the_dead_can_not_finish(
    engine: sa.Engine, tenant_id: int
) -> None:
    dead = started(engine, tenant_id)
    lapse(engine)
    second = started(engine, tenant_id)
    assert second.attempt != dead.attempt
    with pytest.raises(StaleAttemptError):
        end(engine, dead)
    with engine.begin() as connection:
        abandon(connection, dead)  # nor can it free what is not its own
    assert start(engine, tenant_id) == InFlight()
    end(engine, second)


def test_a_renewed_key_does_not_lapse(engine: sa.Engine, tenant_id: int) -> None:
    mine = started(engine, tenant_id)
    lapse(engine)
    with engine.begin() as connection:
        renew(connection, mine)
    assert start(engine, tenant_id) == InFlight()


def test_of_ten_at_once_one_starts(engine: sa.Engine, tenant_id: int) -> None:
    with ThreadPoolExecutor(10) as pool:
        outcomes = list(pool.map(lambda _: start(engine, tenant_id), range(10)))
    assert sum(isinstance(outcome, Started) for outcome in outcomes) == 1
    assert outcomes.count(InFlight()) == 9


def test_old_keys_are_forgotten_but_none_in_flight(engine: sa.Engine, tenant_id: int) -> None:
    end(engine, started(engine, tenant_id))
    start(engine, tenant_id, key="in flight")
    with engine.begin() as connection:
        assert forget(connection, older_than=timedelta(hours=1)) == 0
        connection.exec_driver_sql("UPDATE idempotency_keys SET created_at = '2020-01-01'")
        assert forget(connection, older_than=timedelta(hours=1)) == 1
