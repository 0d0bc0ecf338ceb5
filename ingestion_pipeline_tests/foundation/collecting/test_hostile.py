"""What upstreams do on bad days: a right answer each, or a clear failure; never half a list."""

import gzip
import itertools
import zlib
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from ingestion_pipeline.foundation.errors import IngestionError
from ingestion_pipeline_tests.foundation.collecting.serving import Asked, Reply, reply
from ingestion_pipeline_tests.foundation.collecting.test_fetching import ROWS, Fetcher

OFFSET = "records: rows\npages: {offset: at, size: {n: 3}, total: count}"
PAGE = "pages: {page: p, first: 1}"
LINK = "pages: {link: next}"
CSV = "format: csv\npages: {page: p, first: 1}"


@pytest.fixture
def database_url(shared_database_url: str) -> str:
    return shared_database_url


@pytest.fixture
def fetch(engine: sa.Engine, tmp_path: Path) -> Fetcher:
    return Fetcher(engine, tmp_path)


def pages(*bodies: bytes, **headers: str) -> Callable[[Asked], Reply]:
    """Those by their number; behind them, as the last."""
    return lambda asked: Reply(bodies[min(int(asked.query["p"]), len(bodies)) - 1], headers=headers)


def shrinking(asked: Asked) -> Reply:
    at = int(asked.query["at"])
    return reply({"rows": ROWS[at : at + max(1, 3 - at)], "count": 7})


def records_that_change_between_pages(asked: Asked) -> Reply:
    page = int(asked.query["p"])
    return reply([{"id": 1, "value": f"{page}"}] if page < 3 else [])


def relative_links(asked: Asked) -> Reply:
    at = int(asked.query.get("at", 0))
    return reply(ROWS[at : at + 3], **({"Link": f'<?at={at + 3}>; rel="next"'} if at < 6 else {}))


def two_links(asked: Asked) -> Reply:
    at = int(asked.query.get("at", 0))
    said = f'</readings?at={at + 3}>; title="a, b; c"; rel=next' if at < 6 else ""
    return reply(ROWS[at : at + 3], Link=f'</x>; rel="first", {said}' if said else "")


@pytest.mark.parametrize(
    ("text", "answers", "records"),
    [
        (OFFSET, shrinking, 7),
        # Both are told, and the key that the mapping makes of them is one: the later one counts.
        (PAGE, records_that_change_between_pages, 2),
        (LINK, relative_links, 7),
        (LINK, two_links, 7),
        (PAGE, pages(b'[{"a":1},{"a":2}]', b'[{"a":3}]', b"[]"), 3),
        (PAGE, pages(b'[{"a":1}]', b"", status="204"), None),
        ("records: rows", lambda _: reply({"rows": []}), 0),
        ("", lambda _: Reply(status=204), 0),
        ("", lambda _: Reply(b"\xef\xbb\xbf[]"), 0),
        ("", lambda _: Reply(gzip.compress(b'[{"a": 1}]'), headers={"Content-Encoding": "gzip"}),
         1),
        (CSV, pages(b"\xef\xbb\xbfa,b\n1,2\n", b"\xef\xbb\xbfa,b\r\n3,4\r\n", b"a,b\n"), 2),
        (CSV, pages(b"a,b\n1,2\n", b""), 1),
    ],
)  # fmt: skip
def test_what_has_an_answer(
    fetch: Fetcher, text: str, answers: Callable[[Asked], Reply], records: int | None
) -> None:
    if records is None:
        with pytest.raises(IngestionError, match="no JSON"):
            fetch.text(text, answers)
        return
    fetched, _ = fetch.text(text, answers)
    assert fetched.records == records


def bomb() -> Reply:
    """40 MiB of blanks in 40 KiB."""
    packed = zlib.compressobj(9, zlib.DEFLATED, 31)
    blanks = [packed.compress(b" " * 2**20) for _ in range(40)]
    return Reply(b"".join([*blanks, packed.flush()]), headers={"Content-Encoding": "gzip"})


def packed_bomb() -> Reply:
    """That packed once more: what comes in one piece is unpacked in one piece."""
    twice = gzip.compress(bomb().body, 9)
    return Reply(twice, headers={"Content-Encoding": "gzip, gzip"})


def growing(asked: Asked) -> Reply:
    at = int(asked.query["at"])
    return reply({"rows": [{"a": at}], "count": at + 2})


@pytest.mark.parametrize(
    ("text", "answers", "why"),
    [
        (f"{OFFSET[:-1]}, most: 5}}", growing, "more than 5 pages"),
        (OFFSET, lambda _: reply({"rows": [], "count": 7}), "7 records, and 0 came"),
        (OFFSET, lambda _: reply({"rows": ROWS[:3], "count": 7}), "the same records"),
        (OFFSET, lambda _: reply({"rows": ROWS[:3], "count": -1}), "a whole number"),
        (OFFSET, lambda _: reply({"rows": ROWS[:3], "count": 7.5}), "a whole number"),
        ("records: rows", lambda _: reply({"error": "quota exceeded"}), "has no rows"),
        ("records: rows", lambda _: reply({"rows": None, "next": "x"}), "the list ended"),
        ("", lambda _: reply({"error": "quota exceeded"}), "is no list"),
        ("", lambda _: reply("sorry"), "is no list"),
        ("", lambda _: Reply(b'[{"a": 1}, {"a": 2'), "no JSON"),
        ("", lambda _: Reply(b'[{"a": 1}][{"a": 2}]'), "no JSON"),
        ("", lambda _: Reply(b'{"a": 1}\n{"a": 2}\n'), "no JSON"),
        ("", lambda _: Reply(b"\x1f\x8b not packed", headers={"Content-Encoding": "gzip"}),
         "no complete answer"),
        ("limits: {requests_per_minute: 60000, body_megabytes: 1}", lambda _: bomb(), "more than"),
        ("", lambda _: packed_bomb(), "packed several times over"),
        ("", lambda _: Reply(b"[" * 100_000 + b"]" * 100_000), "JSON"),
        ("", lambda _: Reply(status=429, headers={"Retry-After": "0"}), "HTTP 429"),
        ("", lambda _: Reply(status=304), "HTTP 304"),
        ("", lambda _: Reply(status=302), "does not say where to"),
        (LINK, lambda _: reply(ROWS, Link='<https://evil.example/x>; rel="next"'), "leads to"),
        (LINK, lambda _: reply(ROWS, Link='<?>; rel="next"'), "leads back|the same records"),
        (CSV, pages(b"a,b\n1,2\n", b"a,b,c\n1,2,3\n"), "header"),
        (CSV, pages(b"a,b\n1,2\n", b"\xff\xfea\x00"), "no text"),
        (CSV, pages(b'{"error": "quota"}'), "no CSV"),
        (CSV, pages(b"a,b\n1,2\n", b"3,4\n"), "header"),
    ],
)  # fmt: skip
def test_what_fails_and_says_so(
    fetch: Fetcher, text: str, answers: Callable[[Asked], Reply], why: str
) -> None:
    with pytest.raises(IngestionError, match=why):
        fetch.text(text, answers)
    assert [each for each in fetch.folder.rglob("*") if each.is_file()] == []


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe"])
def test_days_of_a_zone_leave_nothing_between_them_when_clocks_change(
    fetch: Fetcher, zone: str
) -> None:
    text = (
        "window: {start: {query: a, format: unix}, end: {query: b, format: unix}, "
        f"end_is: exclusive, zone: {zone}, first_day: 2026-01-01}}"
    )
    asked: list[dict[str, Any]] = []
    for day in (date(2026, 3, 7), date(2026, 3, 28), date(2026, 4, 4), date(2026, 10, 24)):
        for each in range(3):
            fetch(text, lambda _: reply([]), day=day + timedelta(days=each))
            asked += fetch.queries
    pairs = itertools.pairwise(asked)
    assert sum(one["b"] == two["a"] for one, two in pairs) == 8
