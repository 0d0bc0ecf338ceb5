"""What markets say of themselves in the health document."""

from datetime import date, timedelta
from decimal import Decimal

import sqlalchemy as sa

from ingestion_pipeline.domains.markets.contract.vintages import LAST_DAY, Vintage
from ingestion_pipeline.domains.markets.freshness import services
from ingestion_pipeline.domains.markets.merge.refresh import note_failure, write_series
from ingestion_pipeline.foundation.settings import Settings
from ingestion_pipeline_tests.days import today
from ingestion_pipeline_tests.domains.markets.builders import (
    comparable,
    comps_event,
    fundamentals_event,
    send,
)

FRED = Settings(fred_api_key="k", fred_series="GDP")  # type: ignore[arg-type]


def test_services_that_never_ran_say_so(engine: sa.Engine) -> None:
    with engine.connect() as connection:
        found = services(connection, FRED)
    assert set(found) == {"macro", "fundamentals", "comps"}
    assert all(each.last_success_at is None for each in found.values())
    assert [found[name].configured for name in ("macro", "fundamentals")] == [True, False]


def test_markets_that_are_stale_or_thin_are_named(engine: sa.Engine, tenant_id: int) -> None:
    of = today()
    days = {"dallas": 31, "austin": 30}
    for slug, ago in days.items():
        day = (of - timedelta(days=ago)).isoformat()
        send(engine, tenant_id, fundamentals_event(slug, as_of_date=day))
        sold = [comparable(n, sale_date=day) for n in range(10 if slug == "austin" else 9)]
        send(engine, tenant_id, comps_event(*sold, slug=slug))
    with engine.connect() as connection:
        found = services(connection, FRED)
    assert found["fundamentals"].details["stale_markets"] == ["dallas"]
    assert found["comps"].details["markets_below_min"] == ["dallas"]
    assert found["fundamentals"].stale


def test_a_failure_of_fred_is_a_problem_and_the_last_success_stays(engine: sa.Engine) -> None:
    with engine.begin() as connection:
        vintage = Vintage(date(2024, 1, 1), date(2024, 4, 25), LAST_DAY, Decimal(1))
        write_series(connection, "GDP", [vintage])
    note_failure(engine, "GDP", "fred: HTTP 503")
    with engine.connect() as connection:
        macro = services(connection, FRED)["macro"]
    assert (macro.problem, macro.upstream) == ("fred: HTTP 503", "fred")
    assert macro.last_success_at is not None
    assert macro.details["last_row_as_of"] == "2024-01-01T00:00:00+00:00"
