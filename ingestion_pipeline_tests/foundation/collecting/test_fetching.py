"""Lists of an API over real HTTP: each way that pages follow each other, and each way to fail."""

import gzip
import json
import logging
import re
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from ingestion_pipeline.foundation.collecting.asking import open_asker
from ingestion_pipeline.foundation.collecting.course import ChangedListError
from ingestion_pipeline.foundation.collecting.fetching import Fetched, Fetching
from ingestion_pipeline.foundation.errors import (
    ConfigurationError,
    ContractError,
    UpstreamRefusedError,
    UpstreamUnavailableError,
)
from ingestion_pipeline.foundation.mapping.words import Read
from ingestion_pipeline.foundation.storage.landing import Landing
from ingestion_pipeline_tests.foundation.collecting.running import PATIENCE, api_of
from ingestion_pipeline_tests.foundation.collecting.serving import (
    Answers,
    Asked,
    Reply,
    reply,
    serving,
)

DAY = date(2026, 3, 1)
SECRET = "s3cr3t/of+the=api"
ROWS = [{"id": number, "value": f"{number}.10"} for number in range(7)]


class Fetcher:
    """Fetches what a YAML describes, from a server that answers as it is told."""

    def __init__(self, engine: sa.Engine, folder: Path) -> None:
        self.engine = engine
        self.landing = Landing(folder.as_uri())
        self.folder = folder
        self.asked: list[Asked] = []
        self.url = ""

    def __call__(
        self, text: str, answers: Answers, *, day: date | None = None, **secrets: str
    ) -> tuple[Fetched, list[dict[str, Any]]]:
        fetched, content = self.text(text, answers, day=day, **secrets)
        return fetched, [json.loads(line) for line in content.splitlines()]

    def text(
        self, text: str, answers: Answers, *, day: date | None = None, read: Read | None = None,
        **secrets: str,
    ) -> tuple[Fetched, str]:  # fmt: skip
        with serving(answers) as server:
            self.asked, self.url = server.asked, server.url
            api = api_of(text, server.url)
            with open_asker(self.engine, api, secrets=secrets, patience=PATIENCE) as asker:
                file = self.landing.begin("x.gz")
                try:
                    fetched = Fetching(asker, api, read or Read()).fetch(day, file)
                except BaseException:
                    file.discard()
                    raise
                file.keep()
        with gzip.open(self.folder / "x.gz") as packed:
            return fetched, packed.read().decode("utf-8-sig", "surrogateescape")

    @property
    def queries(self) -> list[dict[str, str]]:
        """The parameters of each request."""
        return [each.query for each in self.asked]


@pytest.fixture
def database_url(shared_database_url: str) -> str:
    """One for the tests of this module: they need no more than two tables."""
    return shared_database_url


@pytest.fixture
def fetch(engine: sa.Engine, tmp_path: Path) -> Fetcher:
    return Fetcher(engine, tmp_path)


def cut(rows: list[Any], asked: Asked, *, size: int = 3) -> list[Any]:
    at = int(asked.query.get("offset", 0))
    return rows[at : at + size]


# Ways through a list


def test_a_list_of_one_page(fetch: Fetcher) -> None:
    fetched, rows = fetch("records: data", lambda _: reply({"data": ROWS}))
    assert rows == ROWS
    assert (fetched.pages, fetched.records, fetched.total) == (1, 7, None)


def test_a_body_that_is_the_list(fetch: Fetcher) -> None:
    assert fetch("query: {site: a b&c}", lambda _: reply(ROWS))[1] == ROWS
    assert fetch.queries == [{"site": "a b&c"}]


def by_cursor(asked: Asked) -> Reply:
    at = int(asked.query.get("cursor", "0"))
    following = at + 3 if at + 3 < len(ROWS) else None
    return reply({"data": ROWS[at : at + 3], "meta": {"next": following}, "total": len(ROWS)})


def test_a_cursor_leads_on_until_there_is_none(fetch: Fetcher) -> None:
    fetched, rows = fetch(
        "records: data\npages: {cursor: meta.next, query: cursor, size: {limit: 3}, total: total}\n"
        "query: {site: x}",
        by_cursor,
    )
    assert rows == ROWS
    assert (fetched.pages, fetched.total) == (3, 7)
    assert fetch.queries == [
        {"site": "x", "limit": "3"},
        {"site": "x", "limit": "3", "cursor": "3"},
        {"site": "x", "limit": "3", "cursor": "6"},
    ]


def test_has_more_that_is_false_ends_a_list_whose_cursor_goes_on(fetch: Fetcher) -> None:
    def answers(asked: Asked) -> Reply:
        at = int(asked.query.get("after", "0"))
        return reply({"data": ROWS[at : at + 3], "next": at + 3, "has_more": at + 3 < len(ROWS)})

    text = "records: data\npages: {cursor: next, query: after, more: has_more}"
    assert fetch(text, answers)[1] == ROWS


@pytest.mark.parametrize("first", [0, 1])
def test_pages_by_number_end_with_an_empty_one(fetch: Fetcher, first: int) -> None:
    def answers(asked: Asked) -> Reply:
        at = (int(asked.query["page"]) - first) * 3
        return reply(ROWS[at : at + 3])

    assert (
        fetch(f"pages: {{page: page, first: {first}, size: {{per_page: 3}}}}", answers)[1] == ROWS
    )
    assert [each["page"] for each in fetch.queries] == [str(first + each) for each in range(4)]


def test_a_page_shorter_than_asked_for_is_not_the_last(fetch: Fetcher) -> None:
    def answers(asked: Asked) -> Reply:  # gives two at most, whatever is asked for
        at = (int(asked.query["page"]) - 1) * 2
        return reply(ROWS[at : at + 2])

    assert fetch("pages: {page: page, first: 1, size: {per_page: 500}}", answers)[1] == ROWS


def test_pages_by_number_end_with_their_total(fetch: Fetcher) -> None:
    def answers(asked: Asked) -> Reply:
        at = (int(asked.query["page"]) - 1) * 3
        return reply(ROWS[at : at + 3], X_Total="7", X_Pages="3")

    for end in ("total: {header: X-Total}", "total_pages: {header: X-Pages}"):
        assert fetch(f"pages: {{page: page, first: 1, {end}}}", answers)[1] == ROWS
        assert len(fetch.queries) == 3


def test_offsets_go_on_by_what_came(fetch: Fetcher) -> None:
    text = "records: rows\npages: {offset: offset, size: {limit: 500}, total: count}"
    _, rows = fetch(text, lambda asked: reply({"rows": cut(ROWS, asked), "count": 7}))
    assert rows == ROWS
    assert [each["offset"] for each in fetch.queries] == ["0", "3", "6"]


def test_link_headers(fetch: Fetcher) -> None:
    def answers(asked: Asked) -> Reply:
        at = int(asked.query.get("offset", 0))
        last = '</readings?offset=0>; rel="first"'
        following = f'{last}, <?offset={at + 3}&a=1&a=2>; rel="prefetch next"'
        return reply(cut(ROWS, asked), Link=following if at + 3 < 7 else last)

    assert fetch("pages: {link: next}", answers)[1] == ROWS


def test_the_next_url_in_the_body(fetch: Fetcher) -> None:
    def answers(asked: Asked) -> Reply:
        at = int(asked.query.get("offset", 0))
        following = f"http://{asked.headers['host']}/readings?offset={at + 3}"
        return reply({"results": cut(ROWS, asked), "next": following if at < 6 else None})

    assert fetch("records: results\npages: {next: next}", answers)[1] == ROWS


def test_pages_of_csv_are_one_file_under_one_header(fetch: Fetcher) -> None:
    def answers(asked: Asked) -> Reply:
        number = int(asked.query["page"])
        rows = {1: 'a,b\r\n1,"x\ny"\r\n', 2: "a,b\n2,z"}.get(number, "a,b\n")
        return Reply(rows.encode())

    text = "format: csv\npages: {page: page, first: 1}"
    fetched, content = fetch.text(text, answers)
    assert content == 'a,b\r\n1,"x\ny"\r\na,b\n2,z\n'
    assert (fetched.pages, fetched.records) == (3, 2)


def test_pages_of_csv_with_other_columns_are_refused(fetch: Fetcher) -> None:
    pages = {"1": b"a,b\n1,2\n", "2": b"b,a\n2,1\n"}
    with pytest.raises(ContractError, match="header"):
        fetch.text("format: csv\npages: {page: page, first: 1}",
                   lambda asked: Reply(pages[asked.query["page"]]))  # fmt: skip


# What stays as it is


def test_numbers_stay_as_they_are_written(fetch: Fetcher) -> None:
    body = b'\xef\xbb\xbf{"data": [\n {"a": 1.10,\n  "b": 12345678901234567890.10, "c": 1E5},\n'
    body += b' {"a": NaN, "b": "x\\ud800", "c": 0.10}, null, {"a": 2.50}]}'
    _, content = fetch.text("records: data", lambda _: Reply(body))
    lines = content.splitlines()
    assert '"a": 1.10' in lines[0]
    assert "12345678901234567890.10" in lines[0]
    assert '"c": 0.10' in lines[1]  # the one beside the NaN is not lost
    assert lines[2:] == ['{"no object":null}', '{"a": 2.50}']


@pytest.mark.parametrize(
    ("body", "way"),
    [
        (b'{"data": [{"a": 1}], "next": "x", "next": null}', "next"),
        (b'{"data": [{"a": 1}], "data": []}', "data"),
        (b'{"data": [{"a": 1}], "data": [{"a": 1}]}', "data"),
        (b'{"data": [{"a": 1}], "meta": {"next": "x", "p": 1, "next": null}}', "meta.next"),
        (b'{"links": [{"rel": "a"}, {"rel": "next", "rel": "b"}], "data": []}', "links.1.rel"),
        (b'{"meta": {"next": 1}, "data": [], "m\\u0065ta": {}}', "meta"),
        (b'{"data": [{"a": NaN}], "next": "x", "next": null}', "next"),
    ],
)
def test_an_answer_that_says_something_twice_is_refused_with_the_place(
    fetch: Fetcher, body: bytes, way: str
) -> None:
    failing(fetch, "records: data", lambda _: Reply(body), f"the answer says '{way}' twice")


@pytest.mark.parametrize("other", [b"1", b"NaN"])
def test_a_record_that_says_something_twice_is_left_to_its_mapping(
    fetch: Fetcher, other: bytes
) -> None:
    body = b'{"data": [{"a": 1, "b": {"c": 2.50, "c": 3}}, {"a": %s}], "x": "[]"}' % other
    _, content = fetch.text("records: data", lambda _: Reply(body))
    assert content.splitlines()[0] == '{"a": 1, "b": {"c": 2.50, "c": 3}}'


def test_an_empty_list_is_one(fetch: Fetcher) -> None:
    for body in ({"data": []}, {"data": None}):
        assert fetch("records: data", lambda _, body=body: reply(body))[0].records == 0
    assert fetch("records: {path: data, absent: empty}", lambda _: reply({}))[0].records == 0


def test_an_answer_that_stands_for_nothing(fetch: Fetcher) -> None:
    text = 'records: data\nnothing: {status: 404, body: "No data"}'
    assert fetch(text, lambda _: reply({"message": "No data there"}, 404))[0].records == 0
    assert fetch("records: data", lambda _: Reply(status=204))[0].records == 0
    with pytest.raises(ContractError, match="HTTP 404"):
        fetch(text, lambda _: reply({"message": "no such page"}, 404))


def test_windows_are_asked_for_by_their_day(fetch: Fetcher) -> None:
    text = (
        'window: {start: {query: from, format: "%Y-%m-%dT%H:%M:%SZ"}, '
        "end: {query: to, format: unix_ms}, end_is: exclusive, zone: Europe/Berlin, "
        "first_day: 2026-01-01}"
    )
    fetch(text, lambda _: reply([]), day=date(2026, 3, 29))  # a day of 23 hours
    assert fetch.queries == [{"from": "2026-03-28T23:00:00Z", "to": "1774821600000"}]


# Who asks


@pytest.mark.parametrize(
    ("auth", "header"),
    [
        ("{type: bearer, secret: A_KEY}", ("authorization", f"Bearer {SECRET}")),
        ("{type: header, name: X-Api-Key, secret: A_KEY, prefix: 'Token '}",
         ("x-api-key", f"Token {SECRET}")),
        ("{type: basic, user: me, secret: A_KEY}",
         ("authorization", "Basic bWU6czNjcjN0L29mK3RoZT1hcGk=")),
        ("{type: basic, user_secret: A_KEY}", ("authorization", "Basic czNjcjN0L29mK3RoZT1hcGk6")),
    ],
)  # fmt: skip
def test_who_asks_is_in_a_header(fetch: Fetcher, auth: str, header: tuple[str, str]) -> None:
    fetch(f"auth: {auth}", lambda _: reply([]), A_KEY=SECRET)
    assert fetch.asked[0].headers[header[0]] == header[1]


def test_a_key_in_the_query_goes_with_every_page_and_is_told_nobody(
    fetch: Fetcher, caplog: pytest.LogCaptureFixture
) -> None:
    def answers(asked: Asked) -> Reply:
        at = int(asked.query.get("offset", 0))
        if at == 3:
            echoed = f"appid {asked.query['appid']} in {asked.path}?appid=s3cr3t%2Fof%2Bthe%3Dapi"
            return reply({"error": echoed}, 403)
        return reply({"r": cut(ROWS, asked), "next": f"/readings?offset={at + 3}&appid=stale"})

    caplog.set_level(logging.DEBUG)
    with pytest.raises(UpstreamRefusedError) as refused:
        fetch(
            "records: r\npages: {next: next}\nauth: {type: query, name: appid, secret: A_KEY}",
            answers, A_KEY=SECRET,
        )  # fmt: skip
    assert [each["appid"] for each in fetch.queries] == [SECRET, SECRET]
    told = caplog.text + str(refused.value) + refused.value.body + repr(caplog.records)
    told += " ".join(str(vars(each)) for each in caplog.records)
    assert SECRET not in told
    assert "s3cr3t%2F" not in told


def test_a_header_is_sent_once(fetch: Fetcher) -> None:
    fetch("headers: {ACCEPT: application/hal+json}", lambda _: reply([]))
    assert fetch.asked[0].headers["accept"] == "application/hal+json"


def test_a_secret_that_is_not_there_is_named(fetch: Fetcher) -> None:
    with pytest.raises(ConfigurationError, match="A_KEY is not set"):
        fetch("auth: {type: bearer, secret: A_KEY}", lambda _: reply([]))
    assert fetch.asked == []


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_takes_the_key_to_nobody_else(fetch: Fetcher, status: int) -> None:
    with serving(lambda _: reply([])) as other:
        with pytest.raises(ContractError, match=r"redirects to http://127\.0\.0\.1.* say so in"):
            fetch("auth: {type: bearer, secret: A_KEY}",
                  lambda _: Reply(status=status, headers={"Location": f"{other.url}/x"}),
                  A_KEY=SECRET)  # fmt: skip
        assert other.asked == []


def test_a_redirect_within_the_api_is_followed(fetch: Fetcher) -> None:
    def answers(asked: Asked) -> Reply:
        if asked.path == "/readings":
            return Reply(status=308, headers={"Location": "/v2/readings?x=1"})
        return reply(ROWS)

    assert fetch("auth: {type: query, name: k, secret: A_KEY}", answers, A_KEY="1234")[1] == ROWS
    assert fetch.queries == [{"k": "1234"}, {"x": "1", "k": "1234"}]


def to_a_store(url: str, path: str = "/kept/a%2Fb.json") -> Answers:
    """An API whose pages are downloads from somewhere else, by signed URLs."""

    def answers(asked: Asked) -> Reply:
        at = asked.query.get("offset", "0")
        place = f"{url}{path}?at={at}&X-Sig=kept%2Bt0+ken%3D"
        return Reply(status=302, headers={"Location": place, "Set-Cookie": "session=1"})

    return answers


def store(asked: Asked) -> Reply:
    at = int(asked.query["at"])
    following = None if at > 3 else f"/readings?offset={at + 3}"
    return reply({"rows": ROWS[at : at + 3], "next": following})


@pytest.mark.parametrize(
    "auth",
    ["{type: bearer, secret: A_KEY}", "{type: basic, user: me, secret: A_KEY}",
     "{type: header, name: X-Api-Key, secret: A_KEY}", "{type: query, name: k, secret: A_KEY}"],
)  # fmt: skip
def test_a_download_from_a_store_that_the_file_names_is_asked_for_without_the_key(
    fetch: Fetcher, auth: str
) -> None:
    with serving(store) as other:
        place = other.url.removeprefix("http://")
        text = f"records: rows\npages: {{next: next}}\nauth: {auth}\nheaders: {{X-Site: a1b2}}\n"
        fetched, rows = fetch(f"{text}redirects: ['{place}']", to_a_store(other.url), A_KEY=SECRET)
        assert (rows, fetched.pages) == (ROWS, 3)
        assert [each.query["offset"] for each in fetch.asked[1:]] == ["3", "6"]
        for each in other.asked:
            assert each.query["X-Sig"] == "kept+t0 ken="
            assert not {"authorization", "x-api-key", "cookie", "x-site"} & set(each.headers)
            assert SECRET not in str(each)


@pytest.mark.parametrize(
    ("place", "named", "why"),
    [
        ("http://127.0.0.2:8/x", "", "which is not https; where it is meant, say redirects: "),
        ("https://127.0.0.2:8/x", "", "which is no public host"),
        ("https://localhost:8/x", "", "which is no public host"),
        ("https://[::ffff:10.0.0.1]/x", "", "which is no public host"),
        ("http://127.0.0.2:8/x", "redirects: []", "which 'redirects' does not name"),
        ("http://127.0.0.2:8/x", "redirects: ['127.0.0.2:9', b.example]", "does not name"),
        ("http://127.0.0.2/x?a=s3cr3t%2Fof%2Bthe%3Dapi", "redirects: [127.0.0.2]", "the secret of"),
        ("http://a:b@127.0.0.2/x", "redirects: [127.0.0.2]", "no place to ask"),
        ("ftp://127.0.0.2/x", "redirects: [127.0.0.2]", "no place to ask"),
        ("", "", "does not say where to"),
    ],
)
def test_a_redirect_to_where_nobody_is_asked(
    fetch: Fetcher, place: str, named: str, why: str
) -> None:
    def answers(_: Asked) -> Reply:
        return Reply(status=302, headers={"Location": place} if place else {})

    with pytest.raises(ContractError, match=re.escape(why)) as refused:
        fetch(f"auth: {{type: bearer, secret: A_KEY}}\n{named}", answers, A_KEY=SECRET)
    assert "s3cr3t" not in str(refused.value)


def test_who_has_left_by_a_redirect_is_not_let_in_with_a_key_again(fetch: Fetcher) -> None:
    def back(asked: Asked) -> Reply:
        return Reply(status=302, headers={"Location": f"{fetch.url}/private"})

    def answers(asked: Asked) -> Reply:
        if asked.path == "/private":
            return reply(ROWS)
        return Reply(status=302, headers={"Location": other.url})

    with serving(back) as other:
        text = "auth: {type: bearer, secret: A_KEY}\nredirects: [127.0.0.1]"
        fetch(text, answers, A_KEY=SECRET)
    assert [each.headers.get("authorization") for each in fetch.asked] == [f"Bearer {SECRET}", None]


def test_a_store_has_the_limits_of_the_api_and_its_url_is_told_nobody(
    fetch: Fetcher, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    large = Reply(b"[" + b" " * 2**21 + b"]")
    text = "limits: {requests_per_minute: 60000, body_megabytes: 1}\nredirects: [127.0.0.1]"
    for said, error, asked in (
        (Reply(b"no: /kept/a/b.json", status=403), UpstreamRefusedError, 1),
        (Reply(status=503), UpstreamUnavailableError, 3),
        (large, ContractError, 1),
        (Reply(status=302, headers={"Location": "?again=1"}), ContractError, 4),
    ):
        with serving(lambda _, said=said: said) as other:
            with pytest.raises(error) as refused:
                fetch(text, to_a_store(other.url))
            assert len(other.asked) == asked
        told = caplog.text + str(refused.value) + " ".join(str(vars(e)) for e in caplog.records)
        assert "t0+ken" not in told
        assert "kept" not in told


@pytest.mark.parametrize(
    "link", ["http://169.254.169.254/latest", "//evil.example/x", "https://127.0.0.1/x", "file:///x",
             "http://a:b@127.0.0.1/x"]
)  # fmt: skip
def test_a_next_page_at_another_host_is_refused(fetch: Fetcher, link: str) -> None:
    with pytest.raises(ContractError, match="leads to"):
        fetch("records: r\npages: {next: next}", lambda _: reply({"r": ROWS, "next": link}))
    assert len(fetch.asked) == 1


# What must not be taken for the end


def failing(fetch: Fetcher, text: str, answers: Answers, match: str) -> None:
    with pytest.raises(ContractError, match=match):
        fetch(text, answers)
    assert not (fetch.folder / ".partial").exists() or not list(
        (fetch.folder / ".partial").iterdir()
    )


def test_a_total_that_is_not_reached(fetch: Fetcher) -> None:
    text = "records: rows\npages: {offset: offset, size: {limit: 3}, total: count}"
    failing(fetch, text, lambda asked: reply({"rows": cut(ROWS, asked), "count": 9}),
            "9 records, and 7 came")  # fmt: skip
    failing(fetch, "records: rows\npages: {total: count}",
            lambda _: reply({"rows": ROWS, "count": 8}), "8 records, and 7 came")  # fmt: skip


def test_a_total_that_becomes_smaller(fetch: Fetcher) -> None:
    def answers(asked: Asked) -> Reply:
        return reply({"rows": cut(ROWS, asked), "count": 7 if asked.query["offset"] == "0" else 6})

    with pytest.raises(ChangedListError):
        fetch("records: rows\npages: {offset: offset, size: {limit: 3}, total: count}", answers)


def test_a_cursor_that_repeats_itself(fetch: Fetcher) -> None:
    numbers = iter(range(100))
    failing(fetch, "records: rows\npages: {cursor: next, query: cursor}",
            lambda _: reply({"rows": [{"a": next(numbers)}], "next": "again"}),
            "leads back")  # fmt: skip


def test_cursors_in_a_circle(fetch: Fetcher) -> None:
    numbers, circle = iter(range(100)), {None: "a", "a": "b", "b": "c", "c": "a"}
    failing(fetch, "records: rows\npages: {cursor: next, query: at}",
            lambda asked: reply({"rows": [{"a": next(numbers)}],
                                 "next": circle[asked.query.get("at")]}),
            "page 4 leads back")  # fmt: skip


def test_an_api_that_does_not_know_the_parameter_of_pages(fetch: Fetcher) -> None:
    failing(fetch, "pages: {page: p, first: 1}", lambda _: reply(ROWS), "the same records")


def test_a_list_without_an_end(fetch: Fetcher) -> None:
    failing(fetch, "pages: {page: p, first: 1, most: 4}",
            lambda asked: reply([{"a": asked.query["p"]}]), "more than 4 pages")  # fmt: skip
    assert len(fetch.asked) == 4


@pytest.mark.parametrize(
    ("pages", "body", "match"),
    [
        ("{cursor: next, query: c, more: more}", {"next": None, "more": True}, "not where"),
        ("{cursor: next, query: c, more: more}", {"next": "x"}, "more of page 1 is not there"),
        ("{cursor: next, query: c, more: more}", {"next": "x", "more": "maybe"}, "true or false"),
        ("{cursor: next, query: c, total: total}", {"next": None}, "total of page 1 is not there"),
        ("{page: p, first: 1, total_pages: of}", {"of": "many"}, "a whole number"),
        ("{cursor: next, query: c}", {"next": {"a": 1}}, "neither text nor number"),
        ("{more: more}", {"more": True}, "says no way"),
        ("{next: next}", {"next": "/elsewhere"}, "is no list"),
        ("{offset: o, size: {n: 3}, more: more}", {"more": True, "rows": []}, "leads nowhere"),
    ],
)
def test_what_makes_no_sense_of_what_a_page_says(
    fetch: Fetcher, pages: str, body: dict[str, Any], match: str
) -> None:
    def answers(asked: Asked) -> Reply:
        return reply({"rows": ROWS, **body}) if asked.path == "/readings" else reply({"rows": 1})

    failing(fetch, f"records: rows\npages: {pages}", answers, match)


@pytest.mark.parametrize(
    ("body", "match"),
    [
        (b"<html>Please log in</html>", "no JSON"),
        (b"", "no JSON"),
        (b'{"data": [{"a": 1}', "no JSON"),
        (b'{"error": "quota"}', "has no data"),
        (b'{"data": {"a": 1}}', "is no list"),
        (b'{"data": [1, 2]}', "holds no objects"),
        (b'{"data": "x"}', "is no list"),
        ("{'data': []}".encode("utf-16"), "no JSON"),
    ],
)
def test_a_body_that_is_none(fetch: Fetcher, body: bytes, match: str) -> None:
    failing(fetch, "records: data", lambda _: Reply(body), match)


@pytest.mark.parametrize("said", ["error", None, {"code": 1}, False])
def test_an_error_with_an_empty_list_is_no_empty_list(fetch: Fetcher, said: Any) -> None:
    text = "records: data\nsuccess: {at: status, is: [ok, fine]}"
    assert fetch(text, lambda _: reply({"data": ROWS, "status": "ok"}))[1] == ROWS
    failing(fetch, text, lambda _: reply({"data": [], "status": said}), "status of the answer")


def test_a_csv_that_is_a_web_page(fetch: Fetcher) -> None:
    failing(fetch, "format: csv", lambda _: Reply(b"\n<!doctype html>"), "no CSV")


def test_a_body_that_is_too_large_once_it_is_unpacked(fetch: Fetcher) -> None:
    body = gzip.compress(b"[" + b" " * 3 * 2**20 + b"]")
    failing(fetch, "limits: {requests_per_minute: 60000, body_megabytes: 1}",
            lambda _: Reply(body, headers={"Content-Encoding": "gzip"}),
            "more than 1,048,576 bytes")  # fmt: skip


# What passes


def after(*replies: Reply) -> Answers:
    """Those in turn, then the rows."""
    waiting = list(replies)
    return lambda _: waiting.pop(0) if waiting else reply(ROWS)


@pytest.mark.parametrize(
    "first",
    [
        Reply(status=500), Reply(status=503),
        Reply(status=429, headers={"Retry-After": "0"}), Reply(status=429),
        Reply(b'[{"a"', promised=100), Reply(b'[{"a": 1}'),
    ],
)  # fmt: skip
def test_what_passes_is_asked_again(fetch: Fetcher, first: Reply) -> None:
    assert fetch("timeout: 5", after(first))[1] == ROWS
    assert len(fetch.asked) == 2


def test_an_api_that_is_down_loses_nothing_and_keeps_nothing(fetch: Fetcher) -> None:
    def answers(asked: Asked) -> Reply:
        down = asked.query.get("offset", "0") != "0"
        return Reply(status=500) if down else reply(cut(ROWS, asked))

    with pytest.raises(UpstreamUnavailableError):
        fetch("pages: {offset: offset, size: {limit: 3}}", answers)
    assert [each for each in fetch.folder.rglob("*") if each.is_file()] == []


def test_the_same_list_is_the_same_file(fetch: Fetcher) -> None:
    one, _ = fetch("timeout: 5", lambda _: reply(ROWS))
    again, _ = fetch("timeout: 5", lambda _: reply(ROWS))
    other, _ = fetch("timeout: 5", lambda _: reply(ROWS[1:]))
    assert one.sha256 == again.sha256 != other.sha256


# A list that ends while the answer says that there is more


@pytest.mark.parametrize(
    ("pages", "beside", "advice"),
    [
        ("pages: {link: next}\n", {"next": "/readings?page=2"}, "pages: {next: next}"),
        ("", {"next": "https://api.example.com/?page=2"}, "pages: {next: next}"),
        ("", {"next_page": 2}, "pages: {cursor: next_page, query: "),
        ("", {"next_url": "?page=2"}, "pages: {next: next_url}"),
        ("pages: {next: links.next}\n", {"next_cursor": "abc"}, "{cursor: next_cursor, query: "),
        ("", {"nextPageToken": "abc"}, "pages: {cursor: nextPageToken, query: "),
        ("", {"@odata.nextLink": "https://x"}, 'pages: {next: ["@odata.nextLink"]}'),
        ("", {"links": {"next": "/a"}}, "pages: {next: links.next}"),
        ("", {"_links": {"next": {"href": "/a"}}}, "next"),
        ("", {"paging": {"next": {"after": "7"}}}, "pages: {cursor: paging.next.after, query: "),
        ("pages: {cursor: meta.nxt, query: c}\n", {"meta": {"next": "c2"}}, "{cursor: meta.next, "),
        ("", {"link": [{"relation": "next", "url": "/a"}]}, "pages by {page: PARAMETER"),
        ("", {"has_more": True}, "more: has_more"),
        ("pages: {link: next}\n", {"pageInfo": {"hasNextPage": True}}, "more: pageInfo."),
        ("", {"isLast": False}, "pages: {page: PARAMETER"),
        ("", {"total": 8}, "total: total"),
        ("pages: {link: next}\n", {"total_count": "8"}, "total: total_count"),
        ("", {"count_total": 8}, "total: count_total"),
        ("", {"meta": {"pagination": {"total_pages": 3}}}, "total_pages: meta.pagination"),
    ],
)  # fmt: skip
def test_a_list_that_ends_though_its_answer_says_there_is_more_fails(
    fetch: Fetcher, pages: str, beside: dict[str, Any], advice: str
) -> None:
    def answers(_: Asked) -> Reply:
        return reply({"data": ROWS, **beside})

    with pytest.raises(ContractError, match="the list ended, and ") as failed:
        fetch(f"records: data\n{pages}", answers)
    assert advice in str(failed.value)
    [name, *_] = beside
    way = json.dumps([name]) if "@" in name else name
    inside = pages.rstrip().removesuffix("}") or "pages: {"
    comma = ", " if pages else ""
    assert fetch(f"records: data\n{inside}{comma}ignore: [{way}]}}", answers)[1] == ROWS


@pytest.mark.parametrize(
    "headers", [{"Link": '</a?page=2>; rel="next"'}, {"X_Total_Count": "8"}, {"X_Next_Page": "2"}]
)
def test_a_header_that_says_there_is_more_fails_a_list_that_does_not_follow_it(
    fetch: Fetcher, headers: dict[str, str]
) -> None:
    with pytest.raises(ContractError, match="the list ended, and the header ") as failed:
        fetch("", lambda _: reply(ROWS, **headers))
    assert "ignore: [{header: " in str(failed.value)
    name = next(iter(headers)).replace("_", "-")
    text = f"pages: {{ignore: [{{header: {name}}}]}}"
    assert fetch(text, lambda _: reply(ROWS, **headers))[1] == ROWS
    csv = Reply(b"a\n1\n", headers={name: next(iter(headers.values()))})
    with pytest.raises(ContractError, match="the list ended, and the header "):
        fetch.text("format: csv", lambda _: csv)


def test_a_total_that_only_the_first_page_says_is_not_forgotten(fetch: Fetcher) -> None:
    def answers(asked: Asked) -> Reply:
        first = asked.query["page"] == "1"
        return reply({"rows": ROWS, "total": 9} if first else {"rows": []})

    with pytest.raises(ContractError, match="there are 9 records, and 7 were read"):
        fetch("records: rows\npages: {page: page, first: 1}", answers)


@pytest.mark.parametrize(
    "beside",
    [
        {"next": None}, {"next": ""}, {"links": {"next": {"href": None}}}, {"has_more": False},
        {"total": 7}, {"total": "129.90"}, {"count": 3}, {"total_pages": 1}, {"next_cursor": 0},
        {"links": [{"rel": "self", "href": "/a"}]}, {"is_last": True}, {"page": 1}, {"more": "x"},
    ],
)  # fmt: skip
def test_what_says_that_there_is_no_more_ends_a_list(
    fetch: Fetcher, beside: dict[str, Any]
) -> None:
    assert fetch("records: data", lambda _: reply({"data": ROWS, **beside}))[1] == ROWS
