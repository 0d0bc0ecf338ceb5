"""What was found out of the ordinary, as the pages tell it."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from ingestion_pipeline.outlets.dashboards.asking import Ask
from ingestion_pipeline.outlets.dashboards.charts import Mark
from ingestion_pipeline.outlets.dashboards.spans import address
from ingestion_pipeline.outlets.dashboards.telling import number
from ingestion_pipeline.outlets.findings.tables import QUIET

# A point is called `site/point` there, and either may have slashes: its site is one of the tenant's
# that has such a point, of several the one with the longest name.
_COLUMNS = """
    finding_id, domain, subject, kind, began_at, ended_at, raised_at, value, usual_low,
    usual_middle, usual_high, rarity, sentence, history, state, (
        SELECT site_name FROM tenant_sites AS s
        WHERE domain = 'buildings' AND s.tenant_id = findings.tenant_id
          AND starts_with(subject, site_name || '/') AND EXISTS (
              SELECT FROM timeseries_hourly AS told
              WHERE told.site_name = s.site_name
                AND told.point_name = substr(subject, length(s.site_name) + 2))
        ORDER BY length(site_name) DESC LIMIT 1) AS site
"""
# Worst first: what lasts before what has ended, then the rarer.
_OF_TENANT = sa.text(f"""
    SELECT {_COLUMNS} FROM findings
    WHERE tenant_id = :tenant_id AND (raised_at >= :since OR ended_at IS NULL)
      AND state <> 'absorbed' AND (:every OR state <> 'expected')
    ORDER BY state = 'open' DESC, rarity NULLS LAST, raised_at DESC, finding_id
    LIMIT :limit
""")  # noqa: S608  (a constant)
_OF_SUBJECT = sa.text(f"""
    SELECT {_COLUMNS} FROM findings
    WHERE tenant_id = :tenant_id AND domain = :domain AND subject = :subject
      AND state <> 'absorbed' AND (ended_at IS NULL OR ended_at >= :since)
    ORDER BY began_at DESC, finding_id
    LIMIT 200
""")  # noqa: S608  (a constant)
_OPEN = sa.text("""
    SELECT subject, count(*) AS open FROM findings
    WHERE tenant_id = :tenant_id AND domain = :domain AND state = 'open' GROUP BY 1
""")
_NAMES = {"level_shift": "Level shift"}
_OF_CURRENCIES = {"commerce": "orders in {}", "book_sales": "income of books in {}"}


@dataclass(frozen=True)
class Found:
    """A finding.

    Attributes:
        site: whose point the subject is; None: it is none, or nobody's any more.
        history: what was there at the same hour of the weeks before, as it was kept.
        link: the page of its series; None: it has none.
    """

    finding_id: int
    domain: str
    subject: str
    kind: str
    began_at: datetime
    ended_at: datetime | None
    raised_at: datetime
    value: float | None
    sentence: str
    history: Any
    state: str
    rarity: float | None
    site: str | None = None

    @property
    def name(self) -> str:
        """The kind, for people."""
        return _NAMES.get(self.kind, self.kind.replace("_", " ").capitalize())

    @property
    def before(self) -> list[str]:
        """What was there at the same hour of the weeks before, oldest first."""
        told = self.history if isinstance(self.history, list) else []
        values = [each[-1] if isinstance(each, list) and each else each for each in told]
        return [number(each) for each in values if isinstance(each, (int, float))]

    @property
    def link(self) -> str | None:
        """Where the series is shown; of a sender, what became of what it sent."""
        if self.kind in QUIET:
            return "/receipts"
        if self.domain == "buildings":
            return point_link(self.site, self.subject.removeprefix(f"{self.site}/"))
        return link_of(self.domain, self.subject)

    @property
    def about(self) -> str:
        """What it is of; a currency alone would not say that."""
        says = {} if self.kind in QUIET else _OF_CURRENCIES
        return says.get(self.domain, "{}").format(self.subject)


def point_link(site: str | None, point: str) -> str | None:
    """The page of a point of a building; None where its site is not known."""
    return None if site is None else address("/buildings/point", site=site, point=point)


def link_of(domain: str, subject: str) -> str | None:
    """The page of a series that has one name; of orders and books, a currency."""
    if domain == "kpis":
        return address("/kpis/series", kpi=subject)
    if domain == "markets":
        return address("/markets/series", series=subject)
    if domain == "commerce":
        return address("/commerce", currency=subject)
    return "/books" if domain == "book_sales" else None


def of_tenant(ask: Ask, *, since: datetime, most: int = 50, every: bool = False) -> list[Found]:
    """What is out of the ordinary, worst first; `every`: also what was said to be expected."""
    rows = ask.rows(_OF_TENANT, tenant_id=ask.tenant_id, since=since, limit=most, every=every)
    return list(map(_found, rows))


def of_subject(ask: Ask, domain: str, subject: str, *, since: datetime) -> list[Found]:
    """What was found of one series, newest first."""
    values = {"domain": domain, "subject": subject, "since": since}
    return list(map(_found, ask.rows(_OF_SUBJECT, tenant_id=ask.tenant_id, **values)))


def open_findings(ask: Ask, domain: str) -> Counter[str]:
    """How many findings of each series of a domain are open."""
    found: Counter[str] = Counter()
    for row in ask.rows(_OPEN, tenant_id=ask.tenant_id, domain=domain):
        found[row.subject] = row.open
    return found


def marks_of(found: Sequence[Found]) -> tuple[Mark, ...]:
    """Findings as marks of a chart."""
    return tuple(Mark(each.began_at, each.ended_at, each.kind, each.sentence) for each in found)


def _found(row: sa.Row[Any]) -> Found:
    names = Found.__dataclass_fields__
    return Found(**{name: getattr(row, name) for name in names})
