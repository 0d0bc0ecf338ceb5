"""By whose clock a tenant's days are told, and which of them are holidays."""

from datetime import date
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from ingestion_pipeline.foundation.errors import ContractError
from ingestion_pipeline.foundation.ledger.tables.tenants import holidays, tenants
from ingestion_pipeline.foundation.unusual.calendars import Calendar


def calendar_of(connection: sa.Connection, tenant_id: int | None) -> Calendar:
    """A tenant's clock and holidays; of what is the operator's own, UTC without any."""
    if tenant_id is None:
        return Calendar()
    zone = connection.scalar(sa.select(tenants.c.time_zone).where(tenants.c.tenant_id == tenant_id))
    days = connection.scalars(
        sa.select(holidays.c.day).where(holidays.c.tenant_id == tenant_id)
    ).all()
    return Calendar(zone or "UTC", frozenset(days))


def set_zone(connection: sa.Connection, tenant_id: int, zone: str) -> None:
    """Tell a tenant's days by another clock.

    Raises:
        ContractError: there is no such zone.
    """
    try:
        ZoneInfo(zone)
    except (LookupError, ValueError, OSError):
        raise ContractError(
            f"zone: must be a name of the IANA database, such as Europe/Berlin, got {zone!r}"
        ) from None
    connection.execute(
        sa.update(tenants).where(tenants.c.tenant_id == tenant_id).values(time_zone=zone)
    )


def add_holiday(connection: sa.Connection, tenant_id: int, day: date, name: str) -> None:
    """A day on which a tenant does not work; of one that is known, its name."""
    values = {"tenant_id": tenant_id, "day": day, "name": name}
    connection.execute(
        insert(holidays)
        .values(values)
        .on_conflict_do_update(
            index_elements=[holidays.c.tenant_id, holidays.c.day], set_={"name": name}
        )
    )


def remove_holiday(connection: sa.Connection, tenant_id: int, day: date) -> bool:
    """Forget a holiday; False: there was none."""
    c = holidays.c
    gone = sa.delete(holidays).where(c.tenant_id == tenant_id, c.day == day)
    return bool(connection.execute(gone).rowcount)


def holidays_of(connection: sa.Connection, tenant_id: int) -> list[tuple[date, str]]:
    """A tenant's holidays in order, with their names."""
    c = holidays.c
    rows = connection.execute(
        sa.select(c.day, c.name).where(c.tenant_id == tenant_id).order_by(c.day)
    )
    return [(row.day, row.name) for row in rows]
