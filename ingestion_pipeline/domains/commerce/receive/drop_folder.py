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
from typing import Any

import sqlalchemy as sa

from ingestion_pipeline.domains.commerce.contract.entities import DOMAIN, entity_of_file
from ingestion_pipeline.domains.commerce.land.uploads import land_upload
from ingestion_pipeline.foundation.errors import ContractError, QuotaError, UnknownTenantError
from ingestion_pipeline.foundation.ledger import quota, tenants, uploads
from ingestion_pipeline.foundation.ledger.dropping import due
from ingestion_pipeline.foundation.storage.dropped import (
    DroppedFile,
    files_in,
    folders_in,
    open_dropped,
)
from ingestion_pipeline.foundation.storage.landing import (
    Landed,
    Landing,
    chunks_of,
    file_system,
    landing_name,
)

logger = logging.getLogger(__name__)


@dataclass
class Scan:
    """What a scan of the drop folder did.

    Attributes:
        no_room: why files stay in the folder: by tenant, what its quota is.
        of_nobody: files that stay because they lie beside the tenants' folders.
    """

    recorded: list[int] = field(default_factory=list)
    unknown_tenants: set[str] = field(default_factory=set)
    no_room: dict[str, str] = field(default_factory=dict)
    unfinished: int = 0
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
    outcome.of_nobody = [file.name for file in files_in(files, root, tenant="")]
    for tenant, dropped in due(listed, outcome, settle=settle, until=until):
        try:
            with engine.begin() as connection:
                tenant_id = tenants.find(connection, tenant)
        except UnknownTenantError:
            outcome.unknown_tenants.add(tenant)
            continue
        try:
            upload_id = _take(
                engine, files, dropped, tenant_id, landing, attempts=attempts, keeps=keeps
            )
        except FileNotFoundError:
            continue  # another scan, or the sender, was faster
        except QuotaError as error:
            outcome.no_room[tenant] = str(error)
            continue  # smaller ones may have room
        if upload_id is not None:
            outcome.recorded.append(upload_id)
    return outcome


def _list(files: Any, root: str) -> list[DroppedFile]:
    """The files in the tenants' folders, oldest first."""
    files.invalidate_cache()
    if not files.exists(root):
        files.makedirs(root, exist_ok=True)
    found = [
        file
        for tenant, folder in folders_in(files, root, links=True)
        for file in files_in(files, folder, tenant=tenant)
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
) -> int | None:
    source_key = f"drop:{dropped.path}:{dropped.version}"
    upload_id = None
    with engine.connect() as connection:
        known = uploads.is_recorded(connection, tenant_id, source_key)
    if not known:
        with engine.connect() as connection:
            room = quota.room_of(connection, tenant_id, default=keeps)
        if dropped.size > room.left:
            raise room.error()
        with open_dropped(files, dropped.path, links=True) as file:
            landed = landing.write(landing_name(dropped.tenant, dropped.name), chunks_of(file))
        if not dropped.version.startswith(f"{landed.size}@"):
            logger.info("%s is still being written", dropped.path)
            landing.remove(landed.location)
            return None
        try:
            with engine.begin() as connection:
                quota.take(connection, tenant_id, landed.size, default=keeps)
                upload_id = _record(connection, dropped, tenant_id, landed, source_key, attempts)
        except QuotaError:  # another took the room meanwhile
            landing.remove(landed.location)
            raise
    files.rm(dropped.path)
    return upload_id


def _record(
    connection: sa.Connection,
    dropped: DroppedFile,
    tenant_id: int,
    landed: Landed,
    source_key: str,
    attempts: int,
) -> int | None:
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
