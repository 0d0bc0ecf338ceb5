"""What an answer says of further records, by the names that APIs give it.

Only for the end of a list: a list that ends though its last answer says that there is more was read
by `pages` that do not fit the API, and the rest of it would be lost with success. No list is
followed by what is found here; a file has to say how.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import msgspec

from ingestion_pipeline.foundation.collecting.bodies import JsonBody
from ingestion_pipeline.foundation.http_api.words import Header, Member, Pages, Where

_ENVELOPES = frozenset(
    [
        "cursor",
        "cursors",
        "info",
        "links",
        "meta",
        "metadata",
        "nav",
        "navigation",
        "page",
        "pageinfo",
        "pager",
        "pages",
        "paginator",
        "paging",
        "pagination",
        "responsemetadata",
    ]
)
_NEXT = frozenset(
    [
        "continuationtoken",
        "next",
        "nextcursor",
        "nexthref",
        "nextlink",
        "nextoffset",
        "nextpage",
        "nextpagetoken",
        "nextpageurl",
        "nextrecordsurl",
        "nextstart",
        "nexttoken",
        "nexturi",
        "nexturl",
        "odatanextlink",
    ]
)
_MORE = frozenset(
    [
        "hasmore",
        "hasmorepages",
        "hasnext",
        "hasnextpage",
        "istruncated",
        "more",
        "moreitems",
        "moreitemsincollection",
        "truncated",
    ]
)
_LAST = frozenset({"done", "islast", "islastpage", "last"})
_TOTAL = frozenset(
    [
        "count",
        "counttotal",
        "numfound",
        "odatacount",
        "total",
        "totalcount",
        "totalelements",
        "totalitems",
        "totalrecords",
        "totalresults",
        "totalrows",
    ]
)
_TOTAL_PAGES = frozenset(["lastpage", "numpages", "pages", "totalpages"])
_HEADERS: Mapping[str, Literal["next", "total", "total_pages"]] = {
    "x-next-page": "next", "x-total": "total", "x-total-count": "total", "x-wp-total": "total",
    "x-total-pages": "total_pages", "x-wp-totalpages": "total_pages",
}  # fmt: skip
_RELATIONS = frozenset({"rel", "relation"})
_URLS = frozenset({"href", "url", "uri", "link"})
_NOTHING = frozenset({"", "0", "-1", "false", "null", "none"})
_DEEPEST = 3


@dataclass(frozen=True)
class Sign:
    """Something that may say that there is more.

    Attributes:
        at: where it stands.
        says: `link`, `next`: the next page; `more`: that there is one; `total`, `total_pages`: how
            many there are.
        number: of records or pages.
        is_url: whether it is the URL of the next page.
    """

    at: Where
    says: Literal["link", "next", "more", "total", "total_pages"]
    number: int = 0
    is_url: bool = False


def signs_of(
    body: JsonBody | None, records: Member, headers: Mapping[str, str], link: str | None
) -> Iterator[Sign]:
    """What an answer says beside its records; None: it is no JSON.

    Args:
        body: of the answer.
        records: where its records stand; signs are looked for on the way there.
        headers: of the answer.
        link: what its `Link` header calls the next page.
    """
    if link:
        yield Sign(Header("link"), "link", is_url=True)
    for depth in range(len(records.parts) if body is not None else 0):
        way = records.parts[:depth]
        for name, raw in body.members(Member(way)).items() if body is not None else ():
            is_way = (*way, name) == records.parts[: depth + 1]
            if not is_way and _plain(name) in _ALL:
                yield from _walk((*way, name), msgspec.json.decode(raw))
    for name, says in _HEADERS.items():
        found = _number(headers.get(name))
        if found is not None and (says != "next" or found > 0):
            yield Sign(Header(name), says, found)


def unfollowed(how: Pages, signs: Iterable[Sign], *, pages: int, records: int) -> str | None:
    """Why a list that ended is not at its end; None: nothing says so.

    Args:
        how: its pages follow each other; what it follows has been asked, what it ignores is meant.
        signs: of the answers.
        pages: that were read; `records`, too.
    """
    of_style = [how.at] if how.style in ("cursor", "next", "link") else []
    followed = [*of_style, how.more, how.total, how.total_pages]
    read = {"total": records, "total_pages": pages}
    for sign in signs:
        if any(_covers(each, sign.at) for each in how.ignore):
            continue
        if any(each is not None and _same(each, sign.at) for each in followed):
            continue
        if sign.says in read and sign.number <= read[sign.says]:
            continue
        return _sentence(how, sign, read.get(sign.says, 0))
    return None


def _sentence(how: Pages, sign: Sign, read: int) -> str:
    nouns = {"total": "records", "total_pages": "pages"}
    noun = nouns.get(sign.says)
    told = f"there are {sign.number} {noun}, and {read} were read" if noun else "there is more"
    place = _written(sign.at)
    shown = str(sign.at) if isinstance(sign.at, Header) else f"'{sign.at}' of the answer"
    return (
        f"the list ended, and {shown} says that {told}, which 'pages' does not follow: "
        f"say {_advice(how, sign, place)}; or, where it is meant to be left, "
        f"pages: {{ignore: [{place}]}}"
    )


def _advice(how: Pages, sign: Sign, place: str) -> str:
    if sign.says == "link":
        return "pages: {link: next}"
    if sign.says == "next":
        if isinstance(sign.at, Member) and any(part.isdigit() for part in sign.at.parts):
            return "pages by {page: PARAMETER, first: 1} or {offset: PARAMETER, size: …}"
        if sign.is_url:
            return f"pages: {{next: {place}}}"
        return f"pages: {{cursor: {place}, query: PARAMETER that takes it}}"
    if sign.says == "more":
        ends = f"more: {place}" if _says_yes(sign) else "size: {PARAMETER: NUMBER}"
        if how.style != "none" and _says_yes(sign):
            return f"{ends} in pages"
        return f"pages: {{page: PARAMETER, first: 1, {ends}}}, or by offset or cursor"
    if how.style == "none" or (sign.says == "total_pages" and how.style != "page"):
        first = f"page: PARAMETER, first: 1, {sign.says}: {place}"
        return f"pages: {{{first}}}, or by offset or cursor"
    return f"{sign.says}: {place} in pages, and how they go on to there"


def _says_yes(sign: Sign) -> bool:
    """Not of `last: false`: `more` would read it the wrong way round."""
    return not (isinstance(sign.at, Member) and _plain(sign.at.parts[-1]) in _LAST)


def _walk(way: tuple[str, ...], value: Any, depth: int = 0) -> Iterator[Sign]:
    name = _plain(way[-1])
    if name in _NEXT:
        yield from _next(way, value)
    elif name in _MORE:
        if value is True or (isinstance(value, str) and value.casefold() == "true"):
            yield Sign(Member(way), "more")
    elif name in _LAST and value is False:
        yield Sign(Member(way), "more")
    elif isinstance(value, list) and name in ("link", "links"):
        yield from _related(way, value)
    elif isinstance(value, dict) and name in _TOTAL:  # {value: 100, relation: eq}
        if (number := _number(value.get("value"))) is not None:
            yield Sign(Member((*way, "value")), "total", number)
    elif isinstance(value, dict) and name in _ENVELOPES and depth < _DEEPEST:
        for key, each in value.items():
            yield from _walk((*way, key), each, depth + 1)
    elif (name in _TOTAL or name in _TOTAL_PAGES) and (number := _number(value)) is not None:
        yield Sign(Member(way), "total" if name in _TOTAL else "total_pages", number)


def _next(way: tuple[str, ...], value: Any, depth: int = 0) -> Iterator[Sign]:
    """The first thing that leads on; in an object (`{href: …}`, `{after: …}`) it is a member."""
    if isinstance(value, dict):
        inside = (_next((*way, key), each, depth + 1) for key, each in value.items())
        found = [sign for each in inside if depth < _DEEPEST for sign in each]
        yield from found[:1]
    elif isinstance(value, list):
        if value:
            yield Sign(Member(way), "next")
    elif value is not None and str(value).strip().casefold() not in _NOTHING:
        text = str(value)
        is_url = text[:1] in "/?" or "://" in text or _plain(way[-1]) in _URLS
        yield Sign(Member(way), "next", is_url=is_url)


def _related(way: tuple[str, ...], links: list[Any]) -> Iterator[Sign]:
    for index, link in enumerate(links):
        said = link if isinstance(link, dict) else {}
        relations = {str(each) for key, each in said.items() if _plain(key) in _RELATIONS}
        if "next" in relations and any(said.get(each) for each in _URLS):
            yield Sign(Member((*way, str(index))), "next", is_url=True)


def _number(value: Any) -> int | None:
    """A whole number; texts are read as such."""
    text = str(value)
    is_whole = not isinstance(value, bool) and text.isascii() and text.isdigit()
    return int(text) if is_whole and len(text) < 16 else None


def _plain(name: str) -> str:
    """`next_page_token`, `nextPageToken` and `Next-Page-Token` are one name."""
    return re.sub(r"[^a-z0-9]", "", name.casefold())


def _covers(place: Where, other: Where) -> bool:
    """Whether a place is another one, or that stands in it."""
    if isinstance(place, Member) and isinstance(other, Member):
        return other.parts[: len(place.parts)] == place.parts
    return place == other


def _same(followed: Where, found: Where) -> bool:
    return _covers(followed, found) or _covers(found, followed)


def _written(at: Where) -> str:
    """A place, as a file says it."""
    if isinstance(at, Header):
        return f"{{header: {at.name}}}"
    if any(not re.fullmatch(r"\w[\w-]*", part) for part in at.parts):
        return "[" + ", ".join(f'"{part}"' for part in at.parts) + "]"
    return str(at)


_ALL = _ENVELOPES | _NEXT | _MORE | _LAST | _TOTAL | _TOTAL_PAGES | {"link"}
