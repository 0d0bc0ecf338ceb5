"""Templates, static files, and the headers of every answer.

Templates escape all text by themselves. Nothing is inline: the policy lets a browser take scripts
and styles from our own addresses only, and those have the content's hash in them, so they may be
kept for ever.
"""

import gzip
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import jinja2
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import Response

from ingestion_pipeline.outlets.dashboards import drawing, telling
from ingestion_pipeline.outlets.dashboards.tables import Column

_HERE = Path(__file__).parent
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
# A form's POST says where it comes from only to where that is (`same-origin`).
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
_PRIVATE = {"Cache-Control": "private, no-store", "Vary": "Cookie"}
_FOR_EVER = {"Cache-Control": "public, max-age=31536000, immutable"}
_SMALL = 1_000  # bytes that are not worth packing
_TYPES = {
    ".js": "text/javascript",
    ".css": "text/css",
    ".svg": "image/svg+xml",
    ".txt": "text/plain",
}


@dataclass(frozen=True)
class StaticFile:
    """A file that browsers keep.

    Attributes:
        path: its address, with the hash of the content.
        content: as it is.
        packed: gzipped.
        media_type: what it is.
    """

    path: str
    content: bytes
    packed: bytes
    media_type: str


@cache
def static_files() -> dict[str, StaticFile]:
    """All static files by name."""
    return {
        file.name: _static(file) for file in sorted((_HERE / "static").iterdir()) if file.is_file()
    }


def _static(file: Path) -> StaticFile:
    content = file.read_bytes()
    digest = hashlib.sha256(content).hexdigest()[:16]
    return StaticFile(
        f"/static/{digest}/{file.name}", content, gzip.compress(content, 9, mtime=0),
        _TYPES[file.suffix],
    )  # fmt: skip


def static_answer(request: Request, path: str) -> Response | None:
    """A static file at its address; None where there is none."""
    found = static_files().get(path.rpartition("/")[2])
    if found is None or found.path != path:
        return None
    headers = {**_HEADERS, **_FOR_EVER, "Vary": "Accept-Encoding"}
    if not takes_gzip(request):
        return Response(found.content, 200, headers, found.media_type)
    return Response(found.packed, 200, {**headers, "Content-Encoding": "gzip"}, found.media_type)


def html_answer(
    request: Request, template: str, values: Mapping[str, Any], *, status: int = 200,
    headers: Mapping[str, str] | None = None,
) -> Response:  # fmt: skip
    """A rendered page."""
    content = _templates().get_template(template).render(values).encode()
    return _private(request, content, "text/html", status, headers)


def data_answer(request: Request, content: bytes, media_type: str, *, name: str) -> Response:
    """A table to take away."""
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return _private(request, content, media_type, 200, headers)


def with_headers(response: Response) -> Response:
    """Any other answer of ours, with the headers that all have."""
    response.headers.update({**_HEADERS, **_PRIVATE})
    return response


def takes_gzip(request: Request) -> bool:
    """Whether an answer may be packed."""
    return "gzip" in request.headers.get("accept-encoding", "")


def _private(
    request: Request, content: bytes, media_type: str, status: int,
    further: Mapping[str, str] | None,
) -> Response:  # fmt: skip
    headers = {**_HEADERS, **_PRIVATE, **(further or {})}
    if len(content) > _SMALL and takes_gzip(request):
        content = gzip.compress(content, 5, mtime=0)
        headers |= {"Content-Encoding": "gzip", "Vary": "Cookie, Accept-Encoding"}
    return Response(content, status, headers, media_type)


@cache
def _templates() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    files = static_files()
    environment.globals |= {
        "static": lambda name: files[name].path,
        "sparkline": drawing.sparkline,
        "bar": drawing.bar,
        "cell": cell,
        "query_with": query_with,
    }
    environment.filters |= {
        name: getattr(telling, name)
        for name in (
            "number",
            "briefly",
            "count",
            "money",
            "percent",
            "change",
            "age",
            "day",
            "instant",
        )
    }
    return environment


def query_with(query: Mapping[str, str], more: Mapping[str, object]) -> str:
    """A query string with some parameters changed; None: without it."""
    changed = {**query, **more}
    return urlencode({name: value for name, value in changed.items() if value is not None})


def cell(column: Column, row: Mapping[str, Any], zone: tzinfo, now: datetime) -> Markup | str:
    """What stands in a cell of a table."""
    value = row.get(column.key)
    if column.kind == "spark":
        return drawing.sparkline(value or ())
    if column.kind == "bar":
        return drawing.bar(value) if value is not None else telling.UNKNOWN
    if column.kind == "instant":
        return telling.instant(value, zone, now)
    if column.kind == "age":
        return telling.age(None if value is None else now - value)
    if column.kind == "day":
        return telling.day(value)
    if column.kind == "text":
        return telling.UNKNOWN if value is None or value == "" else str(value)
    return str(_NUMBERS[column.kind](value, column.unit))


_NUMBERS = {
    kind: getattr(telling, kind)
    for kind in ("number", "count", "money", "average", "percent", "change")
}
