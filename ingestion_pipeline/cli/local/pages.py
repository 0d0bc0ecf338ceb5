"""The pages' login of a local installation: made by the first start, its password kept in the home.

Only where the database is the home's own: of another one its owner makes the login
(`ingestion-pipeline db login dashboards NAME`) and says it in DASHBOARDS_DATABASE_URL.
"""

import os
from pathlib import Path

import sqlalchemy as sa
from pydantic import SecretStr

from ingestion_pipeline.cli.local.secrets import kept_secret, replaced_secret
from ingestion_pipeline.foundation.ledger import tenants, viewers
from ingestion_pipeline.foundation.settings import Settings
from ingestion_pipeline.foundation.storage import locks, roles, schema
from ingestion_pipeline.foundation.storage.privileges import DASHBOARDS

_LOGIN = "ingestion_pages"


def pages_login(configuration: Settings, engine: sa.Engine) -> dict[str, str]:
    """The login's URL, by its variable; nothing where it is configured, or is not ours to make."""
    if configuration.dashboards_database_url or configuration.database_url:
        return {}
    with engine.connect() as connection:
        prepared = roles.are_there(connection) and roles.is_there(connection, DASHBOARDS)
    if not prepared:
        roles.ensure(engine)
    viewers.ensure(engine)
    file = configuration.home / "postgres" / "pages"
    password = locks.under_lock(engine, lambda connection: _password(connection, file))
    return {"DASHBOARDS_DATABASE_URL": roles.url_of(engine, _LOGIN, password)}


def demo_key(configuration: Settings, engine: sa.Engine, tenant: str) -> str:
    """A key with which one signs in as the tenant of the sample; the same one every time."""

    def make() -> str:
        with engine.begin() as connection:
            return tenants.issue_key(connection, tenants.ensure(connection, tenant))

    key = kept_secret(configuration, "DEMO_API_KEY", make)
    with engine.connect() as connection:
        [holder] = tenants.holders_of_keys(connection, [tenants.key_hash(key)])
    if holder is None:  # the database is another one, or somebody has revoked it
        key = replaced_secret(configuration, "DEMO_API_KEY", make())
    viewers.ensure(engine)
    return key


def with_pages_login(configuration: Settings) -> Settings:
    """With the login of the home's own database, for a gateway that is started by itself."""
    if configuration.dashboards_database_url or configuration.database_url:
        return configuration
    [url] = pages_login(configuration, schema.upgraded(configuration)).values()
    return configuration.model_copy(update={"dashboards_database_url": SecretStr(url)})


def _password(connection: sa.Connection, file: Path) -> str:
    if file.exists() and roles.is_there(connection, _LOGIN):
        return file.read_text()
    password = roles.make_login(connection, _LOGIN, group=DASHBOARDS, acts_as_group=False)
    beside = file.with_suffix(".part")
    beside.unlink(missing_ok=True)
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as opened:
        opened.write(password)
    beside.replace(file)
    return password
