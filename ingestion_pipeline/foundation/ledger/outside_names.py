"""The names that a tenant's programs have made in the ledger: so many of a sort, and no more.

Services, routes, kinds and event types are kept for good and grouped by: a program that puts an id
into one of them would make them without end.
"""

from collections.abc import Collection

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from ingestion_pipeline.foundation.errors import ContractError, FieldError
from ingestion_pipeline.foundation.ledger.tables.operations import outside_names

MOST = {"service": 50, "route": 1000, "kind": 200, "event_type": 200}


def admit(connection: sa.Connection, *, tenant_id: int, sort: str, names: Collection[str]) -> None:
    """Note the names that are new.

    Raises:
        ContractError: the tenant would have more than `MOST` of that sort.
    """
    c = outside_names.c
    mine = sa.and_(c.tenant_id == tenant_id, c.sort == sort)
    wanted = set(names)
    known = set(connection.scalars(sa.select(c.name).where(mine, c.name.in_(wanted))))
    new = sorted(wanted - known)
    if not new:
        return
    has = connection.scalar(sa.select(sa.func.count()).where(mine)) or 0
    if has + len(new) > MOST[sort]:
        rule = f"at most {MOST[sort]} different names are kept, and you have {has}"
        raise ContractError(f"{sort}: {rule}", [FieldError(sort, rule)])
    rows = [{"tenant_id": tenant_id, "sort": sort, "name": name} for name in new]
    connection.execute(insert(outside_names).on_conflict_do_nothing(), rows)
