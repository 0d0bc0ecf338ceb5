"""A window of an API → its domain: read to its end, landed, recorded, loaded.

    list ─ read to its end ─▶ landed file ─▶ upload, job, row of the window ─▶ loaded by the mapping
                                             └───── one transaction ──────┘

Killed at any line nothing half is there: a file without a row is nobody's (and swept away once a
day), a recorded file is loaded by whoever comes next. Read again, the same list changes nothing;
one that has become empty takes nothing away. Two never read one window at once.
"""

import time
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa

from ingestion_pipeline.foundation.collecting.fetching import Fetched, Fetching
from ingestion_pipeline.foundation.collecting.window_rows import Before, WindowRow, status_of
from ingestion_pipeline.foundation.errors import (
    ContractError,
    IngestionError,
    QuotaError,
    TransientError,
)
from ingestion_pipeline.foundation.ledger import quota, uploads
from ingestion_pipeline.foundation.ledger.worker import Worker
from ingestion_pipeline.foundation.loading.claimed import load_waiting
from ingestion_pipeline.foundation.loading.known import Known
from ingestion_pipeline.foundation.loading.recording import Recorded, record, record_again
from ingestion_pipeline.foundation.settings import Settings
from ingestion_pipeline.foundation.storage import locks
from ingestion_pipeline.foundation.storage.landing import Landed, Landing, landing_name

ALL = "all"
"""The window of an API that has none."""

_PATIENCE_SECONDS = 60.0
_PAUSE_SECONDS = 0.5


@dataclass(frozen=True)
class Collected:
    """What collecting a window came to.

    Attributes:
        total: how many records the API says there are; None: it says nothing.
        most_records: that the list ever had; where `records` are fewer, some have gone at the API.
            Here they are kept.
        upload_id: the file of the records; None: there never were any.
        is_new: whether the list had changed since it was read last.
        came_to: what the file came to when it was loaded: lines, rejected, made, became, …
    """

    window: str
    pages: int
    records: int
    total: int | None
    most_records: int
    upload_id: int | None
    is_new: bool
    came_to: dict[str, Any]


@dataclass(frozen=True)
class Collecting:
    """How the windows of one series are collected.

    Attributes:
        tenant_id: whose records they are.
        known: the mapping of the records, and the domain that takes them.
        run_id: of the run that does it.
    """

    engine: sa.Engine
    configuration: Settings
    landing: Landing
    tenant_id: int
    tenant: str
    known: Known
    run_id: str | None = None

    def collect(
        self, fetching: Fetching, day: date | None, *, since: datetime | None = None
    ) -> Collected:
        """Collect a window; doing it again changes only what has changed at the API.

        Args:
            fetching: reads its list.
            day: None: the API has no windows.
            since: it is not read again, where it was read since then.

        Raises:
            ContractError: the API's answers make no sense, or its records can't be taken.
            UpstreamRefusedError, UpstreamUnavailableError, CircuitOpenError: it does not answer.
            QuotaError: the tenant has no room for it; nothing is recorded.
            TransientError: what was read is recorded, and not loaded yet.
        """
        window = ALL if day is None else day.isoformat()
        row = WindowRow(self.tenant_id, self.known.mapped, window)
        lock = locks.COLLECTING_SERIES.of(f"{self.tenant_id}/{self.known.name}/{window}")
        is_new, total = False, None
        with self.engine.connect() as connection, locks.held_by_session(connection, lock):
            with connection.begin():
                before = row.before(connection)
                done = since is not None and row.is_done_since(connection, since)
            if not done:
                fetched, landed = self._fetch(fetching, day, window, before)
                try:
                    with connection.begin():
                        upload_id, surplus = self._record(connection, row, before, fetched, landed)
                except QuotaError:
                    if landed is not None:
                        self.landing.remove(landed.location)
                    raise
                if surplus is not None:
                    self.landing.remove(surplus.location)
                self._load(connection, upload_id)
                is_new, total = landed is not None, fetched.total
            with connection.begin():
                came_to = row.came_to(connection)
        return Collected(
            window=window,
            pages=came_to.pop("pages"),
            records=came_to.pop("records"),
            total=total,
            most_records=came_to.pop("most_records"),
            upload_id=came_to.pop("upload_id"),
            is_new=is_new,
            came_to=came_to if came_to["made"] is not None else {},
        )

    def _fetch(
        self, fetching: Fetching, day: date | None, window: str, before: Before
    ) -> tuple[Fetched, Landed | None]:
        """The list, and its file where it has anything that is not loaded already."""
        name = f"{self.known.name.replace('/', '.')}.{window}.gz"
        file = self.landing.begin(landing_name(self.tenant, name))
        try:
            fetched = fetching.fetch(day, file)
            if fetched.records and not self._is_known(before, fetched):
                return fetched, file.keep()
        except BaseException:
            file.discard()
            raise
        file.discard()
        return fetched, None

    def _is_known(self, before: Before, fetched: Fetched) -> bool:
        """Whether the same list was loaded, or is about to be, by the same mapping."""
        if before.content_sha256 != fetched.sha256:
            return False
        if before.status == "loaded":
            return before.mapping_sha256 == self.known.mapped.sha256
        return before.status in ("recorded", "staged")

    def _record(
        self,
        connection: sa.Connection,
        row: WindowRow,
        before: Before,
        fetched: Fetched,
        landed: Landed | None,
    ) -> tuple[int | None, Landed | None]:
        """Record what was read: its upload, and a file that nobody needs."""
        upload_id, surplus = before.upload_id, None
        if landed is not None:
            recorded = self._recorded(connection, before, fetched, landed)
            upload_id = recorded.upload_id
            surplus = None if recorded.keeps else landed
        row.note(connection, fetched, upload_id=upload_id, is_new_content=landed is not None)
        return upload_id, surplus

    def _recorded(
        self, connection: sa.Connection, before: Before, fetched: Fetched, landed: Landed
    ) -> Recorded:
        """Its upload; of the list that another mapping has read, the same file once more."""
        attempts, most = self.configuration.job_attempts, self.configuration.tenant_landed_bytes
        quota.take(connection, self.tenant_id, landed.size, default=most)
        if before.status == "loaded" and before.content_sha256 == fetched.sha256:
            assert before.upload_id is not None, "it was loaded"  # noqa: S101
            uploads.update(
                connection, before.upload_id, location=landed.location, removed_at=None
            )  # fmt: skip
            return record_again(connection, before.upload_id, attempts=attempts)
        return record(
            connection,
            tenant_id=self.tenant_id,
            mapping=self.known.name,
            file_name=landed.location.rpartition("/")[2],
            landed=landed,
            source="api",
            attempts=attempts,
        )

    def _load(self, connection: sa.Connection, upload_id: int | None) -> None:
        """Load what waits for the mapping, until this file is.

        Raises:
            IngestionError: it can't be loaded, or not yet.
        """
        if upload_id is None:
            return
        configuration = self.configuration
        worker = Worker("series", self.run_id, configuration.job_lease, configuration.job_backoff)
        errors: dict[int, Exception] = {}
        # Who was killed has it until its claim lapses.
        deadline = time.monotonic() + configuration.job_lease.total_seconds() + _PATIENCE_SECONDS
        while True:
            with connection.begin():
                status, error = status_of(connection, upload_id)
            if status == "loaded":
                return
            if status == "failed":
                found = errors.get(upload_id)
                raise found if isinstance(found, IngestionError) else ContractError(error or "")
            attempts = list(
                load_waiting(self.engine, configuration, self.known, worker, landing=self.landing)
            )
            errors |= {each.upload_id: each.error for each in attempts if each.error is not None}
            if not attempts:
                if time.monotonic() > deadline:
                    raise TransientError(
                        f"upload {upload_id} is recorded, and waits for its next attempt"
                    ) from errors.get(upload_id)
                time.sleep(_PAUSE_SECONDS)
