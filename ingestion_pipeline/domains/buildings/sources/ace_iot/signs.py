"""What an envelope says of its list: whether it is whole, how one goes on, whether all is well.

APIs page in many ways. All that are known are read, so that a list which says that there is more is
never taken for the whole of it.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

from ingestion_pipeline.foundation.errors import ContractError

NESTED = ("pagination", "paging", "meta", "links", "_links")
# `count` is the last of them: some mean by it the whole list, some a page, which is never more.
TOTAL = (
    "total_count", "total", "totalCount", "total_items", "totalItems", "total_elements",
    "totalElements", "total_records", "totalRecords", "total_results", "totalResults", "count",
)  # fmt: skip
PAGES = (
    "pages", "total_pages", "totalPages", "page_count", "pageCount", "num_pages", "last_page",
    "lastPage",
)  # fmt: skip
MORE = ("has_more", "hasMore", "has_next", "hasNext", "has_next_page", "hasNextPage")
CURSOR = ("next_cursor", "nextCursor", "next_page_token", "nextPageToken")
NEXT = ("next_page", "nextPage", "next", "next_url")
SUCCESS = ("status", "success", "ok", "error", "errors", "message")
# What a status may say where all is well; any other word means that it is not.
_WELL = frozenset({"ok", "success", "succeeded", "successful", "complete", "completed", "true"})
_NEXT_LINK = re.compile(r'<([^>]*)>[^,]*;\s*rel="?next"?', re.IGNORECASE)


@dataclass(frozen=True)
class Signs:
    """What is said of a page.

    Attributes:
        total: elements of the whole list.
        pages: pages of the whole list.
        more: whether there is more; None: it is not said so.
        cursor: of the next page.
        next_page: its number.
        says: something is said about whether this is the end.
    """

    total: int | None = None
    pages: int | None = None
    per_page: int | None = None
    more: bool | None = None
    cursor: str | None = None
    next_page: int | None = None
    says: bool = False

    def promises_more(self, page: int) -> bool:
        """Whether there is more behind a page of this number, total left aside."""
        if self.cursor is not None or self.next_page is not None:
            return self.more is not False or self.next_page is not None
        return bool(self.more) or (self.pages is not None and page < self.pages)


def read_signs(envelope: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> Signs:
    """Read what an envelope (and a `Link` header) says.

    Raises:
        ContractError: it can't be read: a total that is no number.
    """
    told: dict[str, Any] = {}
    for each in (envelope, *(envelope.get(name) for name in NESTED)):
        if isinstance(each, Mapping):
            told |= {name: value for name, value in each.items() if value is not None}
    beside = headers or {}
    link = _NEXT_LINK.search(beside.get("link", ""))
    if link is not None:
        told.setdefault("next", link.group(1))
    if (total := beside.get("x-total-count", "")).isascii() and total.isdecimal():
        told.setdefault("total_count", int(total))
    cursor, next_page = _following(told)
    flat = {name for each in (envelope, *map(envelope.get, NESTED)) if isinstance(each, Mapping)
            for name in each}  # fmt: skip
    return Signs(
        total=_number(told, TOTAL),
        pages=_number(told, PAGES),
        per_page=_number(told, ("per_page", "page_size", "limit")),
        more=_truth(told, MORE),
        cursor=cursor,
        next_page=next_page,
        says=bool(flat & {*MORE, *CURSOR, *NEXT, *PAGES}),
    )


def require_success(envelope: Mapping[str, Any]) -> None:
    """Refuse an answer that came with 200 and says that something went wrong.

    Raises:
        ContractError: it says error.
    """
    status = envelope.get("status")
    well = status is None or (
        status == 200 if isinstance(status, int | float) and not isinstance(status, bool)
        else str(status).strip().lower() in _WELL
    )  # fmt: skip
    refused = any(envelope.get(name) in (False, "false", 0) for name in ("success", "ok"))
    fault = envelope.get("error") or envelope.get("errors")
    if well and not refused and not fault:
        return
    said = {name: envelope[name] for name in SUCCESS if envelope.get(name) not in (None, "", [])}
    raise ContractError(f"the API answers with success and says that it failed: {said!r:.300}")


def _following(told: Mapping[str, Any]) -> tuple[str | None, int | None]:
    """Cursor and number of the next page."""
    for name in CURSOR:
        cursor = told.get(name)
        if cursor not in (None, "", False):
            return str(cursor), None
    for name in NEXT:
        value = told.get(name)
        if isinstance(value, Mapping):
            value = value.get("href")
        if value in (None, "", False):
            continue
        if isinstance(value, str) and not value.isdecimal():
            query = parse_qs(urlsplit(value).query)
            for key in ("cursor", *CURSOR):
                if key in query:
                    return query[key][0], None
            if "page" not in query:
                raise ContractError(
                    f"{name}: leads on to neither a page nor a cursor: {value:.200}"
                )
            value = query["page"][0]
        return None, _whole(name, value)
    return None, None


def _number(told: Mapping[str, Any], names: tuple[str, ...]) -> int | None:
    return next((_whole(name, told[name]) for name in names if name in told), None)


def _whole(name: str, value: Any) -> int:
    """A number that counts something; also as a text, or with `.0`."""
    if isinstance(value, str) and value.isascii() and value.isdecimal():
        return int(value)
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if number and value >= 0 and value == value // 1:
        return int(value)
    raise ContractError(f"{name}: must be a whole number, got {value!r:.40}")


def _truth(told: Mapping[str, Any], names: tuple[str, ...]) -> bool | None:
    for name in names:
        if name in told:
            if not isinstance(told[name], bool):
                raise ContractError(f"{name}: must be true or false, got {told[name]!r:.40}")
            return bool(told[name])
    return None
