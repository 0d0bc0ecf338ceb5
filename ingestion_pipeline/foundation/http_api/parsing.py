"""All words of a request, read; what is wrong is noted with its place."""

import re
from collections.abc import Mapping
from datetime import timedelta
from urllib.parse import urlsplit

from ingestion_pipeline.foundation.http_api.auth import read_auth
from ingestion_pipeline.foundation.http_api.paging import member, read_pages, where
from ingestion_pipeline.foundation.http_api.windows import read_window
from ingestion_pipeline.foundation.http_api.words import (
    HttpApi,
    Limits,
    Member,
    Nothing,
    Success,
)
from ingestion_pipeline.foundation.mapping.documents import Node
from ingestion_pipeline.foundation.mapping.reader import Reader
from ingestion_pipeline.foundation.secret_names import is_secret, is_secret_parameter

WORDS = (
    "url", "method", "query", "headers", "auth", "format", "records", "pages", "window", "nothing",
    "success", "limits", "timeout", "redirects",
)  # fmt: skip
_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9a-fA-F:.]+\]")
_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")
_OWN_HEADERS = frozenset({"host", "content-length", "transfer-encoding", "connection"})
_PLACEHOLDER = re.compile(r"\{[^}]*\}?|\}")
_MEGABYTE = 2**20


def read_api(reader: Reader, node: Node, words: Mapping[str, Node]) -> HttpApi:
    """How an API is asked.

    Args:
        node: in which the words stand.
        words: those of `WORDS` that are there.
    """
    url = _url(reader, node, words.get("url"))
    reader.one_of(words.get("method"), ("get",), "get")
    records, absent = _records(reader, words.get("records"))
    form = reader.one_of(words.get("format"), ("json", "csv"), "json")
    query = _query(reader, words.get("query"))
    api = HttpApi(
        url=url,
        query=query,
        headers=_headers(reader, words.get("headers")),
        auth=read_auth(reader, words.get("auth")),
        format=form,  # type: ignore[arg-type]
        records=records,
        absent_is_empty=absent,
        pages=read_pages(reader, words.get("pages")),
        window=read_window(reader, words.get("window"), url),
        nothing=_nothing(reader, words.get("nothing")),
        success=_success(reader, words.get("success")),
        limits=_limits(reader, words.get("limits")),
        timeout=_timeout(reader, words.get("timeout")),
        redirects=_redirects(reader, words.get("redirects")),
    )
    _require_bounds(reader, words, api)
    _require_json(reader, words, api)
    _require_one_of_each(reader, words, api)
    return api


def _url(reader: Reader, node: Node, said: Node | None) -> str:
    if said is None:
        reader.fault(node, "lacks 'url'")
        return ""
    text = said.value if isinstance(said.value, str) else ""
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname, parts.port
    except ValueError:
        parts, host = urlsplit(""), None
    if parts.username is not None or parts.password is not None:
        # What stands there may be a password: it is not repeated.
        reader.fault(said, "must have no user and no password in it; say them under 'auth'")
        return ""
    if (
        parts.scheme not in ("http", "https") or not host or re.search(r"[\s\\\x00-\x1f]", text)
        or not _HOST.fullmatch(parts.netloc.rpartition(":")[0] if parts.port else parts.netloc)
    ):  # fmt: skip
        shown = "must be a URL such as https://api.example.com/v1/readings"
        reader.fault(said, f"{shown}" if parts.query else f"{shown}, and is {said.describe()}")
        return ""
    if parts.query or parts.fragment or text.endswith(("?", "#")):
        reader.fault(said, "must end before '?'; say its parameters under 'query'")
        return ""
    for found in _PLACEHOLDER.findall(text):
        if found not in ("{start}", "{end}"):
            reader.fault(said, f"holds {found!r}, and may hold {{start}} and {{end}} of the window")
    return text


def _query(reader: Reader, node: Node | None) -> dict[str, str]:
    found = {}
    for name, each in reader.mapping(node).items():
        if is_secret_parameter(name):
            reader.fault(
                each, "is named like a secret, which never stands in a file; say "
                f"auth: {{type: query, name: {name}, secret: NAME_OF_A_VARIABLE}}"
            )  # fmt: skip
            continue
        found[name] = _scalar(reader, each)
    return found


def _headers(reader: Reader, node: Node | None) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, each in reader.mapping(node).items():
        if is_secret(name) or is_secret_parameter(name):
            reader.fault(
                each, "is named like a secret, which never stands in a file; say "
                f"auth: {{type: header, name: {name}, secret: NAME_OF_A_VARIABLE}}"
            )  # fmt: skip
        elif not _HEADER.fullmatch(name) or name.lower() in _OWN_HEADERS:
            reader.fault(each, "is no header that can be set")
        else:
            text = _scalar(reader, each)
            if not (text.isascii() and text.isprintable() and text == text.strip()):
                reader.fault(each, "must be printable ASCII in one line")
            found[name] = text
    return found


def _scalar(reader: Reader, node: Node) -> str:
    """A text as it is written; an empty one may be sent."""
    if not isinstance(node.value, str) or node.tag == "null":
        reader.fault(node, f"must be a text, and is {node.describe()}")
        return ""
    return node.value


def _records(reader: Reader, node: Node | None) -> tuple[Member, bool]:
    if node is None:
        return Member(), False
    if not isinstance(node.value, dict):
        return member(reader, node), False
    words = reader.mapping(node, ("path", "absent"))
    if "path" not in words:
        reader.fault(node, "lacks 'path': where the list stands, such as data.items")
        return Member(), False
    absent = reader.one_of(words.get("absent"), ("empty", "error"), "error")
    return member(reader, words["path"]), absent == "empty"


def _nothing(reader: Reader, node: Node | None) -> Nothing | None:
    if node is None:
        return None
    words = reader.mapping(node, ("status", "body"))
    for word in ("status", "body"):
        if word not in words:
            reader.fault(node, f"lacks {word!r}; both are needed, else a misspelt URL had no data")
            return None
    status = reader.whole(words["status"], least=200, most=499)
    return Nothing(status, reader.pattern(words["body"]))


def _success(reader: Reader, node: Node | None) -> Success | None:
    if node is None:
        return None
    words = reader.mapping(node, ("at", "is"))
    for word in ("at", "is"):
        if word not in words:
            reader.fault(node, f"lacks {word!r}, as in {{at: status, is: ok}}")
            return None
    return Success(where(reader, words["at"]), frozenset(reader.texts(words["is"])))


def _limits(reader: Reader, node: Node | None) -> Limits:
    words = reader.mapping(node, ("requests_per_minute", "body_megabytes"))
    plain = Limits()
    requests, size = words.get("requests_per_minute"), words.get("body_megabytes")
    return Limits(
        plain.requests_per_minute if requests is None
        else reader.whole(requests, least=1, most=60_000),
        plain.body_bytes if size is None else reader.whole(size, least=1, most=1024) * _MEGABYTE,
    )  # fmt: skip


def _timeout(reader: Reader, node: Node | None) -> timedelta:
    if node is None:
        return HttpApi.timeout
    return timedelta(seconds=reader.whole(node, least=1, most=600))


def _redirects(reader: Reader, node: Node | None) -> tuple[str, ...] | None:
    """Hosts; an empty list names none."""
    if node is None:
        return None
    found = []
    for each in () if node.value == () else reader.items(node):
        host, _, port = each.value.partition(":") if isinstance(each.value, str) else ("", "", "")
        if not _HOST.fullmatch(host) or (port and not re.fullmatch(r"[0-9]{1,5}", port)):
            reader.fault(
                each, "must be a host, or host:port, such as files.example.com, and is "
                f"{each.describe()}"
            )  # fmt: skip
        found.append(f"{host}:{port}" if port else host)
    return tuple(each.lower() for each in found)


def _require_bounds(reader: Reader, words: Mapping[str, Node], api: HttpApi) -> None:
    """What the URL holds is what the window says."""
    for name, bound in (
        ("start", api.window and api.window.start),
        ("end", api.window and api.window.end),
    ):
        if f"{{{name}}}" in api.url and bound is None:
            reader.fault(words["url"], f"holds {{{name}}}, which no window says")


def _require_json(reader: Reader, words: Mapping[str, Node], api: HttpApi) -> None:
    """A CSV has no members."""
    if api.format != "csv":
        return
    if "records" in words:
        reader.fault(words["records"], "is of JSON, and format is csv")
    if api.success is not None and isinstance(api.success.at, Member):
        reader.fault(words["success"], "says a path, and format is csv; say {header: NAME}")
    for name in ("at", "total", "total_pages", "more"):
        place = getattr(api.pages, name)
        if isinstance(place, Member) and (name != "at" or api.pages.style in ("cursor", "next")):
            word = api.pages.style if name == "at" else name
            reader.fault(
                words["pages"], f"says {word} by a path, and format is csv; say {{header: NAME}}"
            )  # fmt: skip


def _require_one_of_each(reader: Reader, words: Mapping[str, Node], api: HttpApi) -> None:
    """No parameter is said by two words: one would be lost."""
    auth, pages, window = api.auth, api.pages, api.window
    names = [("query", name) for name in api.query]
    if auth is not None and auth.kind == "query":
        names.append(("auth", auth.name))
    names += [("pages", name) for name in (pages.query, pages.size and pages.size[0]) if name]
    if window is not None:
        bounds = [each for each in (window.start, window.end) if each is not None]
        names += [("window", each.query) for each in bounds if each.query]
    taken: dict[str, str] = {}
    for word, name in names:
        if name in taken:
            reader.fault(words[word], f"says the parameter {name!r}, and so does {taken[name]}")
        taken.setdefault(name, word)
