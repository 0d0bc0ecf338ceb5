"""The pages of a window, each fetched and prepared while the one before it is written.

A thread fetches, filters and encodes the next page; never more than that is in memory.
"""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from ingestion_pipeline.buildings.contract import Dialect, Window
from ingestion_pipeline.buildings.samples import Batch, to_rows
from ingestion_pipeline.buildings.source import AceIot
from ingestion_pipeline.errors import ContractError
from ingestion_pipeline.storage.bulk import encode_rows


@dataclass(frozen=True)
class Prepared:
    """A page that waits to be written.

    Attributes:
        payload: its rows, encoded for COPY.
        fetched: records that it had.
        next_cursor: of the page after it; None: it is the last.
        fingerprint: equal for pages that are the same.
    """

    batch: Batch
    payload: bytes
    fetched: int
    next_cursor: str | None
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
        batch = to_rows(page, site=self.site, window=self.window, points=self.points)
        return Prepared(
            batch,
            payload=encode_rows(batch.rows),
            fetched=page.fetched,
            next_cursor=page.next_cursor,
            dialect=page.dialect,
            fingerprint=page.fingerprint(),
        )
