"""The limits beyond which samples are alerts: rows of `building_alert_rules`.

A rule is of a site and points (`*` stands for any text in either) and a severity; there is one of
each. It holds for days collected from then on, and for earlier ones when their partition of
`buildings/alerts` is made again.
"""

import math
from dataclasses import asdict, dataclass
from typing import Any

import sqlalchemy as sa

from ingestion_pipeline.domains.buildings.tables import alert_rules
from ingestion_pipeline.foundation.errors import ConfigurationError

SEVERITIES = ("info", "warning", "critical")


@dataclass(frozen=True)
class Limits:
    """What is still in order: `minimum` ≤ value ≤ `maximum`; None: no limit.

    Raises:
        ConfigurationError: there is no limit, one is no finite number, or nothing lies between.
    """

    minimum: float | None = None
    maximum: float | None = None

    def __post_init__(self) -> None:
        given = [limit for limit in (self.minimum, self.maximum) if limit is not None]
        if not given:
            raise ConfigurationError("alert rule: give a minimum, a maximum, or both")
        if not all(map(math.isfinite, given)):
            raise ConfigurationError("alert rule: limits must be finite numbers")
        if given != sorted(given):
            raise ConfigurationError("alert rule: the minimum is above the maximum")


@dataclass(frozen=True)
class AlertRule:
    """A rule as it is stored."""

    rule_id: int
    site_name: str
    point_name: str
    minimum: float | None
    maximum: float | None
    severity: str
    active: bool

    def as_dict(self) -> dict[str, Any]:
        """The document that `alert-rules list --json` prints."""
        return asdict(self)


def set_rule(
    connection: sa.Connection, *, site: str, point: str, limits: Limits, severity: str = "warning"
) -> tuple[int, bool]:
    """Set the limits of points; returns the rule's number, and whether it is a new one.

    Raises:
        ConfigurationError: there is no such severity, or a name is empty or has a NUL.
    """
    if severity not in SEVERITIES:
        raise ConfigurationError(f"severity: must be one of {', '.join(SEVERITIES)}")
    if any(not name or "\0" in name for name in (site, point)):
        raise ConfigurationError("alert rule: site and point need a name, or *")
    c = alert_rules.c
    connection.exec_driver_sql(f"LOCK TABLE {alert_rules.name} IN SHARE ROW EXCLUSIVE MODE")
    values = {"minimum": limits.minimum, "maximum": limits.maximum, "active": True}
    same = (c.site_name == site, c.point_name == point, c.severity == severity)
    known = connection.scalars(
        sa.update(alert_rules).where(*same).values(values).returning(c.rule_id)
    ).first()
    if known is not None:
        return known, False
    new = sa.insert(alert_rules).values(
        site_name=site, point_name=point, severity=severity, **values
    )
    return connection.execute(new.returning(c.rule_id)).scalar_one(), True


def all_rules(connection: sa.Connection) -> list[AlertRule]:
    """Every rule, by site and point."""
    c = alert_rules.c
    columns = [c[name] for name in AlertRule.__dataclass_fields__]
    order = (c.site_name, c.point_name, c.severity, c.rule_id)
    return [AlertRule(*row) for row in connection.execute(sa.select(*columns).order_by(*order))]


def delete_rule(connection: sa.Connection, rule_id: int) -> bool:
    """Delete a rule; alerts that it has raised stay. False: there is none of that number."""
    gone = sa.delete(alert_rules).where(alert_rules.c.rule_id == rule_id)
    return connection.execute(gone).rowcount == 1
