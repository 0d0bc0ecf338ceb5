"""The lake's catalogue: which tables there are, and which of their files are theirs now.

It is two tables in a schema of the database's own (migration 0041), which only runs may use; who
reads the lake needs none of it. A pointer beside each table's metadata names the newest, as the
readers of others know it (`version-hint.text`): a folder is enough for them.
"""

import uuid
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa

from ingestion_pipeline.foundation.errors import ConfigurationError
from ingestion_pipeline.foundation.settings import Settings
from ingestion_pipeline.foundation.storage import database
from ingestion_pipeline.foundation.storage.privileges import LAKE
from ingestion_pipeline.outlets.lake import partitions
from ingestion_pipeline.outlets.lake.columns import Column
from ingestion_pipeline.outlets.lake.tables import LakeTable

if TYPE_CHECKING:
    from pyiceberg.catalog.sql import SqlCatalog
    from pyiceberg.io import FileIO
    from pyiceberg.table import Table

NONE = "there is no lake: LAKE_URL says where one goes"
OPERATOR = "operator"
SHARED = "shared"
POINTER = "version-hint.text"
_TENANT = "tenant_"
_PROPERTIES = {
    "format-version": "2",
    "write.parquet.compression-codec": "zstd",
    # A commit that has to be tried again was not alone, and works on what is not true any more.
    "commit.retry.num-retries": "0",
    "write.metadata.delete-after-commit.enabled": "true",
    "write.metadata.previous-versions-max": "20",
    # For `files.merge_manifests`: no other commit merges them.
    "commit.manifest-merge.enabled": "true",
    "commit.manifest.min-count-to-merge": "2",
    "commit.manifest.target-size-bytes": str(2**20),
    # What a query can skip files by; whole texts would be in every manifest.
    "write.metadata.metrics.default": "truncate(16)",
}


def namespace_of(tenant_id: int) -> str:
    """The namespace, and the folder, of a tenant: names of tenants are not for all to see."""
    return f"{_TENANT}{int(tenant_id)}"


def tenant_of(namespace: str) -> int | None:
    """The tenant of a namespace; None: it is none's."""
    number = namespace.removeprefix(_TENANT)
    return int(number) if namespace.startswith(_TENANT) and number.isdigit() else None


@dataclass(frozen=True)
class Lake:
    """The lake of an installation.

    Attributes:
        catalog: of pyiceberg.
        url: of the folder that everything is in, without a slash at its end.
    """

    catalog: "SqlCatalog"
    url: str

    def location(self, namespace: str, table: str) -> str:
        """Where a table is."""
        return f"{self.url}/{namespace}/{table}"

    def io(self, location: str) -> "FileIO":
        """The file system that a location is in."""
        from pyiceberg.io import load_file_io

        return load_file_io(self.catalog.properties, location)

    def table(self, namespace: str, name: str) -> "Table | None":
        """A table as it is now; None: there is none.

        Raises:
            ConfigurationError: it is elsewhere, as `LAKE_URL` was another when it was made.
        """
        table = self._known(namespace, name)
        if table is not None and table.location() != self.location(namespace, name):
            raise ConfigurationError(
                f"{namespace}.{name} is in {table.location()}, and LAKE_URL is {self.url} now: "
                "set it back, or let `ingestion-pipeline lake rebuild` write all of it there"
            )
        return table

    def _known(self, namespace: str, name: str) -> "Table | None":
        from pyiceberg.exceptions import NoSuchTableError

        try:
            return self.catalog.load_table((namespace, name))
        except NoSuchTableError:
            return None

    def leave(self, name: str) -> None:
        """Forget a table where it is elsewhere; its files stay there."""
        for namespace in self.namespaces():
            table = self._known(namespace, name)
            if table is not None and table.location() != self.location(namespace, name):
                self.catalog.drop_table((namespace, name))

    def namespaces(self) -> list[str]:
        """All there are, sorted."""
        return sorted(".".join(each) for each in self.catalog.list_namespaces())

    def make(
        self, namespace: str, table: LakeTable, columns: list[Column], *, comment: str
    ) -> "Table":
        """Make a table that is not there.

        Raises:
            ConfigurationError: in its place is one that this catalogue does not know.
        """
        from pyiceberg.schema import Schema
        from pyiceberg.types import NestedField

        if self.stranger(namespace, table.name):
            raise ConfigurationError(
                f"{self.location(namespace, table.name)} has a table that this database does not "
                "know: another database's, which needs another LAKE_URL, or of before a restore: "
                "`ingestion-pipeline lake adopt` (docs/lake.md)"
            )
        self.catalog.create_namespace_if_not_exists(namespace)
        schema = Schema(
            *(
                NestedField(number, column.name, column.iceberg(), doc=column.comment or None)
                for number, column in enumerate(columns, start=1)
            )
        )
        return self.catalog.create_table(
            (namespace, table.name),
            schema,
            location=self.location(namespace, table.name),
            partition_spec=partitions.spec_of(table, schema),
            properties={**_PROPERTIES, "comment": comment},
        )

    def stranger(self, namespace: str, name: str) -> str | None:
        """The metadata of a table that is in the place of one, and not in the catalogue.

        What was killed before its first commit has no pointer, and is no table.
        """
        if self.table(namespace, name) is not None:
            return None
        metadata = f"{self.location(namespace, name)}/metadata"
        said = _said(self.io(metadata), f"{metadata}/{POINTER}")
        return f"{metadata}/{said}.metadata.json" if said else None

    def adopt(self, namespace: str, name: str) -> bool:
        """Take a table that is in its place into the catalogue; whether there was one."""
        if (metadata := self.stranger(namespace, name)) is None:
            return False
        self.catalog.create_namespace_if_not_exists(namespace)
        self.catalog.register_table((namespace, name), metadata)
        return True

    def point(self, table: "Table") -> None:
        """Let the pointer name a table's newest metadata."""
        from ingestion_pipeline.outlets.lake.durable import WrittenThrough, write_names_through

        newest = table.metadata_location.rpartition("/")[2].removesuffix(".metadata.json")
        where = f"{table.location()}/metadata/{POINTER}"
        if _said(table.io, where) == newest:
            return
        if "://" in where:
            with table.io.new_output(where).create(overwrite=True) as file:
                file.write(newest.encode())
            return
        # Whoever reads meanwhile sees the one or the other, as of object stores.
        partial = Path(f"{where}.{uuid.uuid4().hex}.partial")
        with WrittenThrough(partial) as file:
            file.write(newest.encode())
        partial.replace(where)
        write_names_through(partial.parent)


def _said(io: "FileIO", where: str) -> str | None:
    try:
        with io.new_input(where).open() as file:
            return file.read().decode()
    except FileNotFoundError:
        return None


def opened(configuration: Settings) -> Lake:
    """The lake that settings name.

    Raises:
        ConfigurationError: the lake is off.
    """
    url = configuration.lake
    if url is None:
        raise ConfigurationError(NONE)
    return lake_at(database.database_url(configuration), url, configuration.lake_store)


def lake_at(database_url: str, url: str, store: dict[str, str] | None = None) -> Lake:
    """The lake whose catalogue a database has, and whose files are below a URL or a folder.

    Args:
        database_url: of the database.
        url: of the folder.
        store: what pyiceberg's file systems need to know of it, besides keys.
    """
    return Lake(_catalog(database_url, url, tuple((store or {}).items())), url.rstrip("/"))


@lru_cache(maxsize=8)
def _catalog(database_url: str, url: str, store: tuple[tuple[str, str], ...]) -> "SqlCatalog":
    """The catalogue, with its pool of connections: one a process, as engines are."""
    from pyiceberg.catalog.sql import SqlCatalog

    catalog = sa.make_url(database_url).update_query_dict({"options": f"-c search_path={LAKE}"})
    return SqlCatalog(
        "lake",
        uri=catalog.render_as_string(hide_password=False),
        warehouse=url,
        init_catalog_tables="false",
        pool_pre_ping="true",
        **{"py-io-impl": "ingestion_pipeline.outlets.lake.durable.DurableFileIO"},
        **dict(store),
    )
