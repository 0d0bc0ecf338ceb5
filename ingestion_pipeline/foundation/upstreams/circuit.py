"""The rules of a circuit breaker, pure; `breaker.py` keeps a circuit in the database.

    closed ────N failures────────▶ open ──cooldown over, one caller──▶ half_open
      ▲                              ▲                                    │  │  ▲
      └──────── the probe succeeded ─┼────────────────────────────────────┘  │  │ the probe's
                                     └──────────── the probe failed ─────────┘  │ lease expired:
                                                                                └─ the next caller

The N failures are in a row, or within a window of time, whatever succeeds between them.

Every period between two changes of state has a number, the generation. A caller is admitted in
one, and says so when it reports: what a slow request of an earlier period reports is not counted,
so it can neither close an open circuit nor pass for the probe.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

State = Literal["closed", "open", "half_open"]


@dataclass(frozen=True)
class Rules:
    """When a circuit opens, how long it stays open, how long a probe may take.

    Attributes:
        window: failures within it count; None: failures in a row.
    """

    failures: int
    cooldown: timedelta
    probe_lease: timedelta
    window: timedelta | None = None


@dataclass(frozen=True)
class Circuit:
    """What all processes know of one upstream.

    Attributes:
        failures: transient failures that count; while open, those that opened it.
        opened_at: when it opened last; None when closed.
        probe_until: when the half-open probe is given up; None unless half open.
        failed_at: when the failures were, while closed; the oldest first.
    """

    state: State = "closed"
    failures: int = 0
    generation: int = 0
    opened_at: datetime | None = None
    probe_until: datetime | None = None
    failed_at: tuple[datetime, ...] = ()


def retry_at(circuit: Circuit, now: datetime, rules: Rules) -> datetime | None:
    """When the next caller may be admitted; None: now."""
    due = None
    if circuit.state == "open" and circuit.opened_at is not None:
        due = circuit.opened_at + rules.cooldown
    elif circuit.state == "half_open":
        due = circuit.probe_until
    return due if due is not None and due > now else None


def admit(circuit: Circuit, now: datetime, rules: Rules) -> Circuit:
    """The circuit once a caller has been admitted, whose permit is its generation."""
    if circuit.state == "closed":
        return circuit
    return replace(
        circuit,
        state="half_open",
        generation=circuit.generation + 1,
        probe_until=now + rules.probe_lease,
    )


def succeeded(circuit: Circuit, now: datetime, rules: Rules, *, permit: int) -> Circuit:
    """The circuit after a success of the caller who holds that permit."""
    if permit != circuit.generation or circuit.state == "open":
        return circuit
    if circuit.state == "half_open" or rules.window is None:
        return Circuit(generation=circuit.generation)
    return _counting(circuit, _within(circuit.failed_at, now, rules.window))


def failed(circuit: Circuit, now: datetime, rules: Rules, *, permit: int) -> Circuit:
    """The circuit after a transient failure of the caller who holds that permit."""
    if permit != circuit.generation or circuit.state == "open":
        return circuit
    if circuit.state == "half_open":
        return _opened(circuit, now, circuit.failures + 1)
    counted = (*_within(circuit.failed_at, now, rules.window), now)
    if len(counted) < rules.failures:
        return _counting(circuit, counted)
    return _opened(circuit, now, len(counted))


def abandoned(circuit: Circuit, now: datetime, *, permit: int) -> Circuit:
    """The circuit after a caller gave up without an outcome: its probe is anybody's again."""
    if permit != circuit.generation or circuit.state != "half_open":
        return circuit
    return replace(circuit, probe_until=now)


def _within(
    moments: tuple[datetime, ...], now: datetime, window: timedelta | None
) -> tuple[datetime, ...]:
    return moments if window is None else tuple(each for each in moments if each > now - window)


def _counting(circuit: Circuit, failed_at: tuple[datetime, ...]) -> Circuit:
    return replace(circuit, failures=len(failed_at), failed_at=failed_at)


def _opened(circuit: Circuit, now: datetime, failures: int) -> Circuit:
    return Circuit("open", failures, circuit.generation + 1, opened_at=now)
