"""The pages of a window, each fetched and prepared while the one before it is written.

A thread fetches, filters and encodes the next page; never more than that is in memory.
"""

from collections.abc import Callable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from ingestion_pipeline.domains.buildings.contract.windows import Dialect, Window
from ingestion_pipeline.domains.buildings.land.packed import pack
from ingestion_pipeline.domains.buildings.land.samples import Batch, to_rows
from ingestion_pipeline.domains.buildings.sources.ace_iot.api import AceIot
from ingestion_pipeline.domains.buildings.sources.ace_iot.envelope import Page, Unusable
from ingestion_pipeline.foundation.errors import ContractError
from ingestion_pipeline.foundation.storage.bulk import Row, encode_rows


@dataclass(frozen=True)
class Prepared:
    """A page that waits to be written.

    Attributes:
        payload: its rows, encoded for COPY; `binary`: in its binary format.
        rows: makes them anew, as tuples.
        kept: how many they are.
        seen: configured points that have a row here.
        unusable: records that can't be stored.
        skipped: records of points that are not configured, of the names `skipped_points`.
        outside: records that are not within the window.
        fetched: records that it had.
        next_cursor: of the page after it; None: it is the last.
        total: records that the window has, if the page said it.
        fingerprint: equal for pages that are the same.
    """

    payload: bytes = field(repr=False)
    binary: bool
    rows: Callable[[], Sequence[Row]]
    kept: int
    seen: AbstractSet[str]
    unusable: Sequence[Unusable]
    skipped: int
    skipped_points: AbstractSet[str]
    outside: int
    fetched: int
    next_cursor: str | None
    total: int | None
    dialect: Dialect
    fingerprint: tuple[Any, ...]


@dataclass(frozen=True)
class Pages:
    """The pages of a site's window, as far as configured points are in them."""

    source: AceIot
    site: str
    window: Window
    points: frozenset[str]
    most: int

    def after(self, cursor: str | None, number: int) -> Iterator[Prepared]:
        """Every page from a cursor on, the first of them having this number (from 0).

        Raises:
            ContractError: the API's answers make no sense, or no end.
            UpstreamRefusedError, UpstreamUnavailableError, CircuitOpenError: it does not answer.
        """
        seen: dict[str | None, tuple[Any, ...]] = {}
        with ThreadPoolExecutor(1, thread_name_prefix="next-page") as pool:
            ahead: Future[Prepared] | None = pool.submit(self._prepare, cursor)
            while ahead is not None:
                page = ahead.result()
                if page.next_cursor is not None and seen.get(cursor) == page.fingerprint:
                    raise ContractError(
                        f"page {number + 1}: cursor {cursor!r} gives the same page again and "
                        "again: too many samples share one instant for this page size"
                    )
                seen[cursor] = page.fingerprint
                cursor, number = page.next_cursor, number + 1
                if cursor is not None and number >= self.most:
                    raise ContractError(
                        f"{number} pages and no end: more than ACE_WINDOW_PAGES allows"
                    )
                ahead = None if cursor is None else pool.submit(self._prepare, cursor)
                yield page

    def _prepare(self, cursor: str | None) -> Prepared:
        page = self.source.page(self.site, self.window, cursor)
        packed = pack(page, site=self.site, window=self.window, points=self.points)
        common: dict[str, Any] = {
            "fetched": page.fetched,
            "next_cursor": page.next_cursor,
            "total": page.total,
            "dialect": page.dialect,
            "fingerprint": page.fingerprint(),
        }
        if packed is not None:
            return Prepared(
                packed.payload, binary=True, rows=lambda: self._batch(page).rows,
                kept=packed.kept, seen=packed.seen, unusable=(), skipped=packed.skipped,
                skipped_points=packed.skipped_points, outside=0, **common,
            )  # fmt: skip
        batch = self._batch(page)
        return Prepared(
            encode_rows(batch.rows), binary=False, rows=lambda: batch.rows,
            kept=len(batch.rows), seen=batch.seen, unusable=batch.unusable, skipped=batch.skipped,
            skipped_points=batch.skipped_points, outside=batch.outside, **common,
        )  # fmt: skip

    def _batch(self, page: Page) -> Batch:
        return to_rows(page, site=self.site, window=self.window, points=self.points)
