"""A circuit breaker whose state is in the database, so that all processes share it.

Each call is one short transaction that locks the upstream's row; nothing is held while a request
is under way. The clock is the database's: processes on several machines agree on it.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from ingestion_pipeline.foundation.errors import CircuitOpenError
from ingestion_pipeline.foundation.upstreams import circuit
from ingestion_pipeline.foundation.upstreams.circuit import Circuit, Rules
from ingestion_pipeline.foundation.upstreams.tables import circuit_breakers

_columns = [
    circuit_breakers.c.state,
    circuit_breakers.c.failures,
    circuit_breakers.c.generation,
    circuit_breakers.c.opened_at,
    circuit_breakers.c.probe_until,
    circuit_breakers.c.failed_at,
]


@dataclass(frozen=True)
class Breaker:
    """The circuit breaker of one upstream; safe to share between threads."""

    engine: sa.Engine
    name: str
    rules: Rules

    def check(self) -> None:
        """Say early that the circuit is open; admits nobody.

        Raises:
            CircuitOpenError: see `admit`.
        """
        now = sa.func.clock_timestamp()
        query = sa.select(*_columns, now, circuit_breakers.c.last_error).where(self._row)
        with self.engine.connect() as connection:
            found = connection.execute(query).one_or_none()
        if found is not None:
            *known, moment, last_error = found
            self._refuse(_circuit(known), moment, f", the last by: {last_error}")

    def admit(self) -> int:
        """Let a caller through and return its permit, to be handed back with the outcome.

        Raises:
            CircuitOpenError: the circuit is open, or somebody else holds the half-open probe.
        """

        def admitted(known: Circuit, now: datetime) -> Circuit:
            self._refuse(known, now)
            return circuit.admit(known, now, self.rules)

        return self._change(admitted).generation

    def succeeded(self, permit: int) -> None:
        """The upstream answered."""
        self._change(lambda known, now: circuit.succeeded(known, now, self.rules, permit=permit))

    def failed(self, permit: int, error: str) -> None:
        """The upstream did not answer, or only that it can't; `error` is kept to be read."""
        self._change(
            lambda known, now: circuit.failed(known, now, self.rules, permit=permit), error=error
        )

    def abandoned(self, permit: int) -> None:
        """The caller was interrupted; nothing is known of the upstream."""
        self._change(lambda known, now: circuit.abandoned(known, now, permit=permit))

    @property
    def _row(self) -> sa.ColumnElement[bool]:
        return circuit_breakers.c.name == self.name

    def _refuse(self, known: Circuit, now: datetime, reason: str = "") -> None:
        retry_at = circuit.retry_at(known, now, self.rules)
        if retry_at is not None:
            raise CircuitOpenError(
                f"{self.name}: not called until {retry_at.isoformat(timespec='seconds')}, "
                f"{known.failures} requests have failed{reason}",
                retry_at=retry_at,
            )

    def _change(
        self, rule: Callable[[Circuit, datetime], Circuit], *, error: str | None = None
    ) -> Circuit:
        """Apply a rule; locks and writes only where it changes something, which is rare."""
        with self.engine.begin() as connection:
            query = sa.select(*_columns).where(self._row)
            known = self._read(connection, query)
            if rule(*known) == known[0]:
                return known[0]
            connection.execute(
                insert(circuit_breakers).values(name=self.name).on_conflict_do_nothing()
            )
            # Once more, as nobody can change it now.
            before, now = self._read(connection, query.with_for_update())
            after = rule(before, now)
            if after != before:
                values = {**asdict(after), "failed_at": list(after.failed_at), "updated_at": now}
                if error is not None:
                    values["last_error"] = error
                connection.execute(sa.update(circuit_breakers).where(self._row).values(values))
        return after

    @staticmethod
    def _read(connection: sa.Connection, query: sa.Select[Any]) -> tuple[Circuit, datetime]:
        """The circuit and the time, which is asked for after the row's lock has been got."""
        found = connection.execute(query).one_or_none()
        now = connection.execute(sa.select(sa.func.clock_timestamp())).scalar_one()
        return (Circuit() if found is None else _circuit(found)), now


def _circuit(row: Sequence[Any]) -> Circuit:
    state, failures, generation, opened_at, probe_until, failed_at = row
    return Circuit(state, failures, generation, opened_at, probe_until, tuple(failed_at))
