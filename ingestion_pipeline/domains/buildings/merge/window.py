"""One window of a site: page by page into the database.

After each page the way so far is committed together with its rows, so that whoever comes next goes
on with the page after it. A window belongs to one collector at a time: another one waits, and then
finds everything there.
"""

import hashlib
from collections.abc import Callable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

import msgspec
import sqlalchemy as sa

from ingestion_pipeline.domains.buildings.contract.windows import Counts, Dialect, Window
from ingestion_pipeline.domains.buildings.land.pages import Pages, Prepared
from ingestion_pipeline.domains.buildings.merge.checkpoint import Checkpoints, Progress
from ingestion_pipeline.domains.buildings.merge.months import Month, ensure_month
from ingestion_pipeline.domains.buildings.merge.staging import Staging, copy_straight
from ingestion_pipeline.domains.buildings.merge.window_ledger import WindowLedger
from ingestion_pipeline.domains.buildings.sources.ace_iot.api import AceIot
from ingestion_pipeline.foundation.errors import ContractError, UpstreamRefusedError
from ingestion_pipeline.foundation.storage import locks

OnPage = Callable[[Counts], None]
_KEY = "checkpoint:"  # what the keys of checkpoints begin with


@dataclass(frozen=True)
class WindowResult:
    """What collecting a window came to.

    Attributes:
        counts: of the window, the part before a kill included.
        missing_points: configured points without a sample.
        skipped_points: names of points that are not configured.
        resumed_at: the page that it went on with; 0 where it began anew.
    """

    counts: Counts
    missing_points: frozenset[str]
    skipped_points: frozenset[str]
    dialect: Dialect | None
    resumed_at: int


def merge_window(
    engine: sa.Engine,
    source: AceIot,
    site: str,
    window: Window,
    *,
    points: AbstractSet[str],
    checkpoints: Checkpoints,
    most_pages: int,
    on_page: OnPage | None = None,
) -> WindowResult:
    """Collect a window, from where an earlier attempt got to; doing it again changes nothing.

    Raises:
        ContractError: the API's answers make no sense, or no end.
        UpstreamRefusedError, UpstreamUnavailableError, CircuitOpenError: it does not answer.
    """
    key = f"{_KEY}{site}:{window}"
    bound = _bound(source, points)
    with engine.connect() as connection, locks.held_by_session(connection, lock_of(key)) as number:
        staging = Staging(site, window, key, number)
        work = _Work(connection, source, staging, frozenset(points), checkpoints, most_pages)
        progress = work.resume(bound)
        resumed_at = 0 if progress is None else progress.page
        if progress is not None:
            try:
                return work.run(progress, resumed_at, on_page)
            except UpstreamRefusedError:
                if work.written:
                    raise
                # The cursor is not known any more: there is nothing to go on with.
        return work.run(work.begin(bound), 0, on_page)


class _Work:
    """The collection of one window, under its lock."""

    def __init__(
        self,
        connection: sa.Connection,
        source: AceIot,
        staging: Staging,
        points: frozenset[str],
        checkpoints: Checkpoints,
        most_pages: int,
    ) -> None:
        self._connection = connection
        self._staging = staging
        self._points = points
        self._checkpoints = checkpoints
        self._pages = Pages(source, staging.site, staging.window, points, most_pages)
        self._ledger = WindowLedger(connection, staging.site, staging.window)
        self._skipped_points: set[str] = set()
        self.written = 0

    def resume(self, bound: str) -> Progress | None:
        """The progress of an earlier attempt, if what it has staged is still there."""
        progress = self._checkpoints.load(self._staging.checkpoint, bound)
        if progress is None:
            return None
        with self._connection.begin():
            # It may have been archived since.
            ensure_month(self._connection, Month.of(self._staging.window.start))
            self._ledger.delete_rejected(from_page=progress.page)
            if progress.straight:
                return progress
            return progress if self._staging.holds(self._connection, progress.staged) else None

    def begin(self, bound: str) -> Progress:
        """The progress of a new attempt."""
        with self._connection.begin():
            ensure_month(self._connection, Month.of(self._staging.window.start))
            self._ledger.delete_rejected(from_page=0)
            filled = self._ledger.was_filled()
            if filled:
                self._staging.make(self._connection)
            else:
                self._staging.drop(self._connection)
        return Progress(bound=bound, missing=self._points, straight=not filled)

    def run(self, progress: Progress, resumed_at: int, on_page: OnPage | None) -> WindowResult:
        """Fetch and write what is missing, then merge."""
        if not progress.finished:
            for page in self._pages.after(progress.cursor, progress.page):
                progress = self._write(page, progress)
                self.written += 1
                if on_page is not None:
                    on_page(progress.counts)
        self._require_all(progress)
        counts = self._finish(progress)
        return WindowResult(
            counts,
            missing_points=progress.missing,
            skipped_points=frozenset(self._skipped_points),
            dialect=progress.dialect,
            resumed_at=resumed_at,
        )

    def _require_all(self, progress: Progress) -> None:
        """Refuse a window whose pages had fewer records than they said there are.

        The next attempt begins anew: what is missing may be anywhere in it.
        """
        if progress.total is None or progress.counts.fetched >= progress.total:
            return
        with self._checkpoints.transaction(self._connection) as saving:
            self._staging.drop(self._connection)
            saving.forget(self._staging.checkpoint)
        raise ContractError(
            f"{self._staging.window}: the pages say total_count {progress.total}, and "
            f"{progress.counts.fetched} records came"
        )

    def _write(self, page: Prepared, progress: Progress) -> Progress:
        """Write a page and the progress that it makes, in one transaction."""
        with self._checkpoints.transaction(self._connection) as saving:
            straight = progress.straight and copy_straight(
                self._connection,
                page.payload,
                site=self._staging.site,
                window=self._staging.window,
                binary=page.binary,
            )
            unusable = list(page.unusable)
            staged = 0
            if not straight:
                if progress.straight:
                    self._staging.make(self._connection)
                refused = self._staging.write(
                    self._connection, page.payload, page.rows, binary=page.binary
                )
                staged = page.kept - len(refused)
                unusable += refused
            kept = page.kept if straight else staged
            self._ledger.reject(unusable, progress.page)
            counts = progress.counts + Counts(
                pages=1,
                fetched=page.fetched,
                kept=kept,
                skipped=page.skipped,
                outside=page.outside,
                rejected=len(unusable),
                inserted=kept if straight else 0,
            )
            progress = msgspec.structs.replace(
                progress,
                page=progress.page + 1,
                cursor=page.next_cursor,
                finished=page.next_cursor is None,
                straight=straight,
                staged=progress.staged + staged,
                missing=progress.missing - page.seen,
                dialect=page.dialect,
                total=page.total,
                counts=counts,
            )
            saving.save(self._staging.checkpoint, progress)
        self._skipped_points |= page.skipped_points
        return progress

    def _finish(self, progress: Progress) -> Counts:
        """Merge what was staged, and record that the window is complete."""
        with self._checkpoints.transaction(self._connection) as saving:
            counts = progress.counts
            if not progress.straight:
                counts = self._staging.merge(self._connection, progress.staged, counts)
            self._ledger.complete(counts, progress)
            saving.forget(self._staging.checkpoint)
        return counts


def _bound(source: AceIot, points: AbstractSet[str]) -> str:
    """What a cursor and the rows before it depend on, besides site and window."""
    digest = hashlib.sha256("\0".join(sorted(points)).encode()).hexdigest()[:16]
    return f"page_size={source.page_size} raw={source.raw} points={digest}"


def lock_of(key: str) -> locks.Named:
    """The lock of the window that a checkpoint's key tells."""
    return locks.COLLECTING_WINDOW.of(key.removeprefix(_KEY))
