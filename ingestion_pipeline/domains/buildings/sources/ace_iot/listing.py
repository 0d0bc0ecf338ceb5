"""A list that comes in pages, read to its end: the whole of it, or an error, never a part.

However pages are told (a total, pages, the next page, a cursor, a link), what says that there is
more is followed, and what came is counted against what was said.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from ingestion_pipeline.domains.buildings.sources.ace_iot import damaged
from ingestion_pipeline.domains.buildings.sources.ace_iot.signs import (
    Signs,
    read_signs,
    require_success,
)
from ingestion_pipeline.domains.buildings.sources.ace_iot.unreadable import (
    not_json,
    unknown_envelope,
)
from ingestion_pipeline.foundation.errors import ContractError, UpstreamRefusedError
from ingestion_pipeline.foundation.upstreams.client import Answer

Parameters = dict[str, str | int]
_MOST_PAGES = 10_000
_NO_PAGE = frozenset({400, 404})


@dataclass(frozen=True)
class Listed:
    """A page of a list: its elements as they are written, and what is said about them."""

    elements: list[bytes]
    envelope: Mapping[str, Any]


def read_list(content: bytes, names: tuple[str, ...]) -> Listed:
    """An object that has a list under one of these names, or a list.

    Raises:
        NotJsonError: it is not JSON.
        ContractError: it is something else, has a key twice, or says that something went wrong.
    """
    content = content.removeprefix(b"\xef\xbb\xbf")
    try:
        rest, elements = damaged.split(content, frozenset(name.encode() for name in names))
    except damaged.DamagedError as error:
        raise not_json(content, error) from None
    envelope = read_envelope(rest)
    if elements is None:
        raise unknown_envelope(content, expected=f"one of {', '.join(names)}")
    return Listed(elements, envelope if isinstance(envelope, dict) else {})


def read_envelope(content: bytes) -> Any:
    """What stands around a list, without its elements.

    Raises:
        NotJsonError: it is not JSON.
        ContractError: it has a key twice, or says that something went wrong.
    """
    try:
        envelope = msgspec.json.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise not_json(content, error) from None
    twice = damaged.key_there_twice(content)
    if twice is not None:
        raise ContractError(f"the key {twice} is there twice: which is right?")
    if isinstance(envelope, dict):
        require_success(envelope)
    return envelope


def read_to_the_end(
    ask: Callable[[Parameters], Answer],
    *,
    what: str,
    names: tuple[str, ...],
    per_page: int | None = None,
) -> list[bytes]:
    """All elements of a list, each as it is written.

    Args:
        ask: for a page; gets what is to be added to the request.
        what: it is a list of, for messages.
        names: of the list within its envelope.
        per_page: as many were asked for: a page that is full may have a next one.

    Raises:
        ContractError: fewer came than it says, or it has no end.
        UpstreamRefusedError, UpstreamUnavailableError, CircuitOpenError: see `Upstream.get`.
    """
    known: set[bytes] = set()
    found: list[bytes] = []
    parameters: Parameters = {}
    page, perhaps = 1, False
    while True:
        try:
            answer = ask(parameters)
        except UpstreamRefusedError as error:
            if perhaps and error.status in _NO_PAGE:
                return found
            raise
        listed = read_list(answer.content, names)
        signs = read_signs(listed.envelope, answer.headers)
        new = [element for element in listed.elements if element not in known]
        found += new
        known.update(new)
        if listed.elements and not new:
            if perhaps:
                return found
            raise ContractError(f"{what}: page {page} is what came before: the list has no end")
        missing = signs.total is not None and len(found) < signs.total
        promised = signs.promises_more(page) or (missing and signs.more is not False)
        perhaps = not promised and _may_have_more(signs, len(listed.elements), per_page)
        if not new or not (promised or perhaps):
            _require_whole(what, signs, page, len(found))
            return found
        parameters = {"cursor": signs.cursor} if signs.cursor else {}
        page = signs.next_page or page + 1
        if not signs.cursor:
            parameters = {"page": page}
        if page > _MOST_PAGES:
            raise ContractError(f"{what}: {page} pages and no end")


def _may_have_more(signs: Signs, came: int, per_page: int | None) -> bool:
    """Whether nothing is said and the page is full."""
    size = signs.per_page or per_page
    return not signs.says and signs.total is None and size is not None and 0 < size <= came


def _require_whole(what: str, signs: Signs, page: int, came: int) -> None:
    if signs.total is not None and came < signs.total:
        raise ContractError(f"{what}: the list says total {signs.total}, and {came} came")
    if signs.promises_more(page):
        raise ContractError(f"{what}: page {page} is empty and says that there is more")
