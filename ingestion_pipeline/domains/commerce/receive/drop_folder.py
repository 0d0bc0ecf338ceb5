"""The drop folder: files that somebody puts into `DROP_URL/{tenant}/` become uploads, once each.

A complete file is copied to the landing store, recorded, and then taken out of the folder.
Killed in between, the next scan does what is left: a file that is already recorded (same path,
size and time of change) is only removed; a landed copy without a record is invisible. A file for
which its tenant has no room stays in the folder until there is some.

A file counts as complete when it has not changed for `DROP_SETTLE` seconds. Folders within a
tenant's are those of platforms, whose reports another wing takes.
"""

import logging
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import sqlalchemy as sa

from ingestion_pipeline.domains.commerce.contract.entities import DOMAIN, entity_of_file
from ingestion_pipeline.domains.commerce.land.uploads import land_upload
from ingestion_pipeline.foundation.errors import (
    ContractError,
    IngestionError,
    QuotaError,
    UnknownTenantError,
)
from ingestion_pipeline.foundation.ledger import dropping, tenants, uploads
from ingestion_pipeline.foundation.ledger.dropping import Dropped, due
from ingestion_pipeline.foundation.storage.dropped import DroppedFile, files_in, folders_in
from ingestion_pipeline.foundation.storage.landing import Landed, Landing, file_system

logger = logging.getLogger(__name__)


@dataclass
class Scan(Dropped):
    """What a scan of the drop folder did.

    Attributes:
        unknown_tenants: folders of none.
        no_room: why files stay in the folder: by tenant, what its quota is.
        of_nobody: files that stay because they lie beside the tenants' folders.
    """

    unknown_tenants: set[str] = field(default_factory=set)
    no_room: dict[str, str] = field(default_factory=dict)
    of_nobody: list[str] = field(default_factory=list)


def receive_dropped(
    engine: sa.Engine,
    *,
    drop_url: str,
    landing: Landing,
    settle: timedelta,
    attempts: int,
    keeps: int,
    until: datetime,
) -> Scan:
    """Record the complete files in the drop folder, until time is up.

    Args:
        engine: of a migrated database.
        drop_url: the folder with one folder a tenant.
        landing: where files are kept.
        settle: how long a file must have been left alone.
        attempts: of the jobs that load the files.
        keeps: bytes of files, of a tenant that has no limit of its own.
        until: take no further file after this moment; the next scan goes on.
    """
    outcome = Scan()
    files, root = file_system(drop_url)
    listed = ((file.tenant, file) for file in _list(files, root))
    outcome.of_nobody = [file.name for file in files_in(files, root, root=root, tenant="")]
    for tenant, dropped in due(listed, outcome, settle=settle, until=until):
        try:
            with engine.begin() as connection:
                tenant_id = tenants.find(connection, tenant)
        except UnknownTenantError:
            outcome.unknown_tenants.add(tenant)
            continue
        where = f"{tenant}/{dropped.name}"
        try:
            taken = _take(
                engine, files, dropped, tenant_id, landing, attempts=attempts, keeps=keeps
            )
        except FileNotFoundError:
            continue  # another scan, or the sender, was faster
        except QuotaError as error:
            outcome.no_room[tenant] = str(error)
            continue  # smaller ones may have room
        except IngestionError as error:
            outcome.left.append(f"{where}: {error}")
            continue
        if taken is not None and taken.is_new:
            outcome.recorded.append(taken.upload_id)
        elif taken is not None:
            outcome.known.append(f"{where}: had come before, as upload {taken.upload_id}")
    return outcome


@dataclass(frozen=True)
class _Taken:
    upload_id: int
    is_new: bool = True


def _list(files: Any, root: str) -> list[DroppedFile]:
    """The files in the tenants' folders, oldest first."""
    files.invalidate_cache()
    if not files.exists(root):
        files.makedirs(root, exist_ok=True)
    found = [
        file
        for tenant, folder in folders_in(files, root)
        for file in files_in(files, folder, root=root, tenant=tenant)
    ]
    return sorted(found, key=lambda file: (file.changed, file.path))


def _take(
    engine: sa.Engine,
    files: Any,
    dropped: DroppedFile,
    tenant_id: int,
    landing: Landing,
    *,
    attempts: int,
    keeps: int,
) -> _Taken | None:
    return dropping.take(
        engine, files, dropped, landing=landing, tenant_id=tenant_id, keeps=keeps,
        record=partial(_record, dropped, tenant_id, attempts),
        known=partial(_known, dropped, tenant_id),
    )  # fmt: skip


def _known(dropped: DroppedFile, tenant_id: int, connection: sa.Connection) -> _Taken | None:
    upload_id = uploads.recorded_as(connection, tenant_id, dropping.key_of(dropped))
    return None if upload_id is None else _Taken(upload_id, is_new=False)


def _record(
    dropped: DroppedFile,
    tenant_id: int,
    attempts: int,
    connection: sa.Connection,
    landed: Landed,
) -> tuple[_Taken | None, bool]:
    upload_id = _recorded(connection, dropped, tenant_id, landed, attempts)
    if upload_id is None:  # another scan was faster
        return _known(dropped, tenant_id, connection), False
    return _Taken(upload_id), True


def _recorded(
    connection: sa.Connection,
    dropped: DroppedFile,
    tenant_id: int,
    landed: Landed,
    attempts: int,
) -> int | None:
    source_key = dropping.key_of(dropped)
    try:
        entity = entity_of_file(dropped.name)
    except ContractError as error:
        logger.warning("%s: %s", dropped.path, error)
        return uploads.record(
            connection, tenant_id=tenant_id, domain=DOMAIN, type_=None, file_name=dropped.name,
            source="drop", source_key=source_key, location=landed.location, size=landed.size,
            sha256=landed.sha256, error=str(error),
        )  # fmt: skip
    return land_upload(
        connection, tenant_id=tenant_id, entity=entity, file_name=dropped.name, source="drop",
        source_key=source_key, location=landed.location, size=landed.size, sha256=landed.sha256,
        max_attempts=attempts,
    )  # fmt: skip
