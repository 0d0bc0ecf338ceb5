"""How well all is, as a pure decision: facts of the services and metrics in, a document out.

    service    OK · DEGRADED · DOWN · UNKNOWN (never ran): its `condition`; its `status` is
               GREEN · YELLOW (degraded, partly stale, or never ran though it should) · RED
    document   GREEN    all well
               YELLOW   one service is degraded, or some markets are stale
               RED      two or more are degraded, or one is down

A service that never ran counts as degraded only when it is configured. Who gathers the facts:
`gathering.py`; who serves the document: `gateway/routes/health.py`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

Status = Literal["GREEN", "YELLOW", "RED"]
Condition = Literal["OK", "DEGRADED", "DOWN", "UNKNOWN"]

MAX_STALENESS = timedelta(days=30)
# The services with a cache before them.
CACHED = ("macro", "fundamentals", "comps")
# Members of a service that name what tenants have named.
_NAMES = ("stale_markets", "markets_below_min")


@dataclass(frozen=True)
class Breaker:
    """The circuit breaker of a service's upstream; `CLOSED` where there is no upstream."""

    state: str = "CLOSED"
    failures: int = 0


@dataclass(frozen=True)
class Cache:
    """The cache before a service."""

    used: bool
    ttl_seconds: float


@dataclass(frozen=True)
class Service:
    """What is known of one service.

    Attributes:
        source: where its data comes from.
        configured: whether it is meant to run here.
        last_success_at: when data came last; None: never.
        fresh_for: how old that may be; None: as old as it likes.
        problem: what is wrong with it now, if anything.
        down: whether it can't serve anything at all.
        stale: whether some of its markets are stale, while the service as a whole is well.
        upstream: the name of the circuit breaker that it depends on.
        details: what the document says of this service only.
    """

    source: str
    configured: bool = True
    last_success_at: datetime | None = None
    fresh_for: timedelta | None = None
    problem: str | None = None
    down: bool = False
    stale: bool = False
    upstream: str | None = None
    breaker: Breaker | None = None
    cache: Cache | None = None
    details: Mapping[str, Any] = field(default_factory=dict)

    def age(self, now: datetime) -> timedelta | None:
        """How long ago data came last."""
        if self.last_success_at is None:
            return None
        return max(now - self.last_success_at, timedelta(0))

    def condition(self, now: datetime) -> Condition:
        """How the service is."""
        age = self.age(now)
        late = age is not None and self.fresh_for is not None and age > self.fresh_for
        troubled = self.breaker is not None and self.breaker.state != "CLOSED"
        if self.down or (age is None and troubled):
            return "DOWN"  # the last good value can't be served: there is none
        if self.problem is not None or late or troubled:
            return "DEGRADED"
        return "UNKNOWN" if age is None else "OK"


ABSENT = Service(source="none", configured=False)


@dataclass(frozen=True)
class Metrics:
    """The numbers of the last minutes; None where nothing happened.

    Attributes:
        cache_hit_ratio: by service, of the last hour.
        api_retry_count_5m: by service: attempts of jobs after their first.
        cache_lookups: how many these ratios are of.
        finished_jobs: how many `job_failure_rate_1h` is of.
        worst_failure_rate_1h: the failure rate of the tenant for whom we fail most.
        requests: how many `api_latency_ms_p95` is of.
    """

    cache_hit_ratio: Mapping[str, float | None]
    api_retry_count_5m: Mapping[str, int] = field(default_factory=lambda: dict.fromkeys(CACHED, 0))
    prediction_latency_ms_p50: float | None = None
    prediction_latency_ms_p95: float | None = None
    job_failure_rate_1h: float | None = None
    worst_failure_rate_1h: float | None = None
    api_latency_ms_p95: float | None = None
    cache_lookups: Mapping[str, int] = field(default_factory=dict)
    finished_jobs: int = 0
    requests: int = 0


@dataclass(frozen=True)
class Facts:
    """All that the document is made of."""

    as_of: datetime
    services: Mapping[str, Service]
    metrics: Metrics

    @property
    def status(self) -> Status:
        """GREEN, YELLOW or RED."""
        return decide(self.services, self.as_of)


def decide(services: Mapping[str, Service], now: datetime) -> Status:
    """How all is."""
    conditions = {name: service.condition(now) for name, service in services.items()}
    degraded = sum(
        condition == "DEGRADED" or (condition == "UNKNOWN" and services[name].configured)
        for name, condition in conditions.items()
    )
    if degraded >= 2 or "DOWN" in conditions.values():
        return "RED"
    if degraded or any(service.stale for service in services.values()):
        return "YELLOW"
    return "GREEN"


def document(facts: Facts) -> dict[str, Any]:
    """The document of `GET /api/health/data`."""
    metrics = facts.metrics
    return {
        "status": facts.status,
        "message": _message(facts),
        "as_of": facts.as_of.isoformat(),
        "services": {
            name: _service(service, facts.as_of) for name, service in facts.services.items()
        },
        "metrics": {
            "cache_hit_ratio": dict(metrics.cache_hit_ratio),
            "api_retry_count_5m": dict(metrics.api_retry_count_5m),
            "prediction_latency_ms_p50": metrics.prediction_latency_ms_p50,
            "prediction_latency_ms_p95": metrics.prediction_latency_ms_p95,
            "job_failure_rate_1h": metrics.job_failure_rate_1h,
            "api_latency_ms_p95": metrics.api_latency_ms_p95,
        },
    }


def for_strangers(said: Mapping[str, Any]) -> dict[str, Any]:
    """The document without a name that a tenant has sent: how many there are in their place."""
    services = {
        name: {
            **service,
            **{list_: [] for list_ in _NAMES if list_ in service},
            **{f"{list_}_count": len(service[list_]) for list_ in _NAMES if list_ in service},
        }
        for name, service in said["services"].items()
    }
    return {**said, "services": services}


def unreachable(now: datetime, services: Mapping[str, Any], reason: str) -> dict[str, Any]:
    """The document when the database does not answer: nothing is known, nothing can be served."""
    down = Service(source="database", configured=True, down=True, problem=reason)
    facts = Facts(now, dict.fromkeys(services, down), Metrics(dict.fromkeys(CACHED)))
    return document(facts)


def _service(service: Service, now: datetime) -> dict[str, Any]:
    age = service.age(now)
    said: dict[str, Any] = {
        "status": _status(service, now),
        "condition": service.condition(now),
        "configured": service.configured,
        "source": service.source,
        "last_success_at": _iso(service.last_success_at),
        "freshness_seconds": None if age is None else int(age.total_seconds()),
    }
    if service.cache is not None:
        seconds = service.cache.ttl_seconds
        whole = int(seconds) if seconds == int(seconds) else seconds
        said["cache"] = {"used": service.cache.used, "ttl_seconds": whole}
    if service.breaker is not None:
        breaker = service.breaker
        said["breaker"] = {"state": breaker.state, "failures": breaker.failures}
    if service.problem is not None:
        said["problem"] = service.problem
    return said | dict(service.details)


def _status(service: Service, now: datetime) -> Status:
    condition = service.condition(now)
    if condition == "DOWN":
        return "RED"
    missing = condition == "UNKNOWN" and service.configured
    return "YELLOW" if condition == "DEGRADED" or missing or service.stale else "GREEN"


def _message(facts: Facts) -> str:
    troubled = [
        f"{name} is {condition.lower()}"
        for name, service in facts.services.items()
        if (condition := service.condition(facts.as_of)) in ("DEGRADED", "DOWN")
        or (condition == "UNKNOWN" and service.configured)
    ]
    troubled += [f"{name} is partly stale" for name, s in facts.services.items() if s.stale]
    return "; ".join(troubled) or "all well"


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
