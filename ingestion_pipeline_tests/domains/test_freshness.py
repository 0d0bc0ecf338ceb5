"""Every wing says how fresh it is, of an empty database and of one in which something has come."""

import pytest
import sqlalchemy as sa

from ingestion_pipeline.domains import registry
from ingestion_pipeline.foundation.settings import Settings
from ingestion_pipeline.foundation.watch.gathering import SERVICES, gather

_COME = {
    "commerce": """
        INSERT INTO uploads (tenant_id, domain, file_name, source, location, status, loaded_at)
        VALUES ({tenant}, 'commerce', 'f', 's', 'l', 'loaded', now() - interval '10 minutes')""",
    "kpis": """
        INSERT INTO kpi_updates (tenant_id, trace_id, kpi_id, observed_at, timestamp_text, kpi_type,
                                 value, data, received_at, pending)
        VALUES ({tenant}, 't', 'k', now(), '', '', 1, '{{}}', now() - interval '10 minutes', false)
        """,
    "buildings": """
        INSERT INTO collected_days (site_name, day, configured_points, missing_points, fetched,
                                    kept, result, collected_at)
        VALUES ('s', '2026-01-01', '{{}}', '{{}}', 1, 1, '{{}}', now() - interval '10 minutes')""",
    "book_sales": """
        INSERT INTO jobs (kind, max_attempts, status, updated_at)
        VALUES ('book_sales.import.amazon_kdp', 3, 'completed', now() - interval '10 minutes')""",
    "mapped_files": """
        INSERT INTO uploads (tenant_id, domain, file_name, source, location, status, loaded_at)
        VALUES ({tenant}, 'intake', 'f', 'http', 'l', 'loaded', now() - interval '10 minutes')""",
    "fundamentals": """
        INSERT INTO market_fundamentals (tenant_id, market_slug, as_of_date, vacancy_rate_pct,
            avg_asking_rent_psf_yr_nnn, yoy_rent_growth_pct, avg_cap_rate_pct, source, ingestion_id,
            sent_at, updated_at)
        VALUES ({tenant}, 'miami', current_date - 40, 5, 40, 3, 6, 's', 'i', now(),
                now() - interval '10 minutes')""",
    "comps": """
        INSERT INTO market_comps (tenant_id, market_slug, comp_key, sale_date, building_sf,
            price_per_sf_usd, source, ingestion_id, sent_at, updated_at)
        VALUES ({tenant}, 'miami', 'k', current_date, 5000, 100, 's', 'i', now(),
                now() - interval '10 minutes')""",
}
_WAITS = {
    "commerce": """
        INSERT INTO uploads (tenant_id, domain, file_name, source, location, status, recorded_at)
        VALUES ({tenant}, 'commerce', 'f', 's', 'l', 'recorded', now() - interval '2 hours')""",
    "kpis": """
        INSERT INTO kpi_updates (tenant_id, trace_id, kpi_id, observed_at, timestamp_text, kpi_type,
                                 value, data, received_at)
        VALUES ({tenant}, 't', 'k', now(), '', '', 1, '{{}}', now() - interval '2 hours')""",
    "book_sales": """
        INSERT INTO jobs (kind, max_attempts, available_at)
        VALUES ('book_sales.import.amazon_kdp', 3, now() - interval '2 hours')""",
    "mapped_files": """
        INSERT INTO jobs (kind, max_attempts, available_at)
        VALUES ('intake.load.kiosk/sales', 3, now() - interval '2 hours')""",
}


def test_in_an_empty_database_nothing_has_run_and_nothing_is_wrong(engine: sa.Engine) -> None:
    with engine.begin() as connection:
        facts = gather(connection, Settings(), registry.questions())
    assert {service.condition(facts.as_of) for service in facts.services.values()} == {"UNKNOWN"}
    assert list(facts.services) == list(SERVICES)
    assert facts.status == "GREEN"


@pytest.mark.parametrize("name", _COME)
def test_what_has_come_counts_from_then(engine: sa.Engine, tenant_id: int, name: str) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql(_COME[name].format(tenant=tenant_id))
        facts = gather(connection, Settings(), registry.questions())
    service = facts.services[name]
    age = service.age(facts.as_of)
    assert age is not None
    assert 600 <= age.total_seconds() < 660
    assert service.condition(facts.as_of) == "OK"


@pytest.mark.parametrize("name", _WAITS)
def test_what_waits_for_more_than_an_hour_is_a_fault(
    engine: sa.Engine, tenant_id: int, name: str
) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql(_WAITS[name].format(tenant=tenant_id))
        facts = gather(connection, Settings(), registry.questions())
    assert facts.services[name].condition(facts.as_of) == "DEGRADED"
    assert facts.status == "YELLOW"


def test_markets_name_what_is_stale_or_too_little(engine: sa.Engine, tenant_id: int) -> None:
    with engine.begin() as connection:
        for name in ("fundamentals", "comps"):
            connection.exec_driver_sql(_COME[name].format(tenant=tenant_id))
        facts = gather(connection, Settings(), registry.questions())
    assert facts.status == "YELLOW"
    fundamentals, comps = facts.services["fundamentals"].details, facts.services["comps"].details
    assert fundamentals["stale_markets"] == ["miami"]
    assert fundamentals["max_allowed_staleness_days"] == 30
    assert comps["markets_below_min"] == ["miami"]
    assert comps["min_required_recent"] == 10
