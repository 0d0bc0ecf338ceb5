"""Mapped files and APIs in the health document: nobody saw there that they had stopped."""

import json
from datetime import timedelta

import pytest
import sqlalchemy as sa

from ingestion_pipeline.foundation.settings import Settings
from ingestion_pipeline.foundation.watch import by_file
from ingestion_pipeline.foundation.watch.by_file import Expected
from ingestion_pipeline.foundation.watch.health import Facts, Metrics, Service, document

_DAILY = Expected("acme", "secret_shop", "orders", "30 0 * * *")
_OTHER = Expected("acme", "secret_bank", "rates", "0 5 * * *")


def read(connection: sa.Connection, tenant_id: int, expected: Expected, ago: str) -> None:
    connection.exec_driver_sql(
        "INSERT INTO series_windows (tenant_id, source, mapping, period, collected_at) "
        f"VALUES ({tenant_id}, '{expected.source}', '{expected.mapping}', '{ago}', "
        f"now() - interval '{ago}')"
    )


def told(connection: sa.Connection, *expected: Expected) -> tuple[str, Service, str]:
    """The condition of APIs, what is said of them, and the whole document as a text."""
    services = by_file.series(connection, expected)
    now = connection.scalar(sa.select(sa.func.now()))
    assert now is not None
    facts = Facts(now, services, Metrics({}))
    return services["series"].condition(now), services["series"], json.dumps(document(facts))


def test_apis_that_are_read_in_time_are_well(engine: sa.Engine, tenant_id: int) -> None:
    with engine.begin() as connection:
        assert told(connection)[0] == "UNKNOWN"
        assert not told(connection)[1].configured
        assert told(connection, _DAILY)[0] == "UNKNOWN"  # and is meant to run: YELLOW
        assert told(connection, _DAILY)[1].configured
        read(connection, tenant_id, _DAILY, "90 days")
        read(connection, tenant_id, _DAILY, "25 hours")
        assert told(connection, _DAILY)[0] == "OK"


def test_one_that_is_late_or_was_never_read_is_counted_and_not_named(
    engine: sa.Engine, tenant_id: int
) -> None:
    with engine.begin() as connection:
        read(connection, tenant_id, _DAILY, "25 hours")
        condition, service, said = told(connection, _DAILY, _OTHER)
        assert (condition, service.problem) == ("DEGRADED", "1 of 2 APIs were not read in time")
        assert not any(name in said for name in ("acme", "secret", "orders", "rates"))
        read(connection, tenant_id, _OTHER, "3 days")
        assert told(connection, _DAILY, _OTHER)[0] == "DEGRADED"
        read(connection, tenant_id, _OTHER, "1 hour")
        assert told(connection, _DAILY, _OTHER)[0] == "OK"


def test_one_that_is_not_described_any_more_is_no_fault(engine: sa.Engine, tenant_id: int) -> None:
    with engine.begin() as connection:
        read(connection, tenant_id, _OTHER, "300 days")
        read(connection, tenant_id, _DAILY, "1 hour")
        assert told(connection, _DAILY)[0] == "OK"


@pytest.mark.parametrize(
    ("schedule", "days"),
    [("30 0 * * *", 2), ("*/5 * * * *", 2), ("0 5 * * 1", 8), ("0 5 1 * *", 32)],
)
def test_how_old_it_may_be_its_schedule_says(schedule: str, days: int) -> None:
    assert Expected("a", "b", "c", schedule).fresh_for == timedelta(days=days)


@pytest.mark.parametrize(("senders_fault", "problem"), [
    (True, None), (False, "files that could not be loaded within the hour: 1"),
])  # fmt: skip
def test_a_file_of_another_shape_is_its_senders_and_what_we_fail_to_load_is_ours(
    engine: sa.Engine, senders_fault: bool, problem: str | None
) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql(
            "INSERT INTO jobs (kind, max_attempts, status, senders_fault, updated_at) "
            f"VALUES ('intake.load.secret/x', 3, 'dead', {senders_fault}, now())"
        )
        assert by_file.files(connection, Settings())["mapped_files"].problem == problem
