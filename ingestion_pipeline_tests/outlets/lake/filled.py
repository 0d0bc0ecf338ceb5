"""A lake with rows of all kinds, for whoever reads it: odd names, exact numbers, none at all."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from ingestion_pipeline.domains.buildings.merge.months import Month, ensure_month
from ingestion_pipeline.foundation.ledger import tenants
from ingestion_pipeline.foundation.storage import database, roles
from ingestion_pipeline.outlets.lake.catalogue import OPERATOR, SHARED, Lake, lake_at
from ingestion_pipeline.outlets.lake.sync import sync
from ingestion_pipeline.outlets.lake.tables import BY_NAME, TABLES, LakeTable, Whose
from ingestion_pipeline_tests.outlets.marts.filling import (
    BASE,
    new_customer,
    new_hour,
    new_order,
    new_points,
    new_sale,
    new_vintage,
    refresh_all,
)

ODD = "a/b #1?%20"
OF_ACME = (ODD, 'it\'s a "site"', "Gebäude 7 – Süd", "x" * 300, "site_name=..", "NULL")
OF_NOBODY = "nobody's"


@dataclass(frozen=True)
class Filled:
    """A lake and the database that it was written from.

    Attributes:
        engine: of the database.
        lake: as its writer has it.
        acme: a tenant of nearly everything.
        other: a tenant with rows beside it.
        tables: that are in it.
    """

    engine: sa.Engine
    lake: Lake
    acme: int
    other: int
    tables: tuple[LakeTable, ...] = TABLES

    def sync(self) -> None:
        """Write what has changed."""
        for table in self.tables:
            assert sync(self.engine, self.lake, table).refused == []

    def folders(self) -> list[tuple[str, str]]:
        """Namespace and name of each table that is there."""
        return sorted(
            (namespace, name)
            for namespace in self.lake.namespaces()
            for _, name in self.lake.catalog.list_tables(namespace)
        )

    def folder(self, namespace: str, name: str) -> str:
        """Where a table is."""
        return self.lake.location(namespace, name)

    def in_database(self, namespace: str, name: str) -> list[tuple[Any, ...]]:
        """The rows that a namespace should have of a table, as `comparable` has them."""
        table = BY_NAME[name]
        with self.engine.connect() as connection:
            found = connection.execute(
                sa.text(f"SELECT * FROM {name} AS t WHERE {_OF[table.whose]}"),
                {"tenant": _number(namespace), "nobodys": namespace == OPERATOR},
            )
            return comparable(found.keys(), found)


_OF = {
    Whose.TENANTS: "tenant_id IS NOT DISTINCT FROM CAST(:tenant AS integer)",
    Whose.SITES: """
        CASE WHEN :nobodys THEN site_name NOT IN (SELECT site_name FROM tenant_sites)
        ELSE site_name IN (SELECT site_name FROM tenant_sites WHERE tenant_id = :tenant) END""",
    Whose.EVERYBODY: "true",
}


def _number(namespace: str) -> int | None:
    return None if namespace in (OPERATOR, SHARED) else int(namespace.removeprefix("tenant_"))


def comparable(names: Any, rows: Any) -> list[tuple[Any, ...]]:
    """Rows in an order of their own, each value as text that tells exactly what it is."""
    order = sorted(range(len(list(names))), key=list(names).__getitem__)
    return sorted(tuple(_plain(row[at]) for at in order) for row in rows)


def _plain(value: object) -> str:
    if isinstance(value, dict | list):  # JSON is text in the lake, as PostgreSQL writes it
        return json.dumps(value, sort_keys=True)
    if isinstance(value, str) and value[:1] in "{[" and value[:1]:
        return json.dumps(json.loads(value), sort_keys=True)
    if isinstance(value, datetime):
        assert value.tzinfo is not None
        return value.astimezone(UTC).isoformat()
    if isinstance(value, Decimal):
        return f"decimal {value.normalize():f}"
    if isinstance(value, bool | int):
        return str(int(value))
    return repr(value) if isinstance(value, float) else str(value)


@contextmanager
def filled(
    database_url: str,
    url: str,
    *,
    store: dict[str, str] | None = None,
    only: tuple[str, ...] = tuple(BY_NAME),
) -> Iterator[Filled]:
    """Fill a database, and write its lake below a URL."""
    engine = database.engine(database_url)
    roles.ensure(engine)
    with engine.begin() as connection:
        acme, other = tenants.ensure(connection, "acme"), tenants.ensure(connection, "other")
        _fill(connection, acme, other)
    refresh_all(engine)
    lake = lake_at(database_url, url, store)
    made = Filled(engine, lake, acme, other, tuple(BY_NAME[name] for name in only))
    made.sync()
    try:
        yield made
    finally:
        engine.dispose()
        database.engine.cache_clear()


def _fill(connection: sa.Connection, acme: int, other: int) -> None:
    for tenant, each in ((acme, 1), (other, 1000)):
        new_points(
            connection, tenant, {BASE + timedelta(hours=7 * n): each + n / 3 for n in range(9)}
        )
        for number, total in enumerate(("0.01", "10.10", "123456789012.34", None)):
            new_order(
                connection, tenant, new_customer(connection, tenant), total=total,
                at=BASE + timedelta(days=number * 20), discount="0.10" if number else None,
                currency="EUR" if number % 2 else "JPY",
            )  # fmt: skip
        new_sale(connection, tenant, number="1", amount="3.4250", title='„Ein Buch", 50 % #1\n')
        new_sale(connection, tenant, number="2", amount=None, currency=None)
    new_points(connection, acme, {BASE: float("nan"), BASE + timedelta(days=40): -0.0}, kpi="odd")
    for month in (Month.of(BASE), Month.of(BASE + timedelta(days=31))):
        ensure_month(connection, month)
    for number, site in enumerate((*OF_ACME, OF_NOBODY)):
        if site != OF_NOBODY:
            connection.execute(
                sa.text("INSERT INTO tenant_sites (tenant_id, site_name) VALUES (:tenant, :site)"),
                {"tenant": acme, "site": site},
            )
        for days in (0, 1, 40):
            new_hour(connection, site, at=BASE + timedelta(days=days), unit="ppm", value=number / 7)
    connection.execute(
        sa.text("INSERT INTO tenant_sites (tenant_id, site_name) VALUES (:tenant, :site)"),
        {"tenant": other, "site": ODD},
    )
    connection.exec_driver_sql(
        "UPDATE timeseries_raw SET value = NULL, value_text = 'on', metadata = '[1, null]' "
        "WHERE timestamp = '2026-03-02Z'"
    )
    new_vintage(connection, date(2026, 1, 1), "23.125")
    new_vintage(connection, date(2026, 2, 1), "12345678901234567.000000000000000001", series="ÄÖ/#")
    new_vintage(connection, date(2026, 3, 1), None)


def folder_in(path: Path) -> str:
    """A folder whose name has what a URL would take for something else."""
    return str(path / "the lake #1 – 100 % äöü?")
