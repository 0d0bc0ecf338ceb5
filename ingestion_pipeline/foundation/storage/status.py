"""What `db status` knows: which database, does it run, is its schema up to date."""

from dataclasses import asdict, dataclass
from typing import Any

import sqlalchemy as sa

from ingestion_pipeline.foundation.settings import Settings
from ingestion_pipeline.foundation.storage import database, schema
from ingestion_pipeline.foundation.storage.embedded import EmbeddedServer


@dataclass(frozen=True)
class DatabaseStatus:
    """The state of the database; `detail` says what went wrong."""

    kind: str
    url: str
    running: bool
    server_version: str | None = None
    revision: str | None = None
    newest_revision: str | None = None
    size_bytes: int | None = None
    detail: str | None = None

    @property
    def ready(self) -> bool:
        """Whether the database runs with the schema that this version needs."""
        return self.running and self.revision == self.newest_revision

    def as_dict(self) -> dict[str, Any]:
        """The document that `db status --json` prints."""
        return asdict(self) | {"ready": self.ready}


def database_status(configuration: Settings) -> DatabaseStatus:
    """Look at the database without starting or changing anything."""
    embedded = configuration.database_url is None
    kind = "embedded" if embedded else "DATABASE_URL"
    if embedded and not EmbeddedServer(configuration.home).is_running():
        return DatabaseStatus(kind, str(configuration.home / "postgres"), running=False)
    url = sa.make_url(database.database_url(configuration))
    shown = url.render_as_string(hide_password=True)
    engine = sa.create_engine(url, connect_args={"connect_timeout": 5})
    try:
        with engine.connect() as connection:
            return DatabaseStatus(
                kind,
                shown,
                running=True,
                server_version=connection.scalar(sa.text("SHOW server_version")),
                revision=schema.current_revision(connection),
                newest_revision=schema.head_revision(),
                size_bytes=connection.scalar(
                    sa.text("SELECT pg_database_size(current_database())")
                ),
            )
    except sa.exc.OperationalError as error:
        return DatabaseStatus(kind, shown, running=False, detail=str(error.orig).strip())
    finally:
        engine.dispose()
