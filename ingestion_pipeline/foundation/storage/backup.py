"""The database as one file, and back: `pg_dump` and `pg_restore`, which come with us.

What a backup holds is of one moment, while everybody goes on writing. Roles are the cluster's and
not in it; landed files are beside the database (docs/operations.md has the order of steps). Of the
lake's catalogue it has the tables, and no rows: which files are the newest, the lake itself says.
"""

import os
import subprocess
import tempfile
from pathlib import Path

import sqlalchemy as sa

from ingestion_pipeline.foundation.errors import ConfigurationError, PermanentError
from ingestion_pipeline.foundation.storage import roles, schema
from ingestion_pipeline.foundation.storage.embedded import binaries
from ingestion_pipeline.foundation.storage.privileges import LAKE, STAGING

# Made and dropped by collections under way, which begin their window again without. Whatever else
# a run's login has made there is not to be made again by the owner.
# And the lake's catalogue names files that may be gone by the time of the restore.
_PASSING = (
    f"--exclude-schema={STAGING}", "--exclude-table=timeseries_staging_*",
    f"--exclude-table-data={LAKE}.*",
)  # fmt: skip
# What the lake has is newer than what is restored, or older, or of another installation.
_MARK_LAKE = """
    INSERT INTO changed_parts (reader, source, tenant_id, key, day)
    SELECT 'lake', relname, 0, '', 'infinity'
    FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid
    WHERE tgname = 'note_lake_truncate' AND relname <> 'tenant_sites'
      AND relnamespace = current_schema()::regnamespace
    ORDER BY relname
"""


def dump(engine: sa.Engine, file: Path) -> int:
    """Write a backup to a file, which is there whole or not at all; returns its bytes.

    Raises:
        PermanentError: `pg_dump` failed; what it said is in the message.
    """
    unfinished = file.with_name(file.name + ".part")
    _run(
        engine, "pg_dump", "--format=custom", "--lock-wait-timeout=60s", *_PASSING,
        f"--file={unfinished}",
    )  # fmt: skip
    with unfinished.open("rb") as written:
        os.fsync(written.fileno())
    unfinished.rename(file)
    return file.stat().st_size


def restore(engine: sa.Engine, file: Path) -> str:
    """Restore a backup into an empty database, in one transaction; returns the schema's revision.

    Roles that the backup's policies name are made where they are missing.

    Raises:
        ConfigurationError: the database is not empty, or roles are missing that we may not make.
        PermanentError: `pg_restore` failed; the database is as empty as before.
    """
    with engine.connect() as connection:
        if sa.inspect(connection).get_table_names():
            raise ConfigurationError("the database is not empty: restore into a new one")
    content = _run(engine, "pg_restore", "--list", str(file))
    if "every_row" in content:
        roles.ensure(engine)
    with tempfile.NamedTemporaryFile("w", suffix=".list") as wanted:
        # Who may call PostgreSQL's own functions is granted anew, to whoever is the owner here.
        lines = [line for line in content.splitlines() if " ACL pg_catalog " not in line]
        wanted.write("\n".join(lines) + "\n")
        wanted.flush()
        _run(
            engine, "pg_restore", "--single-transaction", "--exit-on-error", "--no-owner",
            f"--use-list={wanted.name}", f"--dbname={engine.url.database}", str(file),
        )  # fmt: skip
    with engine.begin() as connection:
        connection.exec_driver_sql("ANALYZE")  # statistics are not in a backup
        connection.exec_driver_sql(f"CREATE SCHEMA IF NOT EXISTS {STAGING}")
        if connection.scalar(sa.text("SELECT to_regnamespace(:name)"), {"name": LAKE}):
            connection.exec_driver_sql(_MARK_LAKE)
        if roles.are_there(connection):
            roles.grant(connection)
        return schema.current_revision(connection) or "base"


def _run(engine: sa.Engine, program: str, *arguments: str) -> str:
    url = engine.url
    # By the environment, because a command line is there for all to see.
    environment = {"PGHOST": url.host, "PGUSER": url.username, "PGPASSWORD": url.password}
    environment |= {"PGPORT": str(url.port or ""), "PGDATABASE": url.database}
    done = subprocess.run(
        [str(binaries() / program), *arguments],
        env={**os.environ, **{name: text for name, text in environment.items() if text}},
        stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
        umask=0o077,  # a backup holds what every tenant has sent
    )  # fmt: skip
    if done.returncode != 0:
        raise PermanentError(f"{program} failed: {done.stderr.strip()[-2000:]}")
    return done.stdout
