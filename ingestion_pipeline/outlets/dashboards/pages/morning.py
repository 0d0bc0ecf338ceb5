"""Morning: every domain on one screen, what is out of the ordinary first."""

from datetime import timedelta

from ingestion_pipeline.outlets.dashboards.asking import Ask, Shown, page
from ingestion_pipeline.outlets.dashboards.findings import of_tenant
from ingestion_pipeline.outlets.dashboards.pages import books, buildings, commerce, markets
from ingestion_pipeline.outlets.dashboards.pages.kpis import COLUMNS, series_rows
from ingestion_pipeline.outlets.dashboards.pages.site import rooms
from ingestion_pipeline.outlets.dashboards.spans import address
from ingestion_pipeline.outlets.dashboards.tables import Table

_DAYS = 7
_FINDINGS = 8
_ROWS = 8  # of a card
_BRIEF_KPIS = ("kpi", "now", "usual", "hours", "at")
_BRIEF_SITES = ("site", "co2", "temperature", "coverage", "alerts")
_BRIEF_ROOMS = ("room", "co2", "temperature", "coverage", "hours")


@page("/morning", nav="Morning")
def morning(ask: Ask) -> Shown:
    """The page that one opens first."""
    found = of_tenant(ask, since=ask.now - timedelta(days=_DAYS), most=100)
    kpis = Table(
        "kpis", "KPIs: now, what is usual now, age", COLUMNS, series_rows(ask, limit=_ROWS),
        empty="No reading yet.",
    )  # fmt: skip
    currencies, ordered = commerce.currencies(ask)
    incomes, sold = books.incomes(ask)
    site, of_buildings = _buildings(ask)
    tables = (
        kpis.briefly(*_BRIEF_KPIS), of_buildings,
        currencies.briefly(*commerce.BRIEFLY).cut(1, size=_ROWS),
        incomes.briefly(*books.BRIEFLY).cut(1, size=_ROWS),
        markets.macro(ask).briefly(*markets.BRIEF_MACRO).cut(1, size=_ROWS),
        markets.fundamentals(ask).briefly(*markets.BRIEF_MARKETS).cut(1, size=_ROWS),
    )  # fmt: skip
    came = any(table.rows for table in tables if table.name != "macro")
    nothing = not (found or came or ordered.due or sold.due)
    return Shown("morning.html", _greeting(ask, len(found)), tables, {
        "found": found[:_FINDINGS], "further": found[_FINDINGS:], "ordered": ordered, "sold": sold,
        "nothing": nothing, "days": _DAYS,
        "rooms_of": address("/buildings/site", site=site) if site else "/buildings",
    })  # fmt: skip


def _greeting(ask: Ask, found: int) -> str:
    hour = ask.now.astimezone(ask.zone).hour
    part = "morning" if 4 <= hour < 12 else "afternoon" if 12 <= hour < 18 else "evening"
    said = {0: "Nothing is out of the ordinary.", 1: "One thing to look at."}
    return f"Good {part}, {ask.tenant}. {said.get(found, f'{found} things to look at.')}"


def _buildings(ask: Ask) -> tuple[str | None, Table]:
    """Of one site its name and rooms, of several the sites."""
    days = ask.rows(buildings.SITES, tenant_id=ask.tenant_id)
    if len(days) == 1 and days[0].day is not None:
        [[name, day]] = days
        return name, rooms(ask, name, day).briefly(*_BRIEF_ROOMS).cut(1, size=_ROWS)
    return None, buildings.sites(ask).briefly(*_BRIEF_SITES).cut(1, size=_ROWS)
