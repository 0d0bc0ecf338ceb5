"""`read:` of a mapping: how a file becomes rows of text."""

import codecs

from ingestion_pipeline.foundation.mapping.documents import Node
from ingestion_pipeline.foundation.mapping.reader import Reader
from ingestion_pipeline.foundation.mapping.words import Read

FORMATS = ("csv", "xlsx", "xls", "ods", "ndjson", "json")
_WORDS = (
    "format", "sheet", "encoding", "delimiter", "quote", "header", "stop", "unwrap", "blank",
    "records",
)  # fmt: skip
_DELIMITERS = {"tab": "\t", "comma": ",", "semicolon": ";", "pipe": "|"}
_QUOTES = ('"', "'")


def read_layout(reader: Reader, node: Node | None) -> Read:
    """How the rows of a file are found."""
    words = reader.mapping(node, _WORDS)
    header = reader.mapping(words.get("header"), ("find",))
    stop = reader.mapping(words.get("stop"), ("first", "line"))
    formats = tuple(
        reader.one_of(each, FORMATS, "csv") for each in reader.items(words.get("format"))
    )
    delimiters = tuple(_delimiter(reader, each) for each in reader.items(words.get("delimiter")))
    if len(delimiters) > 1 and "find" not in header:
        reader.fault(words["delimiter"], "has several, and read.header.find must say which it is")
    return Read(
        formats=formats or ("csv",),
        sheet=reader.text(words["sheet"]) if "sheet" in words else None,
        encoding=_encoding(reader, words.get("encoding")),
        delimiter=delimiters[0] if delimiters else ",",
        delimiters=delimiters,
        quote=_quote(reader, words.get("quote")),
        find=reader.texts(header.get("find")),
        stop_first=reader.pattern(stop["first"]) if "first" in stop else None,
        stop_line=reader.pattern(stop["line"]) if "line" in stop else None,
        unwrap=tuple(
            reader.one_of(each, ("apostrophe", "formula"), "apostrophe")
            for each in reader.items(words.get("unwrap"))
        ),
        blank=frozenset(
            str(each.value) for each in reader.items(words.get("blank"))
            if isinstance(each.value, str)
        ),
        records=reader.text(words["records"]) if "records" in words else None,
    )  # fmt: skip


def _encoding(reader: Reader, node: Node | None) -> str:
    name = reader.text(node, "utf-8")
    try:
        return codecs.lookup(name).name
    except (LookupError, ValueError):
        if node is not None:
            reader.fault(node, f"is {name!r}, which is no encoding; such are utf-8, utf-16, cp1252")
        return "utf-8"


def _delimiter(reader: Reader, node: Node) -> str:
    text = str(node.value) if isinstance(node.value, str) else ""
    text = _DELIMITERS.get(text, text)
    if len(text) != 1 or text.isalnum() or text in "\"'\r\n":
        reader.fault(
            node, f"must be one sign or {', '.join(_DELIMITERS)}, and is {node.describe()}"
        )
        return ","
    return text


def _quote(reader: Reader, node: Node | None) -> str | None:
    text = reader.one_of(node, (*_QUOTES, "none"), '"')
    return None if text == "none" else text
