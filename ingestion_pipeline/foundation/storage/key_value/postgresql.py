"""Key-value entries in the table `key_value`; every method but `list` and `purge` is one statement.

On an engine each call stands for itself. On a connection it joins the caller's transaction, and is
undone with it: that is how a cached document is invalidated by the very transaction that outdates
it (`PostgreSQLKeyValue(connection, namespace)`).

The clock is `statement_timestamp()`: it moves within a transaction, unlike `now()`, and not within
a statement, unlike `clock_timestamp()`, so that one statement never sees an entry both alive and
expired.
"""

import contextlib
from collections.abc import Iterator
from datetime import timedelta
from itertools import islice
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB, Insert, insert

from ingestion_pipeline.foundation.errors import PermanentError, TransientError
from ingestion_pipeline.foundation.storage.columns import TIMESTAMP, bigint, now, text, timestamp
from ingestion_pipeline.foundation.storage.key_value.contract import (
    LARGEST_INTEGER,
    LONGEST_KEY,
    LONGEST_NAMESPACE,
    PAGE,
    SMALLEST_INTEGER,
    Entry,
    checked,
    checked_amount,
    encoded,
    milliseconds,
)
from ingestion_pipeline.foundation.storage.metadata import metadata
from ingestion_pipeline.foundation.storage.wording import UPDATED_AT

key_value = sa.Table(
    "key_value",
    metadata,
    text("namespace", primary_key=True, comment="Whose documents they are: one namespace a tenant"),
    sa.Column(
        "key",
        sa.Text(collation="C"),
        primary_key=True,
        comment="Key of the document, unique in its namespace",
    ),
    sa.Column("value", JSONB, nullable=False, comment="The document"),
    bigint("version", comment="Grows with every write, for compare-and-set"),
    timestamp("expires_at", nullable=True, comment="When it stops being there, UTC; NULL: never"),
    now("updated_at", comment=UPDATED_AT),
    comment="Documents by key, where the key-value store is PostgreSQL",
)
sa.Index(
    "key_value_expires_at_idx",
    key_value.c.expires_at,
    postgresql_where=key_value.c.expires_at.is_not(None),
)
key_value_versions = sa.Sequence("key_value_versions", metadata=metadata)

_primary_key = [key_value.c.namespace, key_value.c.key]
_now = sa.func.statement_timestamp(type_=TIMESTAMP)
_expired = key_value.c.expires_at <= _now
_alive = sa.or_(key_value.c.expires_at.is_(None), key_value.c.expires_at > _now)


class PostgreSQLKeyValue:
    """`KeyValue` in the database; on an engine it can be shared between threads."""

    def __init__(self, database: sa.Engine | sa.Connection, namespace: str) -> None:
        self._namespace = checked(namespace, name="namespace", longest=LONGEST_NAMESPACE)
        # A single statement needs no BEGIN and COMMIT around it: two round trips less.
        self._database = (
            database.execution_options(isolation_level="AUTOCOMMIT")
            if isinstance(database, sa.Engine)
            else database
        )

    def get(self, key: str) -> Entry | None:
        """See `KeyValue.get`."""
        query = sa.select(key_value.c.value, key_value.c.version).where(self._is(key), _alive)
        with self._connection() as connection:
            row = connection.execute(query).one_or_none()
        return None if row is None else Entry(row.value, row.version)

    def put(self, key: str, value: Any, *, ttl: timedelta | None = None) -> int:
        """See `KeyValue.put`."""
        changes = _changes(encoded(key, value), ttl)
        statement = self._insert(key, changes).on_conflict_do_update(
            index_elements=_primary_key, set_=changes
        )
        with self._connection() as connection:
            version = connection.execute(statement.returning(key_value.c.version)).scalar_one()
        return int(version)

    def delete(self, key: str) -> bool:
        """See `KeyValue.delete`."""
        statement = sa.delete(key_value).where(self._is(key)).returning(_alive)
        with self._connection() as connection:
            return connection.scalar(statement) is True

    def list(self, prefix: str = "", *, limit: int | None = None) -> Iterator[str]:
        """See `KeyValue.list`."""
        checked(prefix, name="prefix", shortest=0, longest=LONGEST_KEY)
        return islice(self._keys(prefix, PAGE if limit is None else min(limit, PAGE)), limit)

    def compare_and_set(
        self, key: str, value: Any, *, expected: int | None, ttl: timedelta | None = None
    ) -> int | None:
        """See `KeyValue.compare_and_set`."""
        changes = _changes(encoded(key, value), ttl)
        statement: sa.Insert | sa.Update
        if expected is None:
            statement = self._insert(key, changes).on_conflict_do_update(
                index_elements=_primary_key, set_=changes, where=_expired
            )
        else:
            unchanged = key_value.c.version == expected
            statement = sa.update(key_value).where(self._is(key), _alive, unchanged).values(changes)
        with self._connection() as connection:
            version: int | None = connection.scalar(statement.returning(key_value.c.version))
        return version

    def increment(self, key: str, by: int = 1, *, ttl: timedelta | None = None) -> int:
        """See `KeyValue.increment`."""
        made = _changes(str(checked_amount(by)), ttl)
        text = sa.cast(key_value.c.value, sa.Text)
        # NULL where the value is no integer; 19 digits are what 64 bits can need.
        total = sa.case(
            (
                text.regexp_match("^-?[0-9]{1,19}$"),
                sa.cast(text, sa.Numeric) + sa.literal(by, sa.Numeric),
            )
        )
        counted = made | {
            "value": sa.case((_expired, made["value"]), else_=sa.func.to_jsonb(total, type_=JSONB)),
            "expires_at": sa.case((_expired, made["expires_at"]), else_=key_value.c.expires_at),
        }
        statement = self._insert(key, made).on_conflict_do_update(
            index_elements=_primary_key,
            set_=counted,
            where=sa.or_(_expired, total.between(SMALLEST_INTEGER, LARGEST_INTEGER)),
        )
        with self._connection() as connection:
            value = connection.scalar(statement.returning(key_value.c.value))
        if value is None:
            raise PermanentError(f"{key!r} is not an integer, or would need more than 64 bits")
        return int(value)

    def purge(self) -> int:
        """See `KeyValue.purge`; on a connection everything stays locked until its commit."""
        # Skipping locked rows: somebody is writing them anew. MATERIALIZED by its FOR UPDATE,
        # so that the limit holds.
        batch = (
            sa.select(key_value.c.key)
            .where(key_value.c.namespace == self._namespace, _expired)
            .order_by(key_value.c.expires_at)
            .limit(PAGE)
            .with_for_update(skip_locked=True)
            .cte("batch")
        )
        statement = sa.delete(key_value).where(
            key_value.c.namespace == self._namespace, key_value.c.key == batch.c.key
        )
        purged = 0
        while True:
            with self._connection() as connection:
                removed = connection.execute(statement).rowcount
            purged += removed
            if removed < PAGE:
                return purged

    def _keys(self, prefix: str, page: int) -> Iterator[str]:
        # By bytes, whatever the collation of the database is. The prefix is compared here: in SQL
        # it would need escapes, or an upper bound, which text in UTF-8 does not have.
        by_bytes = key_value.c.key.collate("C")
        onwards = by_bytes >= prefix
        while True:
            query = (
                sa.select(key_value.c.key)
                .where(key_value.c.namespace == self._namespace, _alive, onwards)
                .order_by(by_bytes)
                .limit(page)
            )
            with self._connection() as connection:
                keys = connection.scalars(query).all()
            for key in keys:
                if not key.startswith(prefix):
                    return
                yield key
            if len(keys) < page:
                return
            onwards = by_bytes > keys[-1]

    def _is(self, key: str) -> sa.ColumnElement[bool]:
        checked(key, name="key", longest=LONGEST_KEY)
        return sa.and_(key_value.c.namespace == self._namespace, key_value.c.key == key)

    def _insert(self, key: str, changes: dict[str, sa.ColumnElement[Any]]) -> Insert:
        checked(key, name="key", longest=LONGEST_KEY)
        return insert(key_value).values(namespace=self._namespace, key=key, **changes)

    @contextlib.contextmanager
    def _connection(self) -> Iterator[sa.Connection]:
        try:
            if isinstance(self._database, sa.Connection):
                yield self._database
            else:
                with self._database.connect() as connection:
                    yield connection
        except (sa.exc.OperationalError, sa.exc.InterfaceError) as error:
            # Only the driver's words: SQLAlchemy's show the statement with the values in it.
            raise TransientError(f"key-value table: {error.orig}") from error.orig
        except sa.exc.TimeoutError as error:
            raise TransientError(f"key-value table: {error}") from error


def purge_expired(engine: sa.Engine) -> int:
    """Purge every namespace that has expired entries; returns how many there were.

    Raises:
        TransientError: the database did not answer.
    """
    expired = sa.select(key_value.c.namespace).where(_expired).distinct()
    with engine.connect() as connection:
        namespaces = connection.scalars(expired).all()
    return sum(PostgreSQLKeyValue(engine, namespace).purge() for namespace in namespaces)


def _changes(text: str, ttl: timedelta | None) -> dict[str, sa.ColumnElement[Any]]:
    """The columns that a write sets, to the value of a JSON text."""
    lifetime = None if ttl is None else timedelta(milliseconds=milliseconds(ttl))
    return {
        "value": sa.cast(sa.literal(text, sa.Text), JSONB),
        # Drawn again when a conflict turns the insert into an update, by then under the row's
        # lock: the versions of a key also grow.
        "version": key_value_versions.next_value(),
        "expires_at": sa.cast(sa.null(), TIMESTAMP) if lifetime is None else _now + lifetime,
        "updated_at": _now,
    }
