"""Marts in Dagster: what the sensor asks for does what is due, and checks find what is amiss."""

from collections.abc import Iterator
from datetime import timedelta
from functools import partial

import dagster as dg
import pytest
import sqlalchemy as sa

from ingestion_pipeline.definitions import ours
from ingestion_pipeline.foundation.watch.offenders import Offenders
from ingestion_pipeline.orchestration import sensing
from ingestion_pipeline.orchestration.resources import database_at
from ingestion_pipeline.outlets.marts import offenders
from ingestion_pipeline.outlets.marts.all import BY_DAY, WHOLE
from ingestion_pipeline.outlets.marts.assets import ASSETS
from ingestion_pipeline.outlets.marts.automation import EVERY_SECONDS, changed_parts
from ingestion_pipeline_tests.outlets.marts.filling import (
    BASE,
    new_customer,
    new_order,
    new_points,
    new_sale,
    new_vintage,
    pending,
    rows_of,
)


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as made:
        yield made


def _runs(engine: sa.Engine, instance: dg.DagsterInstance) -> list[dg.RunRequest]:
    url = engine.url.render_as_string(hide_password=False)
    context = dg.build_sensor_context(
        instance=instance, definitions=ours(), resources={"database": database_at(url)}
    )
    found = changed_parts(context)
    assert isinstance(found, list), found
    return found


def _run(engine: sa.Engine, instance: dg.DagsterInstance, request: dg.RunRequest) -> None:
    url = engine.url.render_as_string(hide_password=False)
    done = dg.materialize(
        ASSETS, selection=list(request.asset_selection or []), instance=instance,
        partition_key=request.partition_key, tags=dict(request.tags),
        resources={"database": database_at(url)},
    )  # fmt: skip
    assert done.success


def test_the_sensors_runs_make_all_marts_and_then_there_is_nothing_to_do(
    engine: sa.Engine, tenant_id: int, instance: dg.DagsterInstance
) -> None:
    with engine.begin() as connection:
        customer = new_customer(connection, tenant_id)
        for day in (0, 1, 40, 2000):
            new_order(connection, tenant_id, customer, at=BASE + timedelta(days=day))
        new_order(connection, tenant_id, customer, at=BASE.replace(year=1999))
        new_points(connection, tenant_id, {BASE: 1.0})
        new_sale(connection, tenant_id, number="1")
        new_vintage(connection, BASE.date(), "1.5")
    for _ in range(8):
        try:
            requests = _runs(engine, instance)
        except AssertionError:
            break
        for request in requests:
            _run(engine, instance, request)
    else:
        pytest.fail("there is always something to do")
    assert [mart.name for mart in (*BY_DAY, *WHOLE) if pending(engine, mart)] == []
    numbers = {"orders_daily": 5, "kpi_daily": 1, "book_income_daily": 1, "macro_latest": 1}
    for table, number in numbers.items():
        assert len(rows_of(engine, table)) == number, table
    for each in vars(offenders).values():
        for check in each if isinstance(each, tuple) else (each,):
            if isinstance(check, Offenders):
                with engine.connect() as connection:
                    assert connection.execute(check()).all() == [], check.check


def test_an_order_behind_the_ledgers_back_is_found_by_the_check(
    engine: sa.Engine, tenant_id: int
) -> None:
    with engine.begin() as connection:
        new_order(connection, tenant_id, new_customer(connection, tenant_id))
        connection.exec_driver_sql("DELETE FROM changed_parts")
    with engine.connect() as connection:
        assert len(connection.execute(offenders.orders_that_do_not_add_up()).all()) == 1


def test_a_run_that_failed_waits_twice_as_long_each_time() -> None:
    failed, done = dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.SUCCESS
    may_run = partial(sensing.may_run, every=EVERY_SECONDS)
    assert may_run([], 0)
    assert may_run([done, failed], 0)
    assert not may_run([dg.DagsterRunStatus.STARTED], 1e9)
    assert not may_run([failed], 59)
    assert may_run([failed], 60)
    assert not may_run([failed, failed], 119)
