"""Names may hold anything: every link on every page leads to what it says, and back."""

from collections import deque
from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from ingestion_pipeline.outlets.dashboards.asking import PAGES
from ingestion_pipeline.outlets.dashboards.rendering import query_with
from ingestion_pipeline.outlets.dashboards.spans import address
from ingestion_pipeline_tests.outlets.dashboards.reading import Link, read
from ingestion_pipeline_tests.outlets.dashboards.rows import execute
from ingestion_pipeline_tests.outlets.dashboards.serving import PagesServer, Visiting

ODD = (
    "a", "a/b", "a/b/c", "/", "//x", "a?b=c", "a#b", "100%", "50%2F", "a b", "a+b", "a&site=c",
    'say "hi"', "it's", "..", "../../x", "é ü 漢字 🏢", "<b>x</b>", "a\\b", "%00", " before",
    "{{ 7 * 7 }}", "a;b", "javascript:alert(1)", "x" * 200,
)  # fmt: skip


@pytest.fixture(scope="module")
def acme(pages: PagesServer) -> Iterator[Visiting]:
    """Somebody whose things have odd names."""
    with pages.visiting("acme") as made:
        values = {"t": made.tenant_id, "name": made.tenant, "odd": list(ODD)}
        execute(pages.engine, "odd_names.sql", values)
        yield made


def links_of(visitor: Visiting, path: str) -> list[Link]:
    answer = visitor.http.get(path)
    assert answer.status_code == 200, path
    return read(answer.text).links


def test_every_link_leads_somewhere(acme: Visiting) -> None:
    """All pages that one comes to from the first ones; of spans and files one of each kind."""
    starts = ["/morning", *(path for path, page in PAGES.items() if page.nav and not page.operator)]
    waiting, seen, kinds = deque(starts), set(starts), set()
    while waiting:
        path = waiting.popleft()
        answer = acme.http.get(path)
        assert answer.status_code == 200, path
        if not answer.headers["content-type"].startswith("text/html"):
            continue
        for link in read(answer.text).links:
            parts = urlsplit(link.to)
            assert not parts.scheme, link
            assert not parts.netloc, link
            if parts.path in ("", "/docs"):  # of this page, of another part of the gateway
                continue
            asked = parse_qs(parts.query, keep_blank_values=True)
            kind = (parts.path, *(str(asked.get(name)) for name in ("table", "format", "span")))
            repeated = {"format", "span", "page"} & asked.keys() and kind in kinds
            if link.to not in seen and not repeated:
                seen.add(link.to)
                kinds.add(kind)
                waiting.append(link.to)
    assert len(seen) > 4 * len(ODD)


@pytest.mark.parametrize(("page", "path"), [
    ("/kpis", "/kpis/series"), ("/buildings", "/buildings/site"), ("/markets", "/markets/series"),
])  # fmt: skip
def test_a_link_leads_to_what_it_says(acme: Visiting, page: str, path: str) -> None:
    found = [link for link in links_of(acme, page) if urlsplit(link.to).path == path]
    own = {f"{acme.tenant}/{name}" if "/" in name else name for name in ODD}
    assert {link.says for link in found} == (own if page == "/markets" else set(ODD))
    for link in found:
        assert read(acme.http.get(link.to).text).heading == link.says


@pytest.mark.parametrize("site", ODD)
def test_a_site_leads_to_its_own_points_and_rooms(acme: Visiting, site: str) -> None:
    found = links_of(acme, address("/buildings/site", site=site))
    of_points = [link for link in found if urlsplit(link.to).path == "/buildings/point"]
    # Of the points, of what is missing, and of the alerts.
    assert [link.says for link in of_points] == [f"{site}/co2"] * 3
    for link in of_points:
        shown = read(acme.http.get(link.to).text)
        assert shown.heading == f"{site}/co2"
        assert Link(address("/buildings/site", site=site), site) in shown.links
    [room] = [link for link in found if "room=" in link.to and "measure" not in link.to]
    assert read(acme.http.get(room.to).text).heading == f"{site} · {site}"


def test_what_was_found_leads_to_its_series_whatever_its_site_is_called(acme: Visiting) -> None:
    found = [link for link in links_of(acme, "/morning") if link.says.endswith("/co2")]
    of_points = {link.says: link.to for link in found if link.to.startswith("/buildings/point?")}
    assert set(of_points) == {f"{site}/{site}/co2" for site in ODD}
    for site in ODD:
        asked = parse_qs(urlsplit(of_points[f"{site}/{site}/co2"]).query, strict_parsing=True)
        assert asked == {"site": [site], "point": [f"{site}/co2"]}
    text = acme.http.get("/morning").text
    assert "sold/site/co2" in text  # of a site that is nobody's any more: told, without a link
    assert Link("/receipts", "files: orders & more?") in read(text).links
    assert Link("/commerce?currency=EUR", "orders in EUR") in read(text).links


@pytest.mark.parametrize("kpi", ODD)
def test_one_comes_back_from_signing_in_and_from_a_form(
    pages: PagesServer, acme: Visiting, kpi: str
) -> None:
    wanted = address("/kpis/series", kpi=kpi, span="7d")
    with httpx.Client(base_url=pages.url, timeout=60) as http:
        asked = http.get(http.get(wanted).headers["location"])
        [(name, value)] = read(asked.text).fields
        answer = http.post("/sign-in", data={"key": acme.api_key, name: value})
        assert answer.headers["location"] == wanted
    form = dict(read(acme.http.get(wanted).text).fields)
    assert (form["kpi"], form["next"]) == (kpi, wanted)


def test_a_kpi_without_a_reading_has_no_link(pages: PagesServer, acme: Visiting) -> None:
    with pages.engine.begin() as connection:
        connection.execute(sa.text(
            "INSERT INTO kpi_series (tenant_id, kpi_id, pending) VALUES (:t, 'announced', false)"
        ), {"t": acme.tenant_id})  # fmt: skip
    text = acme.http.get("/kpis").text
    assert "announced" in text
    assert "announced" not in {link.says for link in read(text).links}


@given(st.dictionaries(st.text(min_size=1), st.text(), min_size=1))
def test_an_address_holds_any_text(values: dict[str, str]) -> None:
    for query in (query_with(values, {}), query_with({}, values)):
        assert query.isascii()
        told = parse_qs(query, keep_blank_values=True, strict_parsing=True)
        assert {name: told[name] for name in values} == {name: [values[name]] for name in values}
    one = next(iter(values.values()))
    assert parse_qs(urlsplit(address("/x", q=one)).query, keep_blank_values=True) == {"q": [one]}
