"""`pages:` of a request: how the pages of a list follow each other, and how its end is known."""

from collections.abc import Mapping

from ingestion_pipeline.foundation.http_api.words import Header, Member, Pages, Where
from ingestion_pipeline.foundation.mapping.documents import Node
from ingestion_pipeline.foundation.mapping.reader import Reader

STYLES = ("cursor", "page", "offset", "link", "next")
_OF_STYLE = {
    "none": (), "cursor": ("query", "size"), "page": ("first", "size", "total_pages"),
    "offset": ("size",), "link": ("size",), "next": ("size",),
}  # fmt: skip
_ENDS = ("total", "more", "most", "ignore")
_MOST_PAGES, _MOST_RECORDS = 100_000, 999_999


def read_pages(reader: Reader, node: Node | None) -> Pages:
    """How pages follow each other; without the word, a list is one page."""
    if node is None:
        return Pages()
    said = reader.mapping(node, (*STYLES, "query", "size", "first", "total_pages", *_ENDS))
    styles = [each for each in STYLES if each in said]
    if len(styles) > 1:
        reader.fault(said[styles[1]], f"can't stand beside {styles[0]}; one of them says how")
        return Pages()
    style = styles[0] if styles else "none"
    allowed = (*_OF_STYLE[style], *_ENDS)
    for name, each in said.items():
        if name != style and name not in allowed:
            rule = f"is of no use with {style}" if styles else "needs one of " + ", ".join(STYLES)
            reader.fault(each, f"{rule}; allowed are {', '.join(allowed)}")
    if style == "none" and not said:
        reader.fault(node, f"lacks one of {', '.join(STYLES)}")
    return Pages(
        style=style,  # type: ignore[arg-type]
        query=_query(reader, node, style, said),
        at=_at(reader, style, said),
        first=_first(reader, node, style, said.get("first")),
        size=_size(reader, node, style, said.get("size")),
        total=_maybe(reader, said.get("total")),
        total_pages=_maybe(reader, said.get("total_pages")),
        more=_maybe(reader, said.get("more")),
        most=reader.whole(said["most"], least=1, most=_MOST_PAGES) if "most" in said else 10_000,
        ignore=tuple(where(reader, each) for each in reader.items(said.get("ignore"))),
    )


def _query(reader: Reader, node: Node, style: str, said: Mapping[str, Node]) -> str:
    if style == "cursor" and "query" not in said:
        reader.fault(node, "lacks 'query': the parameter that takes the cursor")
    if style == "cursor":
        return reader.text(said.get("query"))
    return reader.text(said[style]) if style in ("page", "offset") else ""


def _at(reader: Reader, style: str, said: Mapping[str, Node]) -> Where:
    if style == "link":
        reader.one_of(said["link"], ("next",), "next")
        return Header("link")
    return where(reader, said[style]) if style in ("cursor", "next") else Member()


def _first(reader: Reader, node: Node, style: str, said: Node | None) -> int:
    """Not guessed: of an API that counts from 0, `1` would leave the first page out."""
    if said is None:
        if style == "page":
            reader.fault(node, "lacks 'first': the number of the first page, 0 or 1")
        return 1
    return reader.whole(said, least=0, most=1)


def _size(reader: Reader, node: Node, style: str, said: Node | None) -> tuple[str, int] | None:
    if said is None:
        if style == "offset":
            reader.fault(node, "lacks 'size': {parameter: records of a page}")
        return None
    words = said.value if isinstance(said.value, dict) else {}
    if len(words) != 1:
        reader.fault(said, "must be one parameter with its number, such as {per_page: 100}")
        return None
    [(name, number)] = words.items()
    return name, reader.whole(number, least=1, most=_MOST_RECORDS)


def _maybe(reader: Reader, node: Node | None) -> Where | None:
    return None if node is None else where(reader, node)


def where(reader: Reader, node: Node) -> Where:
    """A place in an answer: a path in its body, or {header: NAME}."""
    if isinstance(node.value, dict):
        words = reader.mapping(node, ("header",))
        if "header" not in words:
            reader.fault(node, "must be a path in the body (meta.total), or {header: NAME}")
        return Header(reader.text(words.get("header")).lower())
    return member(reader, node)


def member(reader: Reader, node: Node) -> Member:
    """A path in a body: `data.items`, or a list of keys where one has a dot."""
    if isinstance(node.value, tuple):
        return Member(reader.texts(node))
    parts = tuple(reader.text(node).split("."))
    if "" in parts:
        reader.fault(node, f"must be keys with dots between them, and is {node.describe()}")
        return Member()
    return Member(parts)
