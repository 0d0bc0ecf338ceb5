"""The storage layer as Dagster resources: thin, connecting at first use, never at load."""

import dagster as dg
import sqlalchemy as sa

from ingestion_pipeline.storage import database


class Database(dg.ConfigurableResource):  # type: ignore[type-arg]
    """The PostgreSQL database.

    Attributes:
        url: overrides `DATABASE_URL` and the embedded server; for tests and other deployments.
    """

    url: str | None = None

    def engine(self) -> sa.Engine:
        """The engine of a database whose schema is up to date."""
        engine = database.engine(self.url) if self.url else database.engine()
        database.upgrade(engine)
        return engine
