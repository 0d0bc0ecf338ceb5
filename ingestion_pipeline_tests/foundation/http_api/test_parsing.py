"""Requests that are wrong: each fault says file, line, column, what is allowed, what was meant."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestion_pipeline.foundation.http_api.parsing import WORDS, read_api
from ingestion_pipeline.foundation.http_api.windows import bounds_of, complete_at, days_due
from ingestion_pipeline.foundation.http_api.words import HttpApi, Secret, Window
from ingestion_pipeline.foundation.mapping.documents import Node, read_node
from ingestion_pipeline.foundation.mapping.reader import Reader
from ingestion_pipeline.foundation.settings import Settings

URL = "url: https://api.example.com/v1/readings\n"


def read(text: str) -> tuple[HttpApi, list[str]]:
    file = Path("defs.yaml")
    node = read_node(file, text)
    assert isinstance(node, Node), node
    reader = Reader(file)
    api = read_api(reader, node, reader.mapping(node, WORDS))
    return api, [str(each) for each in sorted(reader.faults, key=lambda each: each.place)]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("format: json\n", "1:1: lacks 'url'"),
        ("url: api.example.com\n", "1:1: url must be a URL such as"),
        ("url: ftp://api.example.com/x\n", "1:1: url must be a URL"),
        ("url: https://api.example.com:99999/x\n", "1:1: url must be a URL"),
        ("url: https://api.example.com/x?site=1\n", "must end before '?'"),
        ("url: https://api.example.com/{day}\n", "url holds '{day}', and may hold {start}"),
        ("url: https://api.example.com/{start}\n", "url holds {start}, which no window says"),
        (URL + "method: post\n", "2:1: method is 'post'; allowed are get"),
        (URL + "qeury: {a: b}\n", "2:1: qeury is unknown, did you mean 'query'?"),
        (URL + "query: [a]\n", "2:1: query must be a mapping, and is a list"),
        (URL + "query: {a: [b]}\n", "2:9: query.a must be a text"),
        (URL + "query: {a: b, a: c}\n", "is there twice"),
        (URL + "headers: {Host: b}\n", "headers.Host is no header that can be set"),
        (URL + "headers: {X: b\u00fc}\n", "headers.X must be printable ASCII"),
        (URL + "auth: {type: baerer, secret: A}\n", "2:8: auth.type is no way to say who asks, did "
         "you mean 'bearer'?"),
        (URL + "auth: {type: bearer}\n", "2:1: auth lacks 'secret'"),
        (URL + "auth: {type: header, secret: A}\n", "2:1: auth lacks 'name'"),
        (URL + "auth: {type: header, name: 'a b', secret: A}\n", "must be the name of a header"),
        (URL + "auth: {type: basic, secret: A}\n", "2:1: auth lacks 'user'"),
        (URL + "auth: {type: bearer, secret: DATABASE_URL}\n", "a secret of this installation"),
        (URL + "pages: {page: p}\n", "2:1: pages lacks 'first'"),
        (URL + "pages: {page: p, first: 2}\n", "2:18: pages.first must be a whole number from 0"),
        (URL + "pages: {offset: o}\n", "2:1: pages lacks 'size'"),
        (URL + "pages: {cursor: a.b}\n", "2:1: pages lacks 'query'"),
        (URL + "pages: {cursor: a..b, query: c}\n", "2:9: pages.cursor must be keys with dots"),
        (URL + "pages: {cursor: a, page: p, query: c}\n", "pages.page can't stand beside cursor"),
        (URL + "pages: {link: next, first: 1}\n", "pages.first is of no use with link; allowed"),
        (URL + "pages: {size: {n: 1}}\n", "pages.size needs one of cursor, page, offset"),
        (URL + "pages: {}\n", "2:1: pages lacks one of cursor"),
        (URL + "pages: {page: p, first: 1, size: 100}\n", "pages.size must be one parameter"),
        (URL + "pages: {page: p, first: 1, size: {n: many}}\n", "must be a whole number from 1"),
        (URL + "pages: {page: p, first: 1, total: {header: X, of: Y}}\n", "total.of is unknown"),
        (URL + "format: xml\n", "2:1: format is 'xml'; allowed are json, csv"),
        (URL + "format: csv\nrecords: data\n", "3:1: records is of JSON, and format is csv"),
        (URL + "format: csv\npages: {next: a}\n", "says next by a path, and format is csv"),
        (URL + "records: {absent: empty}\n", "2:1: records lacks 'path'"),
        (URL + "nothing: {status: 404}\n", "2:1: nothing lacks 'body'"),
        (URL + "nothing: {status: 404, body: '('}\n", "nothing.body is no regular expression"),
        (URL + "success: {at: ok}\n", "2:1: success lacks 'is'"),
        (URL + "format: csv\nsuccess: {at: ok, is: 1}\n", "success says a path, and format is csv"),
        (URL + "limits: {requests_per_minute: 0}\n", "must be a whole number from 1 to 60000"),
        (URL + "limits: {requests_minute: 5}\n", "is unknown, did you mean 'requests_per_minute'?"),
        (URL + "timeout: 30s\n", "2:1: timeout must be a whole number from 1 to 600"),
        (URL + "window: {first_day: 2026-01-01}\n", "2:1: window lacks 'start'"),
        (URL + "window: {start: {query: a, format: '%Y-%m-%d'}}\n", "window lacks 'first_day'"),
        (URL + "window: {start: {format: '%Y-%m-%d'}, first_day: 2026-01-01}\n", "lacks 'query'"),
        (URL + "window: {start: {query: a}, first_day: 2026-01-01}\n", "lacks 'format'"),
        (URL + "window: {start: {query: a, format: '%D'}, first_day: 2026-01-01}\n",
         "has the directive %D; allowed are"),
        (URL + "window: {start: {query: a, format: '%Y'}, first_day: 2026-01-01}\n",
         "must say year, month and day"),
        (URL + "window: {start: {query: a, format: unix}, first_day: 2026-02-30}\n",
         "must be a day such as 2026-01-31"),
        (URL + "window: {start: {query: a, format: unix}, first_day: 2026-01-01, lag: 2}\n",
         "must be a span such as 90m, 2h or 3d"),
        (URL + "window: {start: {query: a, format: unix}, first_day: 2026-01-01, zone: Berlin}\n",
         "must be a time zone such as Europe/London"),
        (URL + "window: {start: {query: a, format: unix}, end: {query: b, format: unix}, "
         "first_day: 2026-01-01}\n", "lacks 'end_is'"),
        (URL + "query: {a: x}\nwindow: {start: {query: a, format: unix}, first_day: 2026-01-01}\n",
         "says the parameter 'a', and so does query"),
    ],
)  # fmt: skip
def test_a_wrong_request_is_told(text: str, fault: str) -> None:
    if "is there twice" in fault:
        found = read_node(Path("defs.yaml"), text)
        assert isinstance(found, list)
        assert fault in str(found[0])
        return
    _, faults = read(text)
    assert len(faults) == 1, faults
    assert faults[0].startswith("defs.yaml:")
    assert fault in faults[0]


# Shaped as keys are; in pieces, so that no scanner takes them for some.
SECRETS = (
    "sk_" + "live_4eC39HqLyjWDarjtT1zdp7dc",
    "AK" + "IAIOSFODNN7EXAMPLE",
    "0123456789abcdef01",
)


@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize(
    "text",
    [
        "auth: {type: bearer, secret: %s}", "auth: {type: header, name: X, secret: '%s'}",
        "auth: %s", "auth: {type: %s}", "auth: {bearer: %s}", "auth: [%s]",
        "auth: {type: basic, user: me, secret: %s}", "auth: {type: basic, user_secret: %s}",
        "auth: {type: query, name: 'k=%s', secret: A}",
        "auth: {type: header, name: X, prefix: 'Token %s', secret: A}",
        "query: {api_key: %s}", "query: {token: %s}", "headers: {Authorization: Bearer %s}",
        "headers: {X-Api-Key: %s}", "headers: {Cookie: a=%s}",
    ],
)  # fmt: skip
def test_a_secret_in_the_file_is_refused_and_not_repeated(text: str, secret: str) -> None:
    _, faults = read(URL + text % secret)
    assert faults
    assert secret not in "\n".join(faults)


@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize(
    "url",
    [
        "https://me:%s@api.example.com/x", "https://%s@api.example.com/x",
        "https://api.example.com/x?key=%s", "api.example.com/x?key=%s",
    ],
)  # fmt: skip
def test_a_secret_in_the_url_is_refused_and_not_repeated(url: str, secret: str) -> None:
    _, faults = read(f"url: {url % secret}\n")
    assert faults
    assert secret not in "\n".join(faults)


def window(
    start: str, end: str, end_is: str = "exclusive", zone: str = "UTC", more: str = ""
) -> Window:
    api, faults = read(
        URL + f"window: {{start: {{query: a, format: '{start}'}}, "
        f"end: {{query: b, format: '{end}'{more}}}, end_is: {end_is}, zone: {zone}, "
        "first_day: 2026-01-01, look_back: 2, lag: 2h}"
    )  # fmt: skip
    assert not faults, faults
    assert api.window is not None
    return api.window


@pytest.mark.parametrize(
    ("start", "end", "end_is", "zone", "bounds"),
    [
        ("%Y-%m-%d", "%Y-%m-%d", "exclusive", "UTC", ("2026-03-29", "2026-03-30")),
        ("%Y-%m-%d", "%Y-%m-%d", "inclusive", "UTC", ("2026-03-29", "2026-03-29")),
        # A clock that is inclusive: what came in the last second is not left out.
        ("%Y-%m-%dT%H:%M:%S%z", "%d.%m.%Y %H:%M", "inclusive", "Europe/Berlin",
         ("2026-03-29T00:00:00+0100", "30.03.2026 00:00")),
        ("%Y-%m-%dT%H:%M:%S.%fZ", "%Y-%m-%dT%H:%M:%S%:z", "exclusive", "Europe/Berlin",
         ("2026-03-28T23:00:00.000000Z", "2026-03-30T00:00:00+02:00")),
        ("unix", "unix_ms", "exclusive", "America/New_York", ("1774756800", "1774843200000")),
        ("%Y%m%d", "%Y-%m-%dT00:00:00.000Z", "exclusive", "UTC",
         ("20260329", "2026-03-30T00:00:00.000Z")),
    ],
)  # fmt: skip
def test_a_day_as_an_api_wants_it(
    start: str, end: str, end_is: str, zone: str, bounds: tuple[str, str]
) -> None:
    assert bounds_of(window(start, end, end_is, zone), date(2026, 3, 29)) == bounds


def test_a_bound_may_have_a_clock_of_its_own() -> None:
    asked = window("unix", "%Y-%m-%d %H:%M", zone="Europe/Berlin", more=", zone: UTC")
    assert bounds_of(asked, date(2026, 1, 5))[1] == "2026-01-05 23:00"


@given(
    day=st.dates(date(1971, 1, 1), date(2100, 1, 1)),
    zone=st.sampled_from(
        ["UTC", "Europe/Berlin", "America/Sao_Paulo", "Pacific/Apia", "Asia/Kolkata"]
    ),
    form=st.sampled_from(["unix", "unix_ms", "%Y-%m-%dT%H:%M:%SZ"]),
)
def test_between_two_days_is_nothing(day: date, zone: str, form: str) -> None:
    asked = window(form, form, zone=zone)
    assert bounds_of(asked, day)[1] == bounds_of(asked, day + timedelta(days=1))[0]


def test_a_day_is_due_when_it_has_ended_on_its_own_clock() -> None:
    asked = window("unix", "unix", zone="America/New_York")
    assert days_due(asked, datetime(2026, 3, 10, 5, 30, tzinfo=UTC))[-1] == date(2026, 3, 8)
    assert days_due(asked, datetime(2026, 3, 10, 6, 30, tzinfo=UTC)) == [
        date(2026, 3, 7), date(2026, 3, 8), date(2026, 3, 9),
    ]  # fmt: skip
    assert days_due(asked, datetime(2026, 1, 2, 12, tzinfo=UTC)) == [date(2026, 1, 1)]
    # In March a day of New York ends at 04:00 UTC; the lag is two hours.
    assert complete_at(asked, date(2026, 3, 9)) == datetime(2026, 3, 10, 6, tzinfo=UTC)


def test_no_secret_of_the_installation_can_be_named() -> None:
    """But for the keys of the upstreams, which are theirs to be told."""
    upstreams = {"ACE_IOT_API_KEY", "FRED_API_KEY"}
    ours = {
        name.upper() for name, field in Settings.model_fields.items()
        if "SecretStr" in str(field.annotation)
    }  # fmt: skip
    assert upstreams < ours
    for name in ours - upstreams:
        _, [fault] = read(URL + f"auth: {{type: bearer, secret: {name}}}")
        assert "a secret of this installation" in fault


def test_a_secret_is_a_variable_or_stored() -> None:
    for said, secret in (
        ("A_KEY", Secret("A_KEY")),
        ("{env: A_KEY}", Secret("A_KEY")),
        ("{stored: plant_token}", Secret("plant_token", is_stored=True)),
    ):
        api, faults = read(URL + f"auth: {{type: basic, user_secret: {said}, secret: {said}}}")
        assert not faults, faults
        assert api.auth is not None
        assert api.auth.secrets == (secret, secret)


@pytest.mark.parametrize(
    ("said", "rule"),
    [
        ("{env: plant_token}", "must be the NAME of an environment variable"),
        ("{env: DATABASE_URL}", "a secret of this installation"),
        ("{stored: A_KEY}", "must be the NAME of a stored credential"),
        (
            "{stored: sk" + "_live_4ec39hqlyjwdarjtt1zdp7dc}",
            "a secret itself never stands in a file",
        ),
        ("{stored: [a]}", "must be the NAME of a stored credential"),
        ("{stored: a, env: A}", "must be {env: NAME}, or {stored: "),
        ("{store: a_b}", "must be {env: NAME}, or {stored: "),
    ],
)
def test_what_names_no_secret_is_not_repeated(said: str, rule: str) -> None:
    _, [fault] = read(URL + f"auth: {{type: bearer, secret: {said}}}")
    assert rule in fault
    assert "4ec39h" not in fault


def test_where_redirects_may_lead() -> None:
    for said, hosts in (
        ("[Files.example.com, '10.0.0.7:9000']", ("files.example.com", "10.0.0.7:9000")),
        ("files.example.com", ("files.example.com",)),
        ("[]", ()),
    ):
        api, faults = read(URL + f"redirects: {said}")
        assert (api.redirects, faults) == (hosts, [])
    for said in ("https://files.example.com", "[a/b]", "['a:b']", "['*.example.com']", "[{a: b}]"):
        _, [fault] = read(URL + f"redirects: {said}")
        assert "must be a host, or host:port" in fault
