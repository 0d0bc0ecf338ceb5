"""Refused rows that come back corrected, over HTTP: each that is right now is taken exactly once.

What is still wrong is said, and stays where it was. The rows that are right land as a file a type,
the latest of its tenant, and `rejected_rows.replayed_by` is written in the transaction that records
it: sent again, they are known. Another request may have taken some between looking and recording;
then it is looked again, and what had landed goes.
"""

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence

import sqlalchemy as sa

from ingestion_pipeline.domains.commerce.contract.entities import DOMAIN, ENTITIES
from ingestion_pipeline.domains.commerce.land.sessions import ConflictError
from ingestion_pipeline.domains.commerce.land.uploads import land_upload
from ingestion_pipeline.domains.commerce.merge.replay import (
    Entry,
    Key,
    Replayed,
    content_of,
    entries_of,
    right_of,
)
from ingestion_pipeline.foundation.ledger import quota
from ingestion_pipeline.foundation.ledger.tables.uploads import rejected_rows
from ingestion_pipeline.foundation.ledger.tables.uploads import uploads as uploads_table
from ingestion_pipeline.foundation.settings import Settings
from ingestion_pipeline.foundation.storage.landing import Landed, Landing, landing_name
from ingestion_pipeline.gateway.files.receiving import removed_if_refused
from ingestion_pipeline.gateway.front import Caller, Gateway

MOST_ROWS = 5_000
_TRIES = 3
_r, _u = rejected_rows.c, uploads_table.c


class _TakenMeanwhileError(ConflictError):
    """Somebody else has taken some of the rows."""


async def receive_corrected(gateway: Gateway, caller: Caller, content: bytes) -> Replayed:
    """Take corrected rows: NDJSON as it was downloaded, `row` put right in each line.

    Raises:
        ContractError: a line is none of such a file, or there are too many; nothing is taken.
        QuotaError: the tenant has no room for them.
        ConflictError: others took rows of the same file all the time; nothing is taken.
    """
    entries = await asyncio.to_thread(entries_of, content, most=MOST_ROWS)
    wanted: dict[Key, Entry] = {}
    for entry in entries:
        wanted.setdefault((entry.upload_id, entry.line_number), entry)
    outcome = Replayed()
    for left in reversed(range(_TRIES)):
        still_open = await gateway.run(_open, caller.tenant_id, list(wanted))
        outcome.known = len(entries) - sum(map(len, still_open.values())) - outcome.taken
        outcome.refused = []
        right = await asyncio.to_thread(_right, still_open, wanted, outcome)
        try:
            for type_, keys in right.items():
                await _take(gateway, caller, type_, keys, wanted, outcome)
        except _TakenMeanwhileError:
            if not left:
                raise
        else:
            return outcome
    raise AssertionError


def _open(
    connection: sa.Connection, tenant_id: int, keys: Sequence[Key], *, lock: bool = False
) -> dict[str, list[Key]]:
    """Those of the tenant's own refused rows that nobody has taken yet, by type."""
    statement = (
        sa.select(_u.type, _r.upload_id, _r.line_number)
        .join_from(rejected_rows, uploads_table, _u.upload_id == _r.upload_id)
        .where(
            sa.tuple_(_r.upload_id, _r.line_number).in_(keys),
            _r.replayed_by.is_(None), _r.tenant_id == tenant_id, _u.tenant_id == tenant_id,
            _u.domain == DOMAIN, _u.type.in_(list(ENTITIES)),
        )
        .order_by(_u.type, _r.upload_id, _r.line_number)
    )  # fmt: skip
    if lock:
        statement = statement.with_for_update(of=rejected_rows)
    found: dict[str, list[Key]] = defaultdict(list)
    for row in connection.execute(statement):
        found[row.type].append((row.upload_id, row.line_number))
    return found


def _right(
    still_open: Mapping[str, Sequence[Key]], wanted: Mapping[Key, Entry], outcome: Replayed
) -> dict[str, list[Key]]:
    """The rows that are right now, parents first; the others are noted with their reasons."""
    checked = {
        type_: right_of(entity, still_open.get(type_, ()), wanted, outcome)
        for type_, entity in ENTITIES.items()
    }
    return {type_: keys for type_, keys in checked.items() if keys}


async def _take(
    gateway: Gateway,
    caller: Caller,
    type_: str,
    keys: Sequence[Key],
    wanted: Mapping[Key, Entry],
    outcome: Replayed,
) -> None:
    configuration = gateway.configuration
    landing = Landing(configuration.landing)
    name = f"{type_}_corrected.ndjson"
    content = content_of(keys, wanted)
    landed = await asyncio.to_thread(landing.write, landing_name(caller.tenant, name), [content])
    async with removed_if_refused(landing, landed.location):
        upload_id = await gateway.run(
            _record, caller.tenant_id, type_, keys, file_name=name, landed=landed,
            configuration=configuration,
        )  # fmt: skip
    outcome.taken += len(keys)
    outcome.upload_ids.append(upload_id)


def _record(
    connection: sa.Connection,
    tenant_id: int,
    type_: str,
    keys: Sequence[Key],
    *,
    file_name: str,
    landed: Landed,
    configuration: Settings,
) -> int:
    quota.take(connection, tenant_id, landed.size, default=configuration.tenant_landed_bytes)
    if _open(connection, tenant_id, keys, lock=True).get(type_) != list(keys):
        raise _TakenMeanwhileError("some of these rows were taken at the same time: send it again")
    upload_id = land_upload(
        connection, tenant_id=tenant_id, entity=ENTITIES[type_], file_name=file_name,
        source="http", location=landed.location, size=landed.size, sha256=landed.sha256,
        max_attempts=configuration.job_attempts,
    )  # fmt: skip
    assert upload_id is not None, "only a source key can be taken"  # noqa: S101
    mine = sa.and_(sa.tuple_(_r.upload_id, _r.line_number).in_(keys), _r.tenant_id == tenant_id)
    connection.execute(sa.update(rejected_rows).where(mine).values(replayed_by=upload_id))
    return upload_id
