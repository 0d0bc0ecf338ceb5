"""`window:` of a request: the day that a partition asks for, as the API writes it."""

import re
from datetime import UTC, date, datetime, timedelta

from ingestion_pipeline.foundation.http_api import words
from ingestion_pipeline.foundation.http_api.words import Bound, Window
from ingestion_pipeline.foundation.mapping.documents import Node
from ingestion_pipeline.foundation.mapping.reader import Reader

_WORDS = ("start", "end", "end_is", "zone", "first_day", "look_back", "lag")
_BOUND = ("query", "format", "zone")
_STAMPS = ("unix", "unix_ms")
_DIRECTIVE = re.compile(r"%(:z|.|\Z)")
_KNOWN = {"Y", "m", "d", "H", "M", "S", "f", "z", ":z", "%"}
_CLOCK = {"H", "M", "S", "f", "z", ":z"}
_SPAN = re.compile(r"([0-9]{1,4})(m|h|d)")
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}
_MOST_DAYS = 400


def read_window(reader: Reader, node: Node | None, url: str) -> Window | None:
    """The window; None: the API has none, and is asked for all that there is."""
    if node is None:
        return None
    said = reader.mapping(node, _WORDS)
    for word in ("start", "first_day"):
        if word not in said:
            reader.fault(node, f"lacks {word!r}")
    if "end_is" in said and "end" not in said:
        reader.fault(said["end_is"], "says what 'end' is, which is not there")
    if "end" in said and "end_is" not in said:
        reader.fault(
            node, "lacks 'end_is': whether the API takes the end as the last of the window "
            "(inclusive), or as the first behind it (exclusive)"
        )  # fmt: skip
    start, end = said.get("start"), said.get("end")
    look_back = said.get("look_back")
    return Window(
        start=Bound("", "%Y") if start is None else _bound(reader, start, url, "start"),
        end=None if end is None else _bound(reader, end, url, "end"),
        first_day=_day(reader, said.get("first_day")),
        inclusive=reader.one_of(said.get("end_is"), ("inclusive", "exclusive"), "exclusive")
        == "inclusive",
        zone=reader.zone(said.get("zone")) or words.UTC,
        look_back=0 if look_back is None else reader.whole(look_back, least=0, most=_MOST_DAYS),
        lag=_span(reader, said.get("lag")),
    )


def _bound(reader: Reader, node: Node, url: str, name: str) -> Bound:
    said = reader.mapping(node, _BOUND)
    query = reader.text(said.get("query"))
    if not query and f"{{{name}}}" not in url:
        reader.fault(node, f"lacks 'query': its parameter; or the url must hold {{{name}}}")
    if "format" not in said:
        reader.fault(node, "lacks 'format', such as %Y-%m-%dT%H:%M:%SZ, unix or unix_ms")
        return Bound(query, "%Y")
    return Bound(query, _format(reader, said["format"]), reader.zone(said.get("zone")))


def _format(reader: Reader, node: Node) -> str:
    text = reader.text(node)
    if text in _STAMPS:
        return text
    found = _DIRECTIVE.findall(text)
    if unknown := [each for each in found if each not in _KNOWN]:
        allowed = ", ".join(f"%{each}" for each in sorted(_KNOWN))
        reader.fault(node, f"has the directive %{unknown[0]}; allowed are {allowed}")
    elif not {"Y", "m", "d"} <= set(found):
        reader.fault(
            node, f"is {text!r}, and must say year, month and day, or be one of "
            f"{', '.join(_STAMPS)}"
        )  # fmt: skip
    elif "f" in found and "S" not in found:
        reader.fault(node, f"is {text!r}: %f needs %S")
    return text


def _day(reader: Reader, node: Node | None) -> date:
    if node is None:
        return date(2020, 1, 1)
    text = node.value if isinstance(node.value, str) else ""
    try:
        if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
            return date.fromisoformat(text)
    except ValueError:
        pass
    reader.fault(node, f"must be a day such as 2026-01-31, and is {node.describe()}")
    return date(2020, 1, 1)


def _span(reader: Reader, node: Node | None) -> timedelta:
    if node is None:
        return timedelta()
    found = _SPAN.fullmatch(node.value) if isinstance(node.value, str) else None
    if found is None:
        reader.fault(node, f"must be a span such as 90m, 2h or 3d, and is {node.describe()}")
        return timedelta()
    return timedelta(**{_UNITS[found[2]]: int(found[1])})


def bounds_of(window: Window, day: date) -> tuple[str, str | None]:
    """The start and the end of a day, as the API is told them.

    An end that is the last of the window is the day itself where only days are written; with a
    clock it is midnight all the same: a second before it would leave out what came in between.
    What stands exactly on midnight is then in two windows, and by its key one record.
    """
    start = datetime(day.year, day.month, day.day, tzinfo=window.zone)
    after = day + timedelta(days=1)
    end = datetime(after.year, after.month, after.day, tzinfo=window.zone)
    if window.end is None:
        return written(start, window.start), None
    if window.inclusive and _is_day(window.end.format):
        end = start
    return written(start, window.start), written(end, window.end)


def _is_day(form: str) -> bool:
    return form not in _STAMPS and not _CLOCK & set(_DIRECTIVE.findall(form))


def written(moment: datetime, bound: Bound) -> str:
    """A moment as a bound has it. A format that ends in Z is of UTC, as ISO 8601 says."""
    form = bound.format
    if form in _STAMPS:
        # Not by float: milliseconds are exact.
        seconds = (moment.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(
            milliseconds=1
        )
        return str(seconds if form == "unix_ms" else seconds // 1000)
    if _is_day(form):
        return moment.strftime(form)
    if form.endswith("Z"):
        moment = moment.astimezone(UTC)
    elif bound.zone is not None:
        moment = moment.astimezone(bound.zone)
    offset = moment.strftime("%z")
    return moment.strftime(form.replace("%:z", f"{offset[:3]}:{offset[3:5]}"))


def complete_at(window: Window, day: date) -> datetime:
    """When a day is complete: it has ended, and its lag is over; in UTC."""
    after = day + timedelta(days=1)
    end = datetime(after.year, after.month, after.day, tzinfo=window.zone)
    return end.astimezone(UTC) + window.lag


def days_due(window: Window, now: datetime) -> list[date]:
    """The days that are collected now: the last that has ended, its lag over, and those before it
    that are looked back to; none before the first.
    """
    # On the window's clock: its days are not all of 24 hours.
    last = (now - window.lag).astimezone(window.zone).date() - timedelta(days=1)
    days = [last - timedelta(days=each) for each in range(window.look_back, -1, -1)]
    return [each for each in days if each >= window.first_day]
