"""A page of the stand-in of ACE IoT, as either dialect then wraps it: data, faults, kept pages."""

from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache

from starlette.requests import Request

from ingestion_pipeline.foundation.sandbox.ace_iot.buckets import Buckets
from ingestion_pipeline.foundation.sandbox.ace_iot.data import AceData, Damage
from ingestion_pipeline.foundation.sandbox.ace_iot.pages import Writer, read_page
from ingestion_pipeline.foundation.sandbox.ace_iot.requests import cursor_of, number_of, window_of
from ingestion_pipeline.foundation.sandbox.faults import Faults

MakeWriter = Callable[[Sequence[str]], Writer]


@dataclass(frozen=True)
class Records:
    """Records as they go on the wire, separated by commas, and what follows them."""

    text: bytes
    next_number: int | None


@dataclass
class KeptPages:
    """The last pages that were sent, so that a benchmark measures the client only."""

    most: int = 0
    _pages: OrderedDict[Hashable, Records] = field(default_factory=OrderedDict)

    def get(self, key: Hashable, make: Callable[[], Records]) -> Records:
        """The page of that key, made anew unless it is kept."""
        found = self._pages.pop(key, None) or make()
        self._pages[key] = found
        while len(self._pages) > self.most:
            self._pages.popitem(last=False)
        return found


@dataclass(frozen=True)
class Ace:
    """What both dialects serve, and the key that they accept."""

    data: AceData
    key: str
    faults: Faults
    kept: KeptPages

    def damage(self, path: str) -> Damage:
        """What is wrong with the data for this request."""
        return Damage(
            late=self.faults.take("late_rows", path) is not None,
            corrected=self.faults.take("corrected_rows", path) is not None,
            odd=self.faults.take("odd_values", path) is not None,
            missing_point=self.faults.take("missing_point", path),
        )


@dataclass(frozen=True)
class Answered:
    """A page as it is to be sent, faults included.

    Attributes:
        records: JSON objects, separated by commas.
        cursor: of the next page; None: this is the last.
        not_found: there is nothing, and the live API says so by 404.
    """

    records: bytes
    damage: Damage
    cursor: str | None = None
    not_found: bool = False


def page_of(
    ace: Ace, request: Request, site: str, *, size: int, buckets: bool, writer: MakeWriter
) -> Answered:
    """The page that a request asks for, of raw samples or of buckets of five minutes.

    Raises:
        BadParameterError: a parameter is missing or wrong.
    """
    start, end = window_of(request)
    cursor = request.query_params.get("cursor")
    after = 0 if not cursor else number_of(cursor)
    path = request.url.path
    damage = ace.damage(path)
    nothing = ace.faults.take("no_data", path)
    if nothing is not None:
        return Answered(b"", damage, not_found=nothing == "404")
    if ace.faults.take("empty_page_with_cursor", path) is not None:
        return Answered(b"", damage, cursor_of(after))
    repeated = int(ace.faults.take("duplicate_rows", path) or 0)

    def made() -> Records:
        source = Buckets(ace.data) if buckets else ace.data
        page = read_page(source, site, start, end, after=after, size=size, damage=damage)
        write = writer_of(ace.data, site, writer)
        return Records(write.records(page.blocks, damage, repeated=repeated), page.next_number)

    key = (writer, site, start, end, after, size, buckets, damage, repeated)
    found = ace.kept.get(key, made)
    following = found.next_number
    if ace.faults.take("repeated_cursor", path) is not None:
        following = after
    return Answered(
        found.text,
        damage,
        cursor=None if following is None else cursor_of(following),
        not_found=not found.text,
    )


@lru_cache(maxsize=16)
def writer_of(data: AceData, site: str, make: MakeWriter) -> Writer:
    """The writer of a site's records; made once."""
    return make(data.points(site))


@lru_cache(maxsize=64)
def total_of(data: AceData, site: str, start: datetime, end: datetime, damage: Damage) -> int:
    """How many samples a window holds; counted once."""
    return sum(len(block) for block in data.blocks(site, start, end, damage=damage))
