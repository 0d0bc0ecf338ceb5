"""Staged rows → their table, in statements that take a whole set at once."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import sqlalchemy as sa

_COLLECT_STATISTICS = sa.text(
    "SELECT collect_statistics(CAST(:table AS regclass), CAST(:columns AS text[]))"
)


def collect_statistics(connection: sa.Connection, table: sa.Table, columns: Sequence[str]) -> None:
    """Tell the planner about rows that have just come.

    Autovacuum would do so within a minute; a merge before that is planned for the table as it was
    (empty, say) and takes many times as long. Costs milliseconds, 0.1 s for a large table. To be
    called in a transaction of its own, because it keeps a lock to the end.
    """
    # A function of migration 0012: ANALYZE by itself passes over tables of another owner.
    connection.execute(_COLLECT_STATISTICS, {"table": table.name, "columns": list(columns)})


@dataclass(frozen=True)
class Merge:
    """How rows that have arrived go into a table.

    A merge is two statements. `insert_new` takes the rows whose key is new, sorted by key, because
    an index grows three times as fast in order. `rest` and `update` deal with all others, and are
    only needed where `insert_new` has not taken all.

    Attributes:
        arrivals: the rows, at most one a key.
        target: where they go.
        key: the columns of the target's primary key.
        columns: the other columns, compared and written.
        version: a column of both, not part of `columns`; the greater value wins (order of
            arrival, time of collection). Rows that a merge writes carry a version that no row
            of the target had before.
        parents: tables that must hold a row's parent, each with {our column: its column}.
        kept: those of `columns` that a row without them (NULL) leaves as they are.
        only_new: whether no row of the target is ever changed: it is inserted or `unchanged`.
        newer: given the target's row and the arrival, whether the former is newer; where that is
            more than a comparison of versions.
        lasting: given the target's row, whether what it holds may be `kept`.
    """

    arrivals: sa.FromClause
    target: sa.Table
    key: tuple[str, ...]
    columns: tuple[str, ...]
    version: str
    parents: tuple[tuple[sa.Table, dict[str, str]], ...] = ()
    kept: tuple[str, ...] = ()
    only_new: bool = False
    newer: Callable[[sa.FromClause, sa.FromClause], sa.ColumnElement[bool]] | None = None
    lasting: Callable[[sa.FromClause], sa.ColumnElement[bool]] | None = None

    def insert_new(self) -> sa.Insert:
        """INSERT what has all its parents and is not in the target yet."""
        arrivals = self.arrivals
        written = [*self.key, *self.columns, self.version]
        parents_exist = [
            sa.exists().where(
                *(parent.c[theirs] == arrivals.c[ours] for ours, theirs in link.items())
            )
            for parent, link in self.parents
        ]
        current = self.target.alias("current")
        rows = (
            sa.select(*(arrivals.c[name] for name in written))
            .where(*parents_exist, ~sa.exists().where(same_key(current, arrivals, self.key)))
            .order_by(*(arrivals.c[name] for name in self.key))
        )
        return sa.insert(self.target).from_select(written, rows)

    def rest(self) -> sa.CTE:
        """What `insert_new` has left, as a CTE: the arrivals' columns and an `action`.

        Actions: `waiting` (a parent is missing), `superseded` (the target holds a newer
        version), `updated`, `unchanged`.
        """
        arrivals, current = self.arrivals, self.target.alias("current")
        source: sa.FromClause = arrivals.outerjoin(current, same_key(current, arrivals, self.key))
        orphan: sa.ColumnElement[bool] = sa.false()
        for number, (parent, link) in enumerate(self.parents):
            other = parent.alias(f"parent_{number}")
            links = [other.c[theirs] == arrivals.c[ours] for ours, theirs in link.items()]
            source = source.outerjoin(other, sa.and_(*links))
            orphan = sa.or_(orphan, other.c[next(iter(link.values()))].is_(None))
        differs = sa.tuple_(*(current.c[name] for name in self.columns)).is_distinct_from(
            sa.tuple_(*(self._written(name, arrivals, current) for name in self.columns))
        )
        there, mine = current.c[self.version], arrivals.c[self.version]
        is_newer = self.newer(current, arrivals) if self.newer is not None else there > mine
        if self.only_new:
            action: sa.ColumnElement[str] = sa.case(
                (there.is_(None), sa.literal_column("'waiting'")),
                else_=sa.literal_column("'unchanged'"),
            )
        else:
            action = sa.case(
                (orphan, sa.literal_column("'waiting'")),
                (is_newer, sa.literal_column("'superseded'")),
                (differs, sa.literal_column("'updated'")),
                else_=sa.literal_column("'unchanged'"),
            )
        # Rows of this very version are those that insert_new has just written.
        left = sa.or_(there.is_(None), there != mine)
        rows = sa.select(arrivals, action.label("action")).select_from(source).where(left)
        return rows.cte("rest").prefix_with("MATERIALIZED", dialect="postgresql")

    def update(self, rest: sa.CTE) -> sa.CTE:
        """UPDATE what differs, as a CTE to add to a SELECT from `rest`."""
        return (
            sa.update(self.target)
            .values(
                {name: self._written(name, rest, self.target) for name in self.columns}
                | {self.version: rest.c[self.version]}
            )
            .where(rest.c.action == "updated", same_key(self.target, rest, self.key))
            .cte("updated")
        )

    def _written(
        self, name: str, arrivals: sa.FromClause, current: sa.FromClause
    ) -> sa.ColumnElement[object]:
        """What a column is to hold."""
        told = arrivals.c[name]
        if name not in self.kept:
            return told
        if self.lasting is None:
            return sa.func.coalesce(told, current.c[name])
        known = sa.case((self.lasting(current), current.c[name]))
        return sa.case((told.is_not(None), told), else_=known)


def same_key(
    left: sa.FromClause, right: sa.FromClause, key: Sequence[str]
) -> sa.ColumnElement[bool]:
    """`left.k = right.k AND …` for every column of a key."""
    return sa.and_(*(left.c[name] == right.c[name] for name in key))


@contextmanager
def foreign_keys_checked_in_bulk(
    connection: sa.Connection, parents: Sequence[sa.Table]
) -> Iterator[None]:
    """Let statements that look their parents up skip the per-row foreign-key triggers.

    The triggers cost 5 µs a row and key; the look-up has just checked the same thing for the whole
    set. A SHARE lock on the parents, taken before the statement, keeps them from being deleted
    until the transaction ends, so the constraint holds at every moment and for everybody.
    Where the role may not set `session_replication_role` the triggers simply stay on.
    """
    if not parents or not connection.scalar(
        sa.text("SELECT has_parameter_privilege('session_replication_role', 'SET')")
    ):
        yield
        return
    names = ", ".join(parent.name for parent in parents)
    connection.exec_driver_sql(f"LOCK TABLE {names} IN SHARE MODE")
    connection.exec_driver_sql("SET LOCAL session_replication_role = replica")
    yield
    connection.exec_driver_sql("SET LOCAL session_replication_role = origin")
