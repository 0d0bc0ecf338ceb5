"""GREEN, YELLOW, RED: the decision, without a database."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ingestion_pipeline.foundation.watch.health import (
    ABSENT,
    Breaker,
    Cache,
    Facts,
    Metrics,
    Service,
    decide,
    document,
    unreachable,
)

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def _service(**values: Any) -> Service:
    return Service(**({"source": "x", "last_success_at": NOW} | values))


WELL = _service()
DEGRADED = _service(problem="something")
LATE = _service(last_success_at=NOW - timedelta(days=3), fresh_for=timedelta(days=2))
OPEN = _service(breaker=Breaker("OPEN", 3))
NEVER = _service(last_success_at=None)
DOWN = _service(down=True)
STALE = _service(stale=True)


@pytest.mark.parametrize(
    ("services", "status"),
    [
        ([WELL, WELL], "GREEN"),
        ([WELL, ABSENT, ABSENT], "GREEN"),
        ([WELL, STALE], "YELLOW"),
        ([STALE, STALE], "YELLOW"),
        ([WELL, DEGRADED], "YELLOW"),
        ([DEGRADED, STALE], "YELLOW"),
        ([WELL, NEVER], "YELLOW"),
        ([WELL, LATE], "YELLOW"),
        ([WELL, OPEN], "YELLOW"),
        ([DEGRADED, OPEN], "RED"),
        ([LATE, NEVER], "RED"),
        ([WELL, DOWN], "RED"),
    ],
)
def test_the_status_follows_from_the_services(services: list[Service], status: str) -> None:
    assert decide({str(i): service for i, service in enumerate(services)}, NOW) == status


@pytest.mark.parametrize(
    ("service", "condition"),
    [
        (WELL, "OK"),
        (LATE, "DEGRADED"),
        (OPEN, "DEGRADED"),
        (_service(breaker=Breaker("HALF_OPEN", 3)), "DEGRADED"),
        (_service(breaker=Breaker("OPEN", 3), last_success_at=None), "DOWN"),
        (NEVER, "UNKNOWN"),
        (ABSENT, "UNKNOWN"),
        (DOWN, "DOWN"),
    ],
)
def test_an_open_breaker_degrades_and_without_a_last_value_nothing_can_be_served(
    service: Service, condition: str
) -> None:
    assert service.condition(NOW) == condition


def test_the_document_is_the_one_of_the_design() -> None:
    macro = _service(
        source="FRED",
        last_success_at=NOW - timedelta(seconds=90),
        cache=Cache(used=True, ttl_seconds=300),
        breaker=Breaker("CLOSED", 1),
        details={"series": 3},
    )
    metrics = Metrics({"macro": 0.9, "fundamentals": None, "comps": None})
    made = document(Facts(NOW, {"macro": macro, "kpis": ABSENT}, metrics))
    assert made == {
        "status": "GREEN",
        "message": "all well",
        "as_of": "2026-03-01T12:00:00+00:00",
        "services": {
            "macro": {
                "status": "GREEN",
                "condition": "OK",
                "configured": True,
                "source": "FRED",
                "last_success_at": "2026-03-01T11:58:30+00:00",
                "freshness_seconds": 90,
                "cache": {"used": True, "ttl_seconds": 300},
                "breaker": {"state": "CLOSED", "failures": 1},
                "series": 3,
            },
            "kpis": {
                "status": "GREEN",
                "condition": "UNKNOWN",
                "configured": False,
                "source": "none",
                "last_success_at": None,
                "freshness_seconds": None,
            },
        },
        "metrics": {
            "cache_hit_ratio": {"macro": 0.9, "fundamentals": None, "comps": None},
            "api_retry_count_5m": {"macro": 0, "fundamentals": 0, "comps": 0},
            "prediction_latency_ms_p50": None,
            "prediction_latency_ms_p95": None,
            "job_failure_rate_1h": None,
            "api_latency_ms_p95": None,
        },
    }


def test_the_message_names_who_is_not_well() -> None:
    facts = Facts(NOW, {"macro": OPEN, "comps": STALE, "kpis": WELL}, Metrics({}))
    assert document(facts)["message"] == "macro is degraded; comps is partly stale"


def test_without_the_database_all_is_down() -> None:
    made = unreachable(NOW, {"macro": 0, "kpis": 0}, "the database does not answer")
    assert made["status"] == "RED"
    assert {service["status"] for service in made["services"].values()} == {"RED"}


def test_a_clock_that_is_ahead_makes_no_negative_age() -> None:
    assert _service(last_success_at=NOW + timedelta(hours=1)).age(NOW) == timedelta(0)
