"""A gateway with its pages, and visitors of them."""

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import httpx
import sqlalchemy as sa

from ingestion_pipeline.foundation.ledger import tenants, viewers
from ingestion_pipeline.foundation.sealing import new_key
from ingestion_pipeline.foundation.storage import roles
from ingestion_pipeline.foundation.storage.privileges import DASHBOARDS
from ingestion_pipeline_tests.gateway.running import CRON_SECRET, serving

_numbers = itertools.count(1)
KEYS = new_key()


@dataclass(frozen=True)
class Visiting:
    """A tenant, its key, and a client that is signed in with it, as a browser would be."""

    tenant: str
    tenant_id: int
    api_key: str
    http: httpx.Client


@dataclass(frozen=True)
class PagesServer:
    """Where the pages are, and the database under them, as its owner sees it."""

    url: str
    engine: sa.Engine

    def new_tenant(self, name: str | None = None) -> tuple[int, str]:
        """A tenant that may see pages; its number and key."""
        with self.engine.begin() as connection:
            tenant_id = tenants.ensure(connection, name or f"visitor-{next(_numbers)}")
            api_key = tenants.issue_key(connection, tenant_id)
        viewers.ensure(self.engine)
        return tenant_id, api_key

    @contextmanager
    def visiting(self, name: str | None = None) -> Iterator[Visiting]:
        """Somebody who has signed in."""
        name = name or f"visitor-{next(_numbers)}"
        tenant_id, api_key = self.new_tenant(name)
        with httpx.Client(base_url=self.url, timeout=60) as http:
            answer = http.post("/sign-in", data={"key": api_key})
            assert answer.status_code == 303, answer.text
            yield Visiting(name, tenant_id, api_key, http)


def pages_url(engine: sa.Engine) -> str:
    """The URL of a login that the pages read with."""
    roles.ensure(engine)
    login = f"pages_{next(_numbers)}"  # a second one would get the first a new password
    with engine.begin() as connection:
        password = roles.make_login(connection, login, group=DASHBOARDS, acts_as_group=False)
    return roles.url_of(engine, login, password)


@contextmanager
def serving_pages(database_url: str, **values: object) -> Iterator[PagesServer]:
    """A gateway in a thread, its pages set up as an installation's are."""
    owner = sa.create_engine(database_url)
    settings = {
        "CREDENTIAL_KEYS": KEYS,
        "CRON_SECRET": CRON_SECRET,
        "DASHBOARDS_DATABASE_URL": pages_url(owner),
        **values,
    }
    try:
        with serving(database_url, **settings) as running:
            yield PagesServer(running.url, running.engine)
    finally:
        owner.dispose()
