"""In whose namespace of the lake rows are: as the policies of the database would show them."""

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from ingestion_pipeline.outlets.lake.catalogue import OPERATOR, SHARED, namespace_of, tenant_of
from ingestion_pipeline.outlets.lake.due import Due, day_of
from ingestion_pipeline.outlets.lake.partitions import Partition
from ingestion_pipeline.outlets.lake.tables import LakeTable, Whose

_SITES = sa.text("SELECT site_name, array_agg(tenant_id) FROM tenant_sites GROUP BY 1")


@dataclass(frozen=True)
class Owners:
    """Who has which site, in a snapshot.

    Attributes:
        sites: the tenants that have a site.
    """

    sites: dict[str, list[int]]

    @classmethod
    def of(cls, connection: sa.Connection) -> "Owners":
        """As the connection sees it."""
        return cls({site: sorted(tenants) for site, tenants in connection.execute(_SITES)})

    def namespaces(self, table: LakeTable, part: Due) -> list[str]:
        """The namespaces that a partition's rows are in."""
        if table.whose is Whose.EVERYBODY:
            return [SHARED]
        if table.whose is Whose.TENANTS:
            return [namespace_of(part.tenant_id) if part.tenant_id else OPERATOR]
        tenants = self.sites.get(part.partition.key, [])
        return [namespace_of(tenant) for tenant in tenants] or [OPERATOR]

    def has(self, table: LakeTable, namespace: str, key: str) -> bool:
        """Whether a namespace may have rows of a key; only sites change hands."""
        if table.whose is not Whose.SITES:
            return True
        tenants = self.sites.get(key, [])
        return tenant_of(namespace) in tenants if tenants else namespace == OPERATOR


def condition(table: LakeTable, tenant: int | None) -> str:
    """The rows of a table that are a tenant's, in SQL, beside what the policies show its viewer.

    Args:
        table: whose.
        tenant: None: the operator.
    """
    if table.whose is not Whose.TENANTS:
        return "true"
    return "tenant_id IS NULL" if tenant is None else f"tenant_id = {int(tenant)}"


def due_of(table: LakeTable, namespace: str, values: tuple[Any, ...]) -> Due:
    """What the ledger calls a partition of a namespace's table, given the lake's values of it."""
    left = list(values)
    key = str(left.pop(0)) if table.key else ""
    ordinal = left.pop(0) if table.time else None
    tenant_id = (tenant_of(namespace) or 0) if table.whose is Whose.TENANTS else 0
    return Due(tenant_id, Partition(key, day_of(table, ordinal), ordinal))
