"""The upstream of book sales that is asked; all others send reports. As a Dagster resource."""

import sqlalchemy as sa

from ingestion_pipeline.domains.book_sales.sources.gumroad.api import open_upstream
from ingestion_pipeline.foundation.upstreams.client import Upstream
from ingestion_pipeline.orchestration.resources import CONFIGURATION, FromSettings


class GumroadApi(FromSettings):
    """Gumroad's API under `GUMROAD_API_BASE_URL`: the sales of the accounts whose tokens tenants
    have left with us, encrypted. It is asked `GUMROAD_REQUESTS_PER_MINUTE` times a minute at most,
    by all runs together, and left alone for a while after failures."""

    def open(self, engine: sa.Engine, token: str) -> Upstream:
        """The API as the owner of a token sees it; to be closed.

        Args:
            engine: of the database by which all processes share its limit.
            token: of the account; shown nowhere.
        """
        return open_upstream(engine, token, configuration=CONFIGURATION.read())
