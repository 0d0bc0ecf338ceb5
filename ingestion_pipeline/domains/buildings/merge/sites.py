"""Whose a site is: its tenants, whose logins in the database see the site's rows and no others."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from ingestion_pipeline.domains.buildings.tables import tenant_sites
from ingestion_pipeline.foundation.errors import ConfigurationError
from ingestion_pipeline.foundation.ledger import tenants
from ingestion_pipeline.foundation.ledger.tables.tenants import tenants as tenants_table


@dataclass(frozen=True)
class TenantSite:
    """A site of a tenant."""

    tenant: str
    site: str
    since: datetime

    def as_dict(self) -> dict[str, str]:
        """The entry in `tenants sites list --json`."""
        return {"tenant": self.tenant, "site": self.site, "since": self.since.isoformat()}


def add_site(connection: sa.Connection, tenant: str, site: str) -> bool:
    """Make a site a tenant's, whoever else's it is; False: it was already.

    Raises:
        ConfigurationError: the name is empty or has a NUL.
        UnknownTenantError: there is no such tenant.
    """
    if not site.strip() or "\0" in site:
        raise ConfigurationError("site: must have a name")
    row = {"tenant_id": tenants.find(connection, tenant), "site_name": site}
    added = insert(tenant_sites).values(row).on_conflict_do_nothing()
    return connection.execute(added.returning(tenant_sites.c.site_name)).first() is not None


def remove_site(connection: sa.Connection, tenant: str, site: str) -> bool:
    """Let a site be a tenant's no longer; False: it was not. Its rows stay.

    Raises:
        UnknownTenantError: there is no such tenant.
    """
    c = tenant_sites.c
    mine = (c.tenant_id == tenants.find(connection, tenant), c.site_name == site)
    return connection.execute(sa.delete(tenant_sites).where(*mine)).rowcount == 1


def all_sites(connection: sa.Connection, tenant: str | None = None) -> list[TenantSite]:
    """Every site that is a tenant's (or those of one), by tenant and site.

    Raises:
        UnknownTenantError: there is no such tenant.
    """
    c = tenant_sites.c
    query = (
        sa.select(tenants_table.c.name, c.site_name, c.created_at)
        .select_from(tenant_sites)
        .join(tenants_table, tenants_table.c.tenant_id == c.tenant_id)
        .order_by(tenants_table.c.name, c.site_name)
    )
    if tenant is not None:
        query = query.where(c.tenant_id == tenants.find(connection, tenant))
    return [TenantSite(*row) for row in connection.execute(query)]
