"""A window → one landed file: the records of all pages, kept only if the list was read to its end.

Memory is bounded by a page. A list of JSON becomes lines of JSON; pages of CSV stand one behind the
other under one header.
"""

import gzip
import hashlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date
from functools import partial
from typing import IO, Any, cast

import httpx

from ingestion_pipeline.foundation.collecting.asking import Asker, first_url
from ingestion_pipeline.foundation.collecting.bodies import CsvBody, JsonBody, NotReadableError
from ingestion_pipeline.foundation.collecting.course import Course, Said
from ingestion_pipeline.foundation.collecting.signs import signs_of
from ingestion_pipeline.foundation.errors import ContractError
from ingestion_pipeline.foundation.http_api.words import Header, HttpApi, Where
from ingestion_pipeline.foundation.mapping.words import Mapped, Read
from ingestion_pipeline.foundation.storage.landing import LandingFile
from ingestion_pipeline.foundation.upstreams.client import Answer

_TWICE = 2
_LANDED = {"json": "ndjson", "csv": "csv"}
_LINK = re.compile(r'<([^>]*)>((?:[^",]|"(?:[^"\\]|\\.)*")*)')
_PARAMETER = re.compile(r';\s*([^\s=;,"]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;,"]*))')
_MARK = "\ufeff"  # says UTF-8, whatever the mapping says of files without a mark


@dataclass(frozen=True)
class Fetched:
    """A list that was read to its end.

    Attributes:
        total: how many records the API says there are; None: it says nothing.
        sha256: of what was written, unpacked, in hexadecimal.
    """

    pages: int
    records: int
    total: int | None
    sha256: str


@dataclass(frozen=True)
class _Page:
    content: bytes
    said: Said


def as_landed(mapped: Mapped, api: HttpApi) -> Mapped:
    """A mapping that reads what is landed of an API, whatever it says of files of its own."""
    return replace(mapped, read=replace(mapped.read, formats=(_LANDED[api.format],), records=None))


class Fetching:
    """How an API's windows are read.

    Args:
        asker: who asks it.
        api: it.
        read: of the mapping: how its CSV is written.
    """

    def __init__(self, asker: Asker, api: HttpApi, read: Read) -> None:
        self._asker = asker
        self._api = api
        self._read = read
        self._header: list[str] | None = None

    def fetch(self, day: date | None, file: LandingFile) -> Fetched:
        """Read the list of a day into a file; keeping it, or not, is the caller's.

        Args:
            day: None: the API has no window.
            file: is written packed, the same bytes for the same records.

        Raises:
            ContractError: an answer makes no sense, or the list no end.
            ChangedListError: it became shorter while it was read.
            UpstreamRefusedError, UpstreamUnavailableError, CircuitOpenError: as `Upstream.get`.
        """
        course = Course(self._api.pages, first_url(self._api, day), self._asker.follow)
        digest = hashlib.sha256()
        self._header = None
        with gzip.GzipFile("", "wb", fileobj=cast("IO[bytes]", _Writable(file)), mtime=0) as packed:
            for page in self._pages(course):
                digest.update(page.content)
                packed.write(page.content)
        return Fetched(course.pages, course.records, course.total, digest.hexdigest())

    def _pages(self, course: Course) -> Iterator[_Page]:
        url: httpx.URL | None = course.first()
        while url is not None:
            page = self._page(url)
            yield page
            url = course.after(url, page.said)

    def _page(self, url: httpx.URL) -> _Page:
        """One page; asked for once more, where its body can't be read: it may have been cut off."""
        for attempt in range(_TWICE):
            answer = self._asker.ask(url)
            try:
                return self._read_page(answer)
            except NotReadableError:
                if attempt == _TWICE - 1:
                    raise
        raise AssertionError("the last attempt returned or raised")  # pragma: no cover

    def _read_page(self, answer: Answer) -> _Page:
        if self._asker.is_nothing(answer):
            return _Page(b"", Said(0, b"", lambda _: None, nothing=True))
        link = _next_link(answer)
        if self._api.format == "csv":
            return self._csv(answer, link)
        body = JsonBody(answer.content)
        body.require_unrepeated(self._api.records)

        def find(at: Where) -> str | None:
            return answer.headers.get(at.name) if isinstance(at, Header) else body.text(at)

        self._require_success(find, body.excerpt())
        lines = body.records(self._api.records, absent_is_empty=self._api.absent_is_empty)
        content = b"".join(line + b"\n" for line in lines)
        signs = partial(signs_of, body, self._api.records, answer.headers, link)
        return _Page(content, Said(len(lines), _digest(content), find, link, signs=signs))

    def _csv(self, answer: Answer, link: str | None) -> _Page:
        read = self._read
        body = CsvBody(
            answer.content, encoding=read.encoding, delimiter=read.delimiter, quote=read.quote
        )
        find = lambda at: answer.headers.get(at.name)  # noqa: E731
        self._require_success(find, body.text[:100])
        header, number = body.header(), body.count()
        is_first = self._header is None
        if header and not is_first and header != self._header:
            raise ContractError(
                f"the header of a page is {header[:8]}, and that of the first {self._header}"
            )
        if header and is_first:
            self._header = header
        text = body.text if not body.text or body.text.endswith("\n") else f"{body.text}\n"
        mark = _MARK if is_first and header else ""
        content = f"{mark}{text}".encode() if number or (is_first and header) else b""
        signs = partial(signs_of, None, self._api.records, answer.headers, link)
        return _Page(content, Said(number, _digest(text.encode()), find, link, signs=signs))

    def _require_success(self, find: Callable[[Where], str | None], excerpt: str) -> None:
        """Some answer 200 to everything: an error with an empty list is no empty day."""
        wanted = self._api.success
        if wanted is None:
            return
        said = find(wanted.at)
        if said not in wanted.texts:
            shown = "is not there" if said is None else f"is {said[:40]!r}"
            raise ContractError(
                f"{wanted.at} of the answer {shown}, and must be one of "
                f"{', '.join(sorted(wanted.texts))} (success): {excerpt}"
            )


class _Writable:
    """What gzip writes to."""

    def __init__(self, file: LandingFile) -> None:
        self._file = file

    def write(self, chunk: Any) -> int:
        self._file.write(bytes(chunk))
        return len(chunk)

    def flush(self) -> None:
        """Nothing is kept back."""


def _next_link(answer: Answer) -> str | None:
    """What the `Link` header calls the next page (RFC 8288; texts may hold commas, and `>` not)."""
    for url, said in _LINK.findall(answer.headers.get("link", "")):
        relations = (quoted or plain for name, quoted, plain in _PARAMETER.findall(said)
                     if name.casefold() == "rel")  # fmt: skip
        if "next" in next(relations, "").casefold().split():  # of two `rel` the first counts
            return str(url)
    return None


def _digest(content: bytes) -> bytes:
    return hashlib.blake2b(content, digest_size=12).digest()
