"""What stands on the pages: the figures of the tables, empty states, long lists, odd names."""

import csv
import io
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa

from ingestion_pipeline.outlets.dashboards.asking import PAGES
from ingestion_pipeline_tests.outlets.dashboards.rows import LONG, RTL, fill
from ingestion_pipeline_tests.outlets.dashboards.serving import PagesServer, Visiting


@pytest.fixture(scope="module")
def acme(pages: PagesServer) -> Iterator[Visiting]:
    with pages.visiting("acme") as made:
        fill(pages.engine, made.tenant_id)
        yield made


def rows_of(visitor: Visiting, path: str, table: str, **parameters: str) -> list[dict[str, Any]]:
    """A table of a page as its JSON link gives it."""
    answer = visitor.http.get(path, params={**parameters, "table": table, "format": "json"})
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()
    return found


def sql(pages: PagesServer, statement: str, **values: object) -> list[sa.Row[Any]]:
    with pages.engine.connect() as connection:
        return list(connection.execute(sa.text(statement), values))


@pytest.mark.parametrize("path", sorted(path for path in PAGES if not PAGES[path].operator))
def test_a_new_tenant_with_nothing_has_pages(visitor: Visiting, path: str) -> None:
    answer = visitor.http.get(path)
    one_thing = path.rpartition("/")[2] in ("series", "site", "point", "one", "session")
    assert answer.status_code == (404 if one_thing else 200)
    assert "Traceback" not in answer.text


def test_the_first_morning_says_how_to_begin(visitor: Visiting, pages: PagesServer) -> None:
    text = visitor.http.get("/morning").text
    assert "Nothing is out of the ordinary." in text
    assert f"{pages.url}/api/kpi-data" in text


def test_money_is_told_by_currency_to_the_cent(pages: PagesServer, acme: Visiting) -> None:
    found = {row["currency"]: row for row in rows_of(acme, "/commerce", "currencies")}
    expected = sql(pages, """
        SELECT currency, sum(net), sum(orders), (sum(gross) - sum(discounts)) / sum(orders)
        FROM orders_daily WHERE tenant_id = :t AND day > current_date - 30 GROUP BY 1
    """, t=acme.tenant_id)  # fmt: skip
    assert len(expected) == 2
    for currency, net, orders, average in expected:
        assert Decimal(str(found[currency]["net"])) == net
        assert found[currency]["orders"] == orders
        assert found[currency]["average"] == pytest.approx(float(average))
        assert f"{net:,.2f}" in acme.http.get("/commerce").text
    assert found["JPY"]["net"] is None
    assert found["JPY"]["change"] == -100
    assert len(rows_of(acme, "/commerce", "days", currency="EUR")) == 71


def test_what_is_settled_and_what_is_estimated_stand_apart(acme: Visiting) -> None:
    found = rows_of(acme, "/books", "incomes")
    assert {(row["currency"], row["basis"]) for row in found} == {
        (currency, basis)
        for currency in ("EUR", "GBP", "not told")
        for basis in ("settled", "estimated")
    }
    [euro] = [row for row in found if (row["currency"], row["basis"]) == ("EUR", "settled")]
    assert Decimal(str(euro["income"])) == Decimal("12.3450") * 50 * 5


def test_csv_is_harmless_and_json_is_as_it_is(acme: Visiting) -> None:
    answer = acme.http.get("/books", params={"table": "titles", "format": "csv"})
    assert answer.headers["content-disposition"] == 'attachment; filename="titles.csv"'
    titles = {row["title"] for row in csv.DictReader(io.StringIO(answer.text))}
    assert "'=cmd()" in titles
    assert "=cmd()" not in titles
    assert RTL in titles
    assert "=cmd()" in {row["title"] for row in rows_of(acme, "/books", "titles")}


def test_a_kpis_page_tells_now_and_its_week(acme: Visiting) -> None:
    text = acme.http.get("/kpis/series?kpi=checkout-orders-per-minute&span=30d").text
    assert "min</bdi>" not in text
    assert "quality high" in text
    assert "usual now" in text
    assert "1 gap, the longest from" in text


@pytest.mark.parametrize("span", ["24h", "7d", "30d", "1y", "2y", "10y"])
def test_of_every_span_the_numbers_are_those_of_the_points(
    pages: PagesServer, acme: Visiting, span: str
) -> None:
    rows = rows_of(acme, "/kpis/series", "numbers", kpi="btc-price-usd", span=span)
    days = {"24h": 1, "7d": 7, "30d": 30}.get(span, 4_000)
    [expected] = sql(pages, """
        SELECT count(*), min(value), max(value), avg(value) FROM kpi_points
        WHERE tenant_id = :t AND kpi_id = 'btc-price-usd'
          AND observed_at >= now() - :days * interval '1 day'
    """, t=acme.tenant_id, days=days)  # fmt: skip
    points = sum(row["readings"] for row in rows)
    assert abs(points - expected[0]) <= 1  # the moment of asking is another one
    assert min(row["least"] for row in rows) == pytest.approx(expected[1], rel=1e-3)
    assert max(row["most"] for row in rows) == pytest.approx(expected[2], rel=1e-3)
    mean = sum(row["mean"] * row["readings"] for row in rows) / points
    assert mean == pytest.approx(expected[3], rel=1e-3)


@pytest.mark.parametrize("span", ["7d", "1y", "10y"])
def test_values_near_the_largest_double_have_a_mean(acme: Visiting, span: str) -> None:
    rows = rows_of(acme, "/kpis/series", "numbers", kpi="huge", span=span)
    assert sum(row["readings"] for row in rows) == 6
    assert all(row["least"] <= row["mean"] <= row["most"] for row in rows)
    assert acme.http.get("/kpis/series", params={"kpi": "huge", "span": span}).status_code == 200


@pytest.mark.parametrize("kpi", ["checkout-orders-per-minute", LONG, "huge"])
@pytest.mark.parametrize("given", [
    {"from": "2026-13-01"}, {"from": "soon", "to": "later"}, {"to": "1800-01-01"},
    {"from": "2026-11-02", "to": "2026-11-01"}, {"from": "99999999999999"},
])  # fmt: skip
def test_a_span_that_cant_be_read_is_said(acme: Visiting, kpi: str, given: dict[str, str]) -> None:
    answer = acme.http.get("/kpis/series", params={"kpi": kpi, **given})
    assert answer.status_code == 200
    assert "can&#39;t be shown" in answer.text or "can't be shown" in answer.text


def test_a_span_of_centuries_is_shown(acme: Visiting) -> None:
    given = {"kpi": "btc-price-usd", "from": "1901-01-01", "to": "2199-01-01"}
    assert len(rows_of(acme, "/kpis/series", "numbers", **given)) >= 1


def test_a_kpi_without_any_point_is_listed_and_has_no_page(acme: Visiting) -> None:
    assert "silent" in {row["kpi"] for row in rows_of(acme, "/kpis", "kpis")}
    assert acme.http.get("/kpis/series?kpi=silent").status_code == 404


def test_five_thousand_series_are_turned_over_and_found(pages: PagesServer) -> None:
    with pages.visiting() as many:
        with pages.engine.begin() as connection:
            connection.execute(sa.text(
                "INSERT INTO kpi_series (tenant_id, kpi_id, pending) "
                "SELECT :t, 'kpi-' || lpad(n::text, 5, '0'), false "
                "FROM generate_series(1, 5000) AS n"
            ), {"t": many.tenant_id})  # fmt: skip
        first = many.http.get("/kpis").text
        assert "5,000 KPIs" in first
        assert "kpi-00050" in first
        assert "kpi-00051" not in first
        assert 'href="/kpis?page=2"' in first
        assert "kpi-00051" in many.http.get("/kpis?page=2").text
        assert "kpi-04999" in many.http.get("/kpis", params={"q": "KPI-04999"}).text
        assert len(rows_of(many, "/kpis", "kpis")) == 5_000


def test_a_site_is_shown_by_hour_and_day(acme: Visiting) -> None:
    heat = rows_of(acme, "/buildings/site", "heat", site="demo-site-1")
    assert len(heat) >= 14
    assert heat[1]["h3"] is None
    assert heat[1]["h6"] == pytest.approx(620)
    rooms = rows_of(acme, "/buildings/site", "rooms", site="demo-site-1")
    assert {row["room"] for row in rooms} == {"room-1", "room-2", "<b>room</b>"}
    alerts = rows_of(acme, "/buildings", "alerts")
    assert [row["state"] for row in alerts] == ["open", "over", "over"]


def test_a_point_by_hours_is_as_the_roll_up_says(pages: PagesServer, acme: Visiting) -> None:
    given = {"site": "demo-site-1", "point": "room-1/co2", "span": "1y"}
    rows = rows_of(acme, "/buildings/point", "numbers", **given)
    [expected] = sql(pages, """
        SELECT sum(samples), max(maximum) FROM timeseries_hourly
        WHERE site_name = 'demo-site-1' AND point_name = 'room-1/co2'
    """)  # fmt: skip
    assert (sum(row["readings"] for row in rows), max(row["most"] for row in rows)) == tuple(
        expected
    )


def test_a_macro_series_has_its_year_before_and_revisions(acme: Visiting) -> None:
    [gdp] = [row for row in rows_of(acme, "/markets", "macro") if row["series"] == "GDP"]
    assert (gdp["value"], gdp["year_before"], gdp["revision"]) == (29_000, 28_200, 10)
    assert gdp["on_year"] == pytest.approx(800 / 28_200 * 100)
    revised = rows_of(acme, "/markets/series", "revisions", series="GDP")
    assert {row["revision"] for row in revised} == {10}


def test_a_table_that_is_none_is_not_there(acme: Visiting) -> None:
    for given in ({"table": "nothing", "format": "csv"}, {"table": "kpis", "format": "xml"}):
        assert acme.http.get("/kpis", params=given).status_code == 404


def test_a_page_is_small_and_packed(acme: Visiting) -> None:
    for path in ("/morning", "/kpis/series?kpi=checkout-orders-per-minute&span=30d"):
        answer = acme.http.get(path)
        assert answer.headers["content-encoding"] == "gzip"
        assert int(answer.headers["content-length"]) < 100_000


def test_what_stands_out_is_told_worst_first(acme: Visiting) -> None:
    text = acme.http.get("/morning").text
    assert "3 things to look at." in text
    kinds = [kind for kind in ("Level shift", "Drop", "Gap") if f"<strong>{kind}" in text]
    assert [text.index(f"<strong>{kind}") for kind in kinds] == sorted(
        text.index(f"<strong>{kind}") for kind in kinds
    )
    assert "spike: fell" not in text  # a part of the shift
    assert "stuck: fell" not in text  # somebody expected it
    of_series = acme.http.get("/kpis/series?kpi=checkout-orders-per-minute").text
    assert "stuck: fell" in of_series
    assert "same hour, weeks before: 81.26, 81.69" in of_series
