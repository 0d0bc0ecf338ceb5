"""What a page is asked, and with what it answers: the two shapes that every page knows.

@page("/kpis", nav="KPIs")
def kpis(ask: Ask) -> Shown:
    return Shown("kpis.html", "KPIs", tables=(table_of(ask.rows(_QUERY)),))
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import sqlalchemy as sa

from ingestion_pipeline.outlets.dashboards.tables import Table
from ingestion_pipeline.outlets.receipts.waiting import Waiting

logger = logging.getLogger(__name__)

PAGE_ROWS = 50  # of a long table on one page
EXPORT_ROWS = 100_000  # of a table that is taken away
_LONGEST = 500  # characters of a parameter
_ZONE = sa.text("SELECT time_zone FROM tenants WHERE tenant_id = :tenant_id")


class NotThereError(Exception):
    """There is no such thing, or it is somebody else's: the same page says both."""


@dataclass(frozen=True)
class Ask:
    """One request for a page; all that it reads goes through here.

    Attributes:
        connection: in the transaction that sees this tenant's rows only.
        tenant_id: whose; 0 for the operator.
        tenant: its name.
        path: of the page.
        parameters: of the query string, as they came.
        now: the moment of the request, UTC.
        exporting: whether one table is taken away, with all its rows.
        health: the health document, of the operator's pages.
        coming: files that are still coming, of pages that tell of them.
    """

    connection: sa.Connection
    tenant_id: int
    tenant: str
    path: str
    parameters: Mapping[str, str]
    now: datetime
    exporting: bool = False
    health: Mapping[str, Any] | None = None
    coming: Sequence[Waiting] = ()

    def rows(self, query: sa.TextClause, **values: object) -> Sequence[sa.Row[Any]]:
        """The rows of a query, which is a constant; whatever came in is among `values`."""
        return self.connection.execute(query, values).all()

    def row(self, query: sa.TextClause, **values: object) -> sa.Row[Any] | None:
        """Its first row, or None."""
        return self.connection.execute(query, values).first()

    def text(self, name: str) -> str:
        """A parameter as text; empty: not given, or nothing that the database could hold."""
        value = self.parameters.get(name, "")
        return "" if "\0" in value or len(value) > _LONGEST else value

    def whole(self, name: str, *, least: int, most: int) -> int:
        """A parameter as a whole number, within its bounds; the least where it is none."""
        value = self.text(name)
        if not value.isascii() or not value.isdigit() or len(value) > 9:
            return least
        return max(least, min(most, int(value)))

    @cached_property
    def zone(self) -> ZoneInfo:
        """Where the tenant's days begin."""
        found = self.row(_ZONE, tenant_id=self.tenant_id)
        try:
            return ZoneInfo(found[0] if found else "UTC")
        except (ZoneInfoNotFoundError, ValueError):
            logger.warning("tenant %s has no time zone %r", self.tenant_id, found and found[0])
            return ZoneInfo("UTC")

    @property
    def page(self) -> int:
        """Which page of a long table is asked for, from 1."""
        return self.whole("page", least=1, most=1_000_000)

    @property
    def window(self) -> dict[str, int]:
        """LIMIT and OFFSET of a long table; one row more than is shown says that it goes on."""
        if self.exporting:
            return {"limit": EXPORT_ROWS, "offset": 0}
        return {"limit": PAGE_ROWS + 1, "offset": (self.page - 1) * PAGE_ROWS}


@dataclass(frozen=True)
class Shown:
    """A page as it is to be rendered.

    Attributes:
        template: in `templates/`.
        title: of the page, as text.
        tables: each can be taken away by its name.
        values: what else the template needs.
    """

    template: str
    title: str
    tables: tuple[Table, ...] = ()
    values: Mapping[str, Any] = field(default_factory=dict)

    def table(self, name: str) -> Table:
        """One of the tables.

        Raises:
            NotThereError: there is none of that name.
        """
        for table in self.tables:
            if table.name == name:
                return table
        raise NotThereError


Build = Callable[[Ask], Shown]


@dataclass(frozen=True)
class Page:
    """A page of the site.

    Attributes:
        path: its address.
        build: makes it.
        nav: what the navigation calls it; None: it is not in there.
        operator: whether it is the operator's, not a tenant's.
        coming: whether it tells of files that are still coming.
    """

    path: str
    build: Build
    nav: str | None = None
    operator: bool = False
    coming: bool = False


PAGES: dict[str, Page] = {}


def page(
    path: str, *, nav: str | None = None, operator: bool = False, coming: bool = False
) -> Callable[[Build], Build]:
    """Make a function a page at a path; the navigation is in order of definition."""

    def register(build: Build) -> Build:
        PAGES[path] = Page(path, build, nav, operator, coming)
        return build

    return register
