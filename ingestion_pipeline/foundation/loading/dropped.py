"""The drop folder: files that somebody puts into `DROP_URL/TENANT/SOURCE/MAPPING/`, once each.

In `TENANT/SOURCE/` the mapping is the one of the source whose `match` fits the file. One that can't
be taken stays, and is named with why.
"""

from collections.abc import Iterator
from datetime import datetime
from functools import partial
from typing import Any

import sqlalchemy as sa

from ingestion_pipeline.foundation.errors import ContractError, IngestionError
from ingestion_pipeline.foundation.ledger import dropping, tenants
from ingestion_pipeline.foundation.ledger.dropping import Dropped, due
from ingestion_pipeline.foundation.loading.choosing import Mappings, choose
from ingestion_pipeline.foundation.loading.known import Known
from ingestion_pipeline.foundation.loading.recording import Recorded, record, recorded_as
from ingestion_pipeline.foundation.settings import Settings
from ingestion_pipeline.foundation.storage.dropped import (
    DroppedFile,
    files_in,
    folders_in,
    open_dropped,
)
from ingestion_pipeline.foundation.storage.file_kinds import Limits
from ingestion_pipeline.foundation.storage.file_names import file_name_problem
from ingestion_pipeline.foundation.storage.landing import Landed, Landing, file_system


def receive_dropped(
    engine: sa.Engine,
    configuration: Settings,
    mappings: Mappings,
    *,
    landing: Landing,
    until: datetime,
) -> Dropped:
    """Record the complete files in the folders of mappings, until time is up."""
    outcome = Dropped()
    files, root = file_system(configuration.drop)
    found = sorted(_files(files, root, mappings), key=lambda each: (each[1].changed, each[1].path))
    for address, dropped in due(
        found, outcome, settle=configuration.drop_settle, until=until
    ):  # fmt: skip
        where = f"{dropped.tenant}/{address}/{dropped.name}"
        try:
            taken = _take(engine, configuration, files, dropped, address, mappings, landing)
        except FileNotFoundError:
            continue  # another scan, or the sender, was faster
        except IngestionError as error:
            outcome.left.append(f"{where}: {error}")
            continue
        if taken is not None and taken.is_new:
            outcome.recorded.append(taken.upload_id)
        elif taken is not None:
            outcome.known.append(f"{where}: had come before, as upload {taken.upload_id}")
    return outcome


def _files(files: Any, root: str, mappings: Mappings) -> Iterator[tuple[str, DroppedFile]]:
    """The files in the folders of sources and of their mappings, each with the folder's name."""
    files.invalidate_cache()
    if not files.exists(root):
        return
    sources = {each.mapped.source for each in mappings}
    for tenant, folder in folders_in(files, root):
        for source, inner in folders_in(files, folder):
            if source not in sources:
                continue
            for each in files_in(files, inner, root=root, tenant=tenant):
                yield source, each
            for mapping, innermost in folders_in(files, inner):
                for each in files_in(files, innermost, root=root, tenant=tenant):
                    yield f"{source}/{mapping}", each


def _take(
    engine: sa.Engine,
    configuration: Settings,
    files: Any,
    dropped: DroppedFile,
    address: str,
    mappings: Mappings,
    landing: Landing,
) -> Recorded | None:
    if rule := file_name_problem(dropped.name):
        raise ContractError(f"file name: {rule}")
    with engine.begin() as connection:
        tenant_id = tenants.find(connection, dropped.tenant)
    among = mappings.at(address, tenant=dropped.tenant)
    if not among:
        raise ContractError(mappings.why_none(address, tenant=dropped.tenant))
    limits = Limits(configuration.max_unpacked_bytes, configuration.max_unpack_ratio)
    known = choose(
        among,
        partial(open_dropped, files, dropped.path, root=dropped.root),
        file_name=dropped.name,
        limits=limits,
        address=address,
    )
    # Its bytes may be known, of another name between: whether it is the very same that was recorded
    # and could not be taken out, or is put there again, only the disk can tell.
    source_key = f"{dropping.key_of(dropped)}:{dropped.put}"
    return dropping.take(
        engine, files, dropped, landing=landing, tenant_id=tenant_id,
        keeps=configuration.tenant_landed_bytes,
        record=partial(_record, configuration, tenant_id, known, dropped.name, source_key),
        known=partial(recorded_as, tenant_id=tenant_id, source_key=source_key),
    )  # fmt: skip


def _record(
    configuration: Settings,
    tenant_id: int,
    known: Known,
    file_name: str,
    source_key: str,
    connection: sa.Connection,
    landed: Landed,
) -> tuple[Recorded, bool]:
    recorded = record(
        connection, tenant_id=tenant_id, mapping=known.name, file_name=file_name, landed=landed,
        source="drop", attempts=configuration.job_attempts, source_key=source_key,
    )  # fmt: skip
    return recorded, recorded.keeps
