"""Whoever takes the lake's marks as the exporter does ends up with what the tables hold.

Whatever statements changed them, through whichever of several transactions, however late these were
committed, and wherever the exporter was killed.
"""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import partial
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingestion_pipeline.domains.buildings.contract.windows import day_of
from ingestion_pipeline.domains.buildings.merge.months import Month, ensure_month
from ingestion_pipeline.domains.buildings.merge.staging import copy_straight
from ingestion_pipeline.foundation.ledger import tenants
from ingestion_pipeline.foundation.storage.bulk import encode_rows
from ingestion_pipeline_tests.foundation.ledger.exporting import (
    KINDS,
    Exporter,
    Kind,
)

WRITERS = 3
WAIT = "1ms"  # for a lock of another writer: only this thread could end it
DAYS = (date(2026, 3, 1), date(2026, 3, 2), date(2027, 1, 1))


@dataclass(frozen=True)
class Step:
    """A call of the world's."""

    name: str
    arguments: tuple[Any, ...]

    def of(self, world: "World") -> None:
        """Do it."""
        getattr(world, self.name)(*self.arguments)


@dataclass
class World:
    """Writers, each with a transaction under way, and the exporter."""

    engine: sa.Engine
    exporter: Exporter
    writers: list[sa.Connection] = field(default_factory=list)

    def clear(self) -> None:
        """Nothing is there, and nothing in the lake."""
        with self.engine.begin() as connection:
            for table in (*KINDS, "tenant_sites", "changed_parts"):
                connection.exec_driver_sql(f"DELETE FROM {table}")
        self.exporter.lake.clear()

    def fill(self, kind: Kind) -> None:
        """Something is there, and in the lake, and there is room for it elsewhere."""
        self.clear()
        rows = ", ".join(
            f"({', '.join([kind.owners[0], moment, *kind.others.values()])})"
            for moment in kind.moments[::2]
        )
        self.execute(0, f"{kind.insert} {rows} ON CONFLICT DO NOTHING", True)
        self.execute(0, "INSERT INTO tenant_sites VALUES (1, 'a')", True)
        self.sync(kind, False)

    def execute(self, writer: int, statement: str, last: bool) -> None:
        """A statement of a writer's transaction; one that has to wait for another is given up."""
        connection = self.writers[writer]
        refused = (sa.exc.OperationalError, sa.exc.IntegrityError)  # for a lock; for a row's key
        with suppress(*refused), connection.begin_nested():
            # Keys of other tables are not looked at: bulk merges do so, and the marks stay.
            connection.exec_driver_sql("SET LOCAL session_replication_role = replica")
            connection.exec_driver_sql(statement)
        if last:
            self.end(writer, True)

    def copy(self, writer: int, site: str, day: date) -> None:
        """A page that is copied straight into its month."""
        window = day_of(day)
        rows = [(site, "p", window.start + timedelta(hours=7), 1.5, None, "good", None)]
        connection = self.writers[writer]
        with suppress(psycopg.errors.LockNotAvailable), connection.begin_nested():
            copy_straight(connection, encode_rows(rows), site=site, window=window, binary=False)

    def sync(self, kind: Kind, killed: bool) -> None:
        """The exporter takes what is marked, unless somebody has just truncated the table."""
        with suppress(sa.exc.OperationalError):
            there = self.exporter.sync(kind, killed=killed, wait=WAIT)
            assert self.exporter.lake[kind.table] == there

    def end(self, writer: int, commit: bool) -> None:
        """End a writer's transaction; its next statement begins another."""
        if commit:
            self.writers[writer].commit()
        else:
            self.writers[writer].rollback()


@pytest.fixture(scope="module")
def world(shared_database_url: str) -> Iterator[World]:
    engine = sa.create_engine(shared_database_url)
    impatient = sa.create_engine(
        shared_database_url, connect_args={"options": f"-c lock_timeout={WAIT}"}
    )
    with engine.begin() as connection:
        assert [tenants.ensure(connection, name) for name in ("acme", "bolt")] == [1, 2]
        for month in ((2026, 2), (2026, 3), (2026, 12), (2027, 1)):
            ensure_month(connection, Month(date(*month, 1)))
    made = World(engine, Exporter(engine), [impatient.connect() for _ in range(WRITERS)])
    yield made
    for writer in made.writers:
        writer.close()
    impatient.dispose()
    engine.dispose()


@st.composite
def statements(draw: st.DrawFn, kind: Kind) -> str:
    """A statement that changes a table of the lake, or who sees a site."""

    def row() -> str:
        values = [draw(st.sampled_from(kind.owners)), draw(st.sampled_from(kind.moments))]
        return f"({', '.join([*values, *kind.others.values()])})"

    def some() -> str:
        whose = f"{kind.owner} IS NOT DISTINCT FROM {draw(st.sampled_from(kind.owners))}"
        when = f"{kind.moment} = {draw(st.sampled_from(kind.moments))}"
        return draw(st.sampled_from(["true", whose, when, f"{whose} AND {when}"]))

    def assigned(column: str, values: Sequence[str]) -> str:
        return f"{column} = {draw(st.sampled_from(values))}"

    table, changed = kind.table, assigned(kind.changed, kind.to)
    site, tenant = draw(st.sampled_from(["a", "b"])), draw(st.sampled_from([1, 2]))
    sorts = {
        "insert": f"{kind.insert} {row()}, {row()} ON CONFLICT DO NOTHING",
        "upsert": f"{kind.insert} {row()} ON CONFLICT ON CONSTRAINT {kind.once} "
        f"DO UPDATE SET {changed}",
        "in place": f"UPDATE {table} SET {changed} WHERE {some()}",
        "another's": f"UPDATE {table} SET {assigned(kind.owner, kind.owners)} WHERE {some()}",
        "another time": f"UPDATE {table} SET {assigned(kind.moment, kind.moments)} WHERE {some()}",
        "delete": f"DELETE FROM {table} WHERE {some()}",
        "truncate": f"TRUNCATE {table} CASCADE",
        "two at once": f"WITH gone AS (DELETE FROM {table} WHERE {some()} RETURNING 1) "
        f"{kind.insert} {row()} ON CONFLICT DO NOTHING",
        "given": f"INSERT INTO tenant_sites VALUES ({tenant}, '{site}') ON CONFLICT DO NOTHING",
        "taken": f"DELETE FROM tenant_sites WHERE site_name = '{site}'",
        "passed on": f"UPDATE tenant_sites SET tenant_id = {tenant} WHERE site_name = '{site}'",
    }
    return sorts[draw(st.sampled_from([*sorts, "insert", "in place", "another time"]))]


def steps(kind: Kind) -> st.SearchStrategy[Step]:
    """What happens next: a call of the world's."""
    writer = st.integers(0, WRITERS - 1)
    said = st.tuples(writer, statements(kind), st.booleans())
    executed = st.builds(partial(Step, "execute"), said)
    ended = st.builds(partial(Step, "end"), st.tuples(writer, st.sampled_from([True, True, False])))
    killed = st.sampled_from([False, False, False, True])
    synced = st.builds(partial(Step, "sync"), st.tuples(st.just(kind), killed))
    if kind.table == "timeseries_raw":
        page = st.tuples(writer, st.sampled_from(["a", "b"]), st.sampled_from(DAYS))
        executed |= st.builds(partial(Step, "copy"), page)
    return st.one_of(executed, ended, synced)


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
@given(data=st.data())
@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
def test_the_lake_ends_up_with_what_the_tables_hold(
    world: World, kind: Kind, data: st.DataObject
) -> None:
    world.fill(kind)
    try:
        for step in data.draw(st.lists(steps(kind), min_size=10, max_size=40)):
            step.of(world)
    finally:
        for writer in range(WRITERS):
            world.end(writer, True)
    there = world.exporter.sync(kind)
    assert world.exporter.lake[kind.table] == there


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_every_sort_of_statement_is_followed(world: World, kind: Kind) -> None:
    world.fill(kind)
    table, (mine, others), moments = kind.table, kind.owners, kind.moments
    row = ", ".join([mine, moments[0], *kind.others.values()])
    last = len(moments) - 1
    for statement in (
        f"UPDATE {table} SET {kind.changed} = {kind.to[0]} WHERE {kind.moment} = {moments[0]}",
        f"{kind.insert} ({row}) ON CONFLICT ON CONSTRAINT {kind.once} "
        f"DO UPDATE SET {kind.changed} = {kind.to[1]}",
        f"UPDATE {table} SET {kind.moment} = {moments[1]} "
        f"WHERE {kind.moment} = {moments[last - last % 2]}",
        f"UPDATE {table} SET {kind.moment} = {moments[last]} WHERE {kind.moment} = {moments[0]}",
        f"WITH gone AS (DELETE FROM {table} WHERE {kind.moment} = {moments[1]} RETURNING 1) "
        f"{kind.insert} ({row})",
        f"UPDATE {table} SET {kind.owner} = {others}",
        "UPDATE tenant_sites SET site_name = 'b'",
        "INSERT INTO tenant_sites VALUES (2, 'b')",
        "DELETE FROM tenant_sites WHERE tenant_id = 1",
        f"DELETE FROM {table} WHERE {kind.moment} = {moments[0]}",
        "TRUNCATE tenant_sites",
        f"TRUNCATE {table} CASCADE",
    ):
        with world.engine.begin() as connection:
            connection.exec_driver_sql("SET LOCAL session_replication_role = replica")
            connection.exec_driver_sql(statement)
        there = world.exporter.sync(kind)
        assert world.exporter.lake[table] == there, statement
    assert there == {}


def test_a_month_that_is_archived_stays_in_the_lake(world: World) -> None:
    kind = KINDS["timeseries_raw"]
    world.clear()
    world.copy(0, "a", date(2026, 2, 7))
    world.copy(0, "b", date(2026, 3, 7))
    world.end(0, True)
    world.sync(kind, False)
    before = dict(world.exporter.lake[kind.table])
    assert len(before) == 2
    with world.engine.begin() as connection:
        connection.exec_driver_sql("SELECT drop_timeseries_month('2026-02-01')")
    world.exporter.sync(kind)
    assert world.exporter.lake[kind.table] == before
    with world.engine.begin() as connection:
        ensure_month(connection, Month(date(2026, 2, 1)))
