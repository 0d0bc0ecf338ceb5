"""A tenant never sees another's anything: every page and table, with the other's ids, fuzzed."""

import itertools
import random
from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from ingestion_pipeline.foundation.ledger import viewers
from ingestion_pipeline.outlets.dashboards.asking import PAGES
from ingestion_pipeline_tests.outlets.dashboards.rows import fill
from ingestion_pipeline_tests.outlets.dashboards.serving import PagesServer, Visiting, pages_url

# What only the first tenant has, as it would stand on a page or in a table of it.
SECRET = "checkout-orders-per-minute"
OTHERS_WORDS = (SECRET, "btc-price-usd", "demo-site-1", "room-1", "austin", "A book", "985.1")
TABLES = (
    "kpis", "numbers", "revisions", "sites", "alerts", "heat", "rooms", "points", "gaps", "macro",
    "markets", "comps", "currencies", "days", "incomes", "titles", "months", "places", "products",
    "vintage",
)  # fmt: skip
INJECTED = (
    "'", "''; RESET ROLE; --", "1; SET ROLE ingestion_viewer_1; --", '"', "%", "\\", "a\0b", "‮",
    "' OR '1'='1", "{{ 7 * 7 }}", "<img src=x onerror=alert(1)>", "-1", "1e400", "NaN", "9" * 400,
    "2026-02-30", "0001-01-01", "9999-12-31T23:59:59+14:00", "../../etc/passwd", "١٢٣",
)  # fmt: skip
PARAMETERS = (
    "kpi", "site", "point", "room", "measure", "series", "q", "page", "span", "from", "to",
    "currency", "table", "as_of",
)  # fmt: skip


@pytest.fixture(scope="module")
def victim(pages: PagesServer) -> Iterator[Visiting]:
    """Somebody who has rows everywhere."""
    with pages.visiting("victim") as made:
        fill(pages.engine, made.tenant_id)
        yield made


@pytest.fixture(scope="module")
def snoop(pages: PagesServer, victim: Visiting) -> Iterator[Visiting]:
    """Somebody who has none."""
    with pages.visiting("snoop") as made:
        yield made


def addresses() -> list[str]:
    """Every page, as the victim's own links name it."""
    known = {
        "/kpis/series": f"/kpis/series?kpi={SECRET}",
        "/buildings/site": "/buildings/site?site=demo-site-1",
        "/buildings/point": "/buildings/point?site=demo-site-1&point=room-1/co2",
        "/markets/series": "/markets/series?series=GDP",
    }
    return [known.get(path, path) for path, page in PAGES.items() if not page.operator]


def test_the_victim_sees_its_own(victim: Visiting) -> None:
    """Or the tests below would prove nothing."""
    seen = "".join(victim.http.get(address).text for address in addresses())
    assert [word for word in OTHERS_WORDS if word not in seen] == []


@pytest.mark.parametrize("address", addresses())
def test_nothing_of_another_is_on_a_page_or_in_a_table(snoop: Visiting, address: str) -> None:
    joined = "&" if "?" in address else "?"
    for name in (None, *TABLES):
        extra = f"{joined}table={name}&format=csv" if name else ""
        answer = snoop.http.get(address + extra)
        assert answer.status_code in (200, 404)
        assert [word for word in OTHERS_WORDS if word in answer.text] == [], extra


def test_one_tenants_address_is_not_there_for_another(snoop: Visiting, victim: Visiting) -> None:
    for address in addresses():
        if "?" in address and not address.startswith("/markets"):  # what FRED says is everybody's
            assert victim.http.get(address).status_code == 200
            refused, unknown = snoop.http.get(address), snoop.http.get(f"{address}-unknown")
            assert refused.status_code == unknown.status_code == 404
            assert _main(refused.text) == _main(unknown.text)


def _main(text: str) -> str:
    return text.partition("<main")[2]


@pytest.mark.parametrize("address", addresses())
def test_what_is_written_into_a_parameter_is_no_more_than_text(
    snoop: Visiting, victim: Visiting, address: str
) -> None:
    path = address.partition("?")[0]
    chosen = random.Random(address)  # some of all pairs, others for each page, always the same
    for name, value in chosen.sample(list(itertools.product(PARAMETERS, INJECTED)), 40):
        given = dict(part.split("=") for part in address.partition("?")[2].split("&") if part)
        answer = victim.http.get(path, params={**given, name: value})
        assert answer.status_code in (200, 404), (name, value, answer.text)
        assert "<img src=x" not in answer.text
        assert "<script>alert" not in answer.text
    for value in INJECTED:
        answer = snoop.http.get(path, params=dict.fromkeys(PARAMETERS, value))
        assert answer.status_code in (200, 404)
        assert [word for word in OTHERS_WORDS if word in answer.text] == []


@pytest.mark.parametrize("tenants_number", ["0", "1", "999999", "-1"])
def test_nobody_chooses_whose_rows(snoop: Visiting, tenants_number: str) -> None:
    for name in ("tenant_id", "tenant", "t", "role"):
        answer = snoop.http.get("/kpis", params={name: tenants_number})
        assert SECRET not in answer.text


def test_the_pages_login_may_read_nothing_itself(pages: PagesServer, victim: Visiting) -> None:
    url = sa.make_url(pages_url(pages.engine)).set(drivername="postgresql+psycopg")
    login = sa.create_engine(url)
    tables = sa.inspect(pages.engine).get_table_names()
    try:
        for table in tables:
            with login.connect() as connection, pytest.raises(sa.exc.ProgrammingError):
                connection.exec_driver_sql(f"SELECT * FROM {table} LIMIT 1")
        with login.begin() as connection:
            role = viewers.role_of(victim.tenant_id)
            connection.exec_driver_sql(f"SET TRANSACTION READ ONLY; SET LOCAL ROLE {role}")
            assert connection.exec_driver_sql("SELECT count(*) FROM kpi_points").scalar_one() > 1
            with pytest.raises(sa.exc.DBAPIError):
                connection.exec_driver_sql("DELETE FROM kpi_points")
    finally:
        login.dispose()
