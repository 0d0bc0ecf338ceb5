"""The rules of the circuit breaker against a model that remembers everything."""

from datetime import UTC, datetime, timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from ingestion_pipeline.http import circuit
from ingestion_pipeline.http.circuit import Circuit, Rules

RULES = Rules(failures=3, cooldown=timedelta(seconds=60), probe_lease=timedelta(seconds=100))


class Period:
    """A time in which the circuit was closed, or one probe; by identity, not by number."""


class Breaking(RuleBasedStateMachine):
    """Callers come, and report in any order, late, or never."""

    def __init__(self) -> None:
        super().__init__()
        self.now = datetime(2026, 1, 1, tzinfo=UTC)
        self.circuit = Circuit()
        self.callers: list[tuple[int, Period]] = []
        self.period: Period | None = Period()  # None: nobody may call
        self.failures = 0
        self.probing = False
        self.blocked_until = self.now

    @rule(seconds=st.sampled_from([1, 59, 60, 99, 100]))
    def time_passes(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)

    @rule()
    def somebody_calls(self) -> None:
        may = (self.period is not None and not self.probing) or self.now >= self.blocked_until
        assert (circuit.retry_at(self.circuit, self.now, RULES) is None) == may
        if not may:
            return
        if self.period is None or self.probing:
            self.period, self.probing = Period(), True
            self.blocked_until = self.now + RULES.probe_lease
        self.circuit = circuit.admit(self.circuit, self.now, RULES)
        self.callers.append((self.circuit.generation, self.period))

    @precondition(lambda self: self.callers)
    @rule(which=st.integers(0, 100))
    def a_caller_succeeds(self, which: int) -> None:
        permit, period = self.callers.pop(which % len(self.callers))
        self.circuit = circuit.succeeded(self.circuit, permit=permit)
        if period is self.period:
            self.failures, self.probing = 0, False

    @precondition(lambda self: self.callers)
    @rule(which=st.integers(0, 100))
    def a_caller_fails(self, which: int) -> None:
        permit, period = self.callers.pop(which % len(self.callers))
        self.circuit = circuit.failed(self.circuit, self.now, RULES, permit=permit)
        if period is not self.period:
            return
        self.failures += 1
        if self.probing or self.failures >= RULES.failures:
            self.period, self.probing, self.failures = None, False, 0
            self.blocked_until = self.now + RULES.cooldown

    @precondition(lambda self: self.callers)
    @rule(which=st.integers(0, 100))
    def a_caller_is_interrupted(self, which: int) -> None:
        permit, period = self.callers.pop(which % len(self.callers))
        self.circuit = circuit.abandoned(self.circuit, self.now, permit=permit)
        if period is self.period and self.probing:
            self.blocked_until = self.now

    @invariant()
    def the_state_is_what_the_model_says(self) -> None:
        expected = "open" if self.period is None else "half_open" if self.probing else "closed"
        assert self.circuit.state == expected


Breaking.TestCase.settings = settings(max_examples=80, stateful_step_count=40, deadline=None)
TestBreaking = Breaking.TestCase


def test_a_closed_circuit_forgets_failures_at_a_success() -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    known = Circuit()
    for _ in range(10):
        for _ in range(RULES.failures - 1):
            known = circuit.failed(known, now, RULES, permit=known.generation)
        known = circuit.succeeded(known, permit=known.generation)
    assert known == Circuit()
