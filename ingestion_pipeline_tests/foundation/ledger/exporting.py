"""The lake's exporter in a few lines, over a dict: what the ledger promises whoever reads it.

In one REPEATABLE READ transaction it takes the marks that its snapshot has, reads their partitions
whole, puts them in the place of what was there, and deletes these marks last. Where a row belongs
is worked out here from the row, apart from the triggers' SQL.
"""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

import sqlalchemy as sa

Part = tuple[int, str, str]  # tenant (0: nobody's, everybody's, a site's), key, time
Rows = dict[Part, list[str]]
WITHOUT, ALL = "-infinity", "infinity"


@dataclass(frozen=True)
class Kind:
    """A table of the lake, and how a row of it says where it belongs.

    Attributes:
        owner: the column that says whose a row is; of a site or a series: its name.
        owners: values for it, in SQL.
        moment: the column that tells an owner's rows apart; mostly their time.
        moments: values for it, in SQL.
        part: where a row belongs, of its owner and moment.
        changed: a column that statements change in place.
        to: values for it, in SQL.
        others: what else a row needs: columns, and values in SQL.
        site: whether tenants see it by `tenant_sites`.
    """

    table: str
    owner: str
    owners: tuple[str, str]
    moment: str
    moments: tuple[str, ...]
    part: Callable[[Any, Any], Part]
    changed: str
    to: tuple[str, str]
    others: dict[str, str]
    site: bool = False

    @property
    def insert(self) -> str:
        """The statement that inserts rows, but for these."""
        columns = ", ".join([self.owner, self.moment, *self.others])
        return f"INSERT INTO {self.table} ({columns}) VALUES"

    @property
    def once(self) -> str:
        """The constraint that says which rows are the same."""
        return "findings_once" if self.table == "findings" else f"{self.table}_pkey"


def _date(moment: date) -> date:
    return moment.astimezone(UTC).date() if isinstance(moment, datetime) else moment


def by_day(moment: date) -> str:
    """The UTC day."""
    return _date(moment).isoformat()


def by_month(moment: date) -> str:
    """The first of the UTC month."""
    return _date(moment).replace(day=1).isoformat()


def by_year(moment: date) -> str:
    """The first of the UTC year."""
    return _date(moment).replace(month=1, day=1).isoformat()


_INSTANTS = (
    "'2026-03-01T00:00:00Z'", "'2026-03-01T23:59:59.999999Z'", "'2026-03-02T05:00:00+13:00'",
    "'2026-02-28T20:00:00-11:00'", "'2026-12-31T23:00:00Z'", "'2027-01-01T00:30:00+01:00'",
)  # fmt: skip
_DAYS = ("'2026-01-01'", "'2026-12-31'", "'2027-01-01'")
_TENANTS, _SITES = ("1", "2"), ("'a'", "'b'")

KINDS = {
    kind.table: kind
    for kind in (
        Kind("kpi_points", "tenant_id", _TENANTS, "observed_at", _INSTANTS,
             lambda owner, moment: (owner, "", by_day(moment)), "quality", ("'high'", "'low'"),
             {"kpi_id": "'k'", "value": "1", "timestamp_text": "''", "kpi_type": "'x'",
              "trace_id": "'t'", "in_order": "true"}),
        Kind("timeseries_raw", "site_name", _SITES, "timestamp", _INSTANTS,
             lambda owner, moment: (0, owner, by_day(moment)), "quality", ("'bad'", "'text'"),
             {"point_name": "'p'", "value": "1", "quality": "'good'"}, site=True),
        Kind("weather_raw", "site_name", _SITES, "timestamp", _INSTANTS,
             lambda owner, moment: (0, owner, by_month(moment)), "quality", ("'bad'", "'text'"),
             {"measure": "'m'", "value": "1", "quality": "'good'"}, site=True),
        Kind("timeseries_daily", "site_name", _SITES, "day", _DAYS,
             lambda owner, moment: (0, owner, by_year(moment)), "samples", ("2", "3"),
             {"point_name": "'p'", "samples": "1", "coverage": "1"}, site=True),
        Kind("macro_observations", "series_id", _SITES, "date", _DAYS,
             lambda owner, _: (0, owner, WITHOUT), "value", ("2", "3"),
             {"realtime_start": "'2026-01-01'", "realtime_end": "'9999-12-31'"}),
        Kind("findings", "tenant_id", ("1", "NULL"), "began_at", _INSTANTS,
             lambda owner, _: (owner or 0, "", WITHOUT), "state", ("'ended'", "'expected'"),
             {"domain": "'kpis'", "subject": "'k'", "kind": "'spike'", "raised_at": "now()",
              "watched_weeks": "1", "sentence": "''", "history": "'[]'", "state": "'open'"}),
        Kind("customers", "tenant_id", _TENANTS, "customer_id",
             ("'0a000000-0000-4000-8000-000000000000'", "'0b000000-0000-4000-8000-000000000000'",
              "'f0000000-0000-4000-8000-000000000000'"),
             lambda owner, moment: (owner, str(moment)[0], WITHOUT), "email", ("'a'", "'b'"),
             {"name": "'Ada'", "email": "''", "metadata": "'{}'", "upload_id": "0"}),
    )
}  # fmt: skip


@dataclass
class Exporter:
    """The lake: by table, whose, key and time, the rows that are there."""

    engine: sa.Engine
    lake: dict[str, Rows] = field(default_factory=lambda: defaultdict(dict))

    def sync(self, kind: Kind, *, killed: bool = False, wait: str = "0") -> Rows:
        """Write what is marked; returns what the lake is to hold then.

        Args:
            kind: of which table.
            killed: just before the marks are deleted.
            wait: for whoever truncates the table, as PostgreSQL's `lock_timeout`.
        """
        snapshot = self.engine.execution_options(isolation_level="REPEATABLE READ")
        with snapshot.connect() as connection, connection.begin() as transaction:
            connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{wait}'")
            marks = connection.execute(
                sa.text(
                    "SELECT change_id, tenant_id, key, CAST(day AS text) FROM changed_parts "
                    "WHERE reader = 'lake' AND source = :source"
                ),
                {"source": kind.table},
            ).all()
            there = tables_say(connection, kind)
            lake = self.lake[kind.table]
            for part in {*there, *lake}:
                if any(_names(kind, tuple(mark[1:]), part) for mark in marks):
                    lake.pop(part, None)
                    if part in there:
                        lake[part] = there[part]
            if killed:
                transaction.rollback()
                return there
            connection.execute(
                sa.text("DELETE FROM changed_parts WHERE change_id = ANY(:numbers)"),
                {"numbers": [mark[0] for mark in marks]},
            )
            return there


def _names(kind: Kind, mark: Part, part: Part) -> bool:
    """Whether a mark names a partition, which of a site is that of each tenant that has it."""
    tenant, key, time = mark
    if time == ALL:
        return tenant in (0, part[0]) and key in ("", part[1])
    return (kind.site or tenant == part[0]) and (key, time) == part[1:]


def tables_say(connection: sa.Connection, kind: Kind) -> Rows:
    """What the lake is to hold of a table: of a site a partition a tenant that has it."""
    rows = connection.exec_driver_sql(
        f"SELECT {kind.owner}, {kind.moment}, CAST(t AS text) FROM {kind.table} AS t ORDER BY 3"
    )
    holders: dict[str, list[int]] = defaultdict(list)
    for tenant, site in connection.exec_driver_sql("SELECT tenant_id, site_name FROM tenant_sites"):
        holders[site].append(tenant)
    found: Rows = defaultdict(list)
    for owner, moment, row in rows:
        whose, key, time = kind.part(owner, moment)
        for tenant in holders.get(owner, [0]) if kind.site else [whose]:
            found[tenant, key, time].append(row)
    return dict(found)
