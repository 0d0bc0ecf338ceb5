"""A tenant sees its own buildings, and nobody else's."""

from datetime import date, timedelta

import pytest
import sqlalchemy as sa

from ingestion_pipeline.domains.buildings.merge.day import Options, merge_day
from ingestion_pipeline.domains.buildings.merge.sites import add_site, all_sites, remove_site
from ingestion_pipeline.domains.buildings.publish.aggregates import publish_day, publish_hours
from ingestion_pipeline.domains.buildings.publish.alert_rules import Limits, set_rule
from ingestion_pipeline.domains.buildings.publish.alerts import watch
from ingestion_pipeline.domains.buildings.publish.coverage import publish_gaps
from ingestion_pipeline.foundation.errors import ConfigurationError, UnknownTenantError
from ingestion_pipeline.foundation.ledger import tenants
from ingestion_pipeline.foundation.storage import roles
from ingestion_pipeline.foundation.storage.privileges import RUNS
from ingestion_pipeline_tests.domains.buildings.builders import DAY, Scripted, chained, scripted
from ingestion_pipeline_tests.foundation.storage.test_roles import logged_in, reading_as, refused

WHOLE = Options(window=timedelta(days=1))
SUN = b'{"data":[{"timestamp":"2024-02-29T12:00:00Z","temperature":20.5}]}'
OF_SITES = (
    "timeseries_raw", "weather_raw", "timeseries_hourly", "timeseries_daily", "timeseries_gaps",
    "building_alerts", "collected_days", "collected_windows", "rejected_records",
)  # fmt: skip
SITES = ("mine", "both", "theirs")


def fill(engine: sa.Engine, site: str, day: date = DAY) -> None:
    """Rows of a site in every table."""
    moment = f"{day}T00:00:00Z"
    pages = chained([[("a", moment, 1.0), ("b", "never", 1.0)]])
    source = type(scripted([]))(Scripted(pages, weather=SUN), page_size=9)
    merge_day(engine, source, site, day, options=WHOLE)
    publish_hours(engine, site, day)
    publish_day(engine, site, day)
    publish_gaps(engine, site, day)
    with engine.begin() as connection:
        connection.execute(
            sa.text(
                "INSERT INTO building_alerts (site_name, point_name, rule_id, started_at, ended_at,"
                " samples, extreme, severity) VALUES (:site, 'a', 1, :at, :at, 1, 9, 'warning') "
                "ON CONFLICT DO NOTHING"
            ),
            {"site": site, "at": moment},
        )


def seen(connection: sa.Connection) -> dict[str, set[str]]:
    return {
        table: set(connection.exec_driver_sql(f"SELECT site_name FROM {table}").scalars())
        for table in OF_SITES
    }


def only(*sites: str) -> dict[str, set[str]]:
    return {table: set(sites) for table in OF_SITES}


@pytest.fixture
def buildings(engine: sa.Engine) -> sa.Engine:
    roles.ensure(engine)
    for site in SITES:
        fill(engine, site)
    with engine.begin() as connection:
        for tenant in ("acme", "bolt"):
            tenants.ensure(connection, tenant)
        for tenant, site in (("acme", "mine"), ("acme", "both"), ("bolt", "both")):
            assert add_site(connection, tenant, site)
    return engine


def test_a_tenant_could_not_see_its_own_buildings(buildings: sa.Engine) -> None:
    with reading_as(buildings, "acme") as connection:
        assert seen(connection) == only("mine", "both")
        named = connection.exec_driver_sql("SELECT site_name FROM tenant_sites")
        assert set(named.scalars()) == {"mine", "both"}
        # A month that is made later is behind the same policy, and not to be had otherwise.
        fill(buildings, "mine", date(2024, 3, 5))
        fill(buildings, "theirs", date(2024, 3, 5))
        assert seen(connection)["timeseries_raw"] == {"mine", "both"}
        count = "SELECT count(*) FROM timeseries_raw WHERE timestamp >= '2024-03-01Z'"
        assert connection.exec_driver_sql(count).scalar() == 1
        for table in ("timeseries_raw_2024_02", "timeseries_raw_2024_03"):
            assert refused(connection, f"SELECT * FROM {table}")
        for table in (*OF_SITES, "tenant_sites"):
            assert refused(connection, f"DELETE FROM {table}")
        with buildings.begin() as owner:
            assert remove_site(owner, "acme", "mine")
        assert seen(connection) == only("both")
    with reading_as(buildings, "bolt") as connection:
        assert seen(connection) == only("both")


def test_a_tenant_without_sites_sees_none(buildings: sa.Engine) -> None:
    with reading_as(buildings, "carol") as connection:
        assert seen(connection) == only()


def test_the_policy_asks_once_a_statement_and_the_key_is_used(buildings: sa.Engine) -> None:
    with reading_as(buildings, "acme") as connection:
        connection.exec_driver_sql("SET enable_seqscan = off")
        lines = connection.exec_driver_sql(
            "EXPLAIN SELECT * FROM timeseries_raw WHERE point_name = 'a' "
            "AND timestamp >= '2024-02-29Z' AND timestamp < '2024-03-01Z'"
        ).scalars()
        plan = "\n".join(lines)
    assert "InitPlan" in plan
    assert "SubPlan" not in plan
    assert "Index Cond: ((site_name = ANY" in plan


def test_runs_collect_into_tables_that_have_policies(engine: sa.Engine) -> None:
    with logged_in(engine, RUNS) as connection:
        name = connection.exec_driver_sql("SELECT session_user").scalar_one()
    with engine.begin() as owner:
        password = roles.make_login(owner, name, group=RUNS, acts_as_group=True)
    url = sa.make_url(roles.url_of(engine, name, password)).set(drivername="postgresql+psycopg")
    runs = sa.create_engine(url)
    fill(runs, "mine")
    fill(runs, "mine")  # staged, this time
    with engine.begin() as owner:
        set_rule(owner, site="*", point="*", limits=Limits(maximum=0.5))
        owner.exec_driver_sql("UPDATE collected_days SET watched_at = NULL")
    assert watch(runs).begun == 1
    runs.dispose()
    with engine.connect() as owner:
        assert seen(owner) == only("mine")


def test_whose_a_site_is_can_be_said_twice_and_taken_back(engine: sa.Engine) -> None:
    with engine.begin() as connection:
        tenants.ensure(connection, "acme")
        assert [add_site(connection, "acme", "hq") for _ in range(2)] == [True, False]
        assert [(each.tenant, each.site) for each in all_sites(connection)] == [("acme", "hq")]
        assert [remove_site(connection, "acme", "hq") for _ in range(2)] == [True, False]
        assert all_sites(connection, "acme") == []
        for name in ("", " ", "a\0b"):
            with pytest.raises(ConfigurationError):
                add_site(connection, "acme", name)
        with pytest.raises(UnknownTenantError):
            add_site(connection, "nobody", "hq")
