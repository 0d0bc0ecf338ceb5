"""The rules of the circuit breaker against a model that remembers everything."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from ingestion_pipeline.foundation.upstreams import circuit
from ingestion_pipeline.foundation.upstreams.circuit import Circuit, Rules

RULES = Rules(failures=3, cooldown=timedelta(seconds=60), probe_lease=timedelta(seconds=100))


class Period:
    """A time in which the circuit was closed, or one probe; by identity, not by number."""


class Breaking(RuleBasedStateMachine):
    """Callers come, and report in any order, late, or never."""

    obeyed = RULES

    def __init__(self) -> None:
        super().__init__()
        self.now = datetime(2026, 1, 1, tzinfo=UTC)
        self.circuit = Circuit()
        self.callers: list[tuple[int, Period]] = []
        self.period: Period | None = Period()  # None: nobody may call
        self.failures: list[datetime] = []
        self.probing = False
        self.blocked_until = self.now

    @rule(seconds=st.sampled_from([1, 59, 60, 99, 100]))
    def time_passes(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)

    @rule()
    def somebody_calls(self) -> None:
        may = (self.period is not None and not self.probing) or self.now >= self.blocked_until
        assert (circuit.retry_at(self.circuit, self.now, self.obeyed) is None) == may
        if not may:
            return
        if self.period is None or self.probing:
            self.period, self.probing = Period(), True
            self.failures = []
            self.blocked_until = self.now + self.obeyed.probe_lease
        self.circuit = circuit.admit(self.circuit, self.now, self.obeyed)
        self.callers.append((self.circuit.generation, self.period))

    @precondition(lambda self: self.callers)
    @rule(which=st.integers(0, 100))
    def a_caller_succeeds(self, which: int) -> None:
        permit, period = self.callers.pop(which % len(self.callers))
        self.circuit = circuit.succeeded(self.circuit, self.now, self.obeyed, permit=permit)
        if period is self.period:
            self.probing = False
            if self.obeyed.window is None:
                self.failures = []

    @precondition(lambda self: self.callers)
    @rule(which=st.integers(0, 100))
    def a_caller_fails(self, which: int) -> None:
        permit, period = self.callers.pop(which % len(self.callers))
        self.circuit = circuit.failed(self.circuit, self.now, self.obeyed, permit=permit)
        if period is not self.period:
            return
        self.failures.append(self.now)
        window = self.obeyed.window or timedelta.max
        counted = [moment for moment in self.failures if self.now - moment < window]
        if self.probing or len(counted) >= self.obeyed.failures:
            self.period, self.probing, self.failures = None, False, []
            self.blocked_until = self.now + self.obeyed.cooldown

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


class BreakingWithinAWindow(Breaking):
    """Failures count within two minutes, whatever succeeds between them."""

    obeyed = replace(RULES, window=timedelta(seconds=120))


BreakingWithinAWindow.TestCase.settings = Breaking.TestCase.settings
TestBreakingWithinAWindow = BreakingWithinAWindow.TestCase


def test_a_closed_circuit_forgets_failures_at_a_success() -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    known = Circuit()
    for _ in range(10):
        for _ in range(RULES.failures - 1):
            known = circuit.failed(known, now, RULES, permit=known.generation)
        known = circuit.succeeded(known, now, RULES, permit=known.generation)
    assert known == Circuit()


def test_within_a_window_a_success_between_failures_forgets_only_those_before_it() -> None:
    rules = replace(RULES, window=timedelta(seconds=120))
    known, now = Circuit(), datetime(2026, 1, 1, tzinfo=UTC)
    for _ in range(20):  # a failure a minute: never three within two minutes
        now += timedelta(seconds=60)
        known = circuit.failed(known, now, rules, permit=known.generation)
    assert (known.state, known.failures) == ("closed", 2)
    known = circuit.succeeded(known, now, rules, permit=known.generation)
    assert known.failures == 2
    known = circuit.failed(known, now, rules, permit=known.generation)
    assert (known.state, known.failures) == ("open", 3)
    closed = replace(known, state="closed", failures=1, failed_at=(now,))
    now += timedelta(seconds=120)
    assert circuit.succeeded(closed, now, rules, permit=known.generation).failures == 0
