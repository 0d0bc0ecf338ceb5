"""The pages of receipts, and what is live, in a real Chromium: both themes, also on a telephone."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from playwright.sync_api import Browser

from ingestion_pipeline_tests.domains.commerce.builders import customer, lines, load, order
from ingestion_pipeline_tests.domains.kpis.builders import send, update
from ingestion_pipeline_tests.domains.markets import builders as markets
from ingestion_pipeline_tests.gateway.running import CRON_SECRET
from ingestion_pipeline_tests.outlets.dashboards.browser import HOW, chromium, running_browser
from ingestion_pipeline_tests.outlets.dashboards.serving import PagesServer, Visiting
from ingestion_pipeline_tests.outlets.dashboards.test_browser import WIDE, _look, new_window

pytestmark = pytest.mark.skipif(chromium() is None, reason=HOW)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with running_browser() as started:
        yield started


@pytest.fixture
def sent(pages: PagesServer, visitor: Visiting, tmp_path: Path) -> str:
    """A file with refused lines, one that waits, readings, an event; the first's receipt."""
    bad = [customer(2, name="a name that is too long " * 20), customer(3, created_at="soon")]
    files = {
        "customers_of_a_rather_long_name_2026-11-28.ndjson": lines([customer(1), *bad]),
        "orders_1.ndjson": [order(1, 9), order(2, 8)],
    }
    load(pages.engine, tmp_path / "sent", files, tenant=visitor.tenant)
    send(pages.engine, update(visitor.tenant_id), update(visitor.tenant_id, value=1.0))
    markets.record(pages.engine, visitor.tenant_id, markets.fundamentals_event())
    query = "SELECT min(upload_id) FROM uploads WHERE tenant_id = :id"
    with pages.engine.connect() as connection:
        return f"f{connection.scalar(sa.text(query), {'id': visitor.tenant_id})}"


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_receipts_and_system_are_sound_wide_and_on_a_telephone(
    browser: Browser, pages: PagesServer, visitor: Visiting, sent: str, theme: str
) -> None:
    window = new_window(browser, pages, color_scheme=theme,
                        viewport={"width": WIDE, "height": 900})  # fmt: skip
    rules = {"runOnly": ["color-contrast"]} if theme == "dark" else None
    window.sign_in(visitor.api_key)
    for address in ("/receipts", "/receipts/deliveries", "/receipts/deliveries?sender=cli",
                    f"/receipts/one?receipt={sent}"):  # fmt: skip
        window.open(address)
        _look(window, address, rules)
    window.page.context.clear_cookies()
    window.sign_in(CRON_SECRET)
    _look(window, "/system", rules)
    window.page.context.close()
    assert window.faults == []


def test_a_refused_row_is_put_right_in_the_browser(
    browser: Browser, pages: PagesServer, visitor: Visiting, sent: str
) -> None:
    window = new_window(browser, pages)
    window.sign_in(visitor.api_key)
    window.open(f"/receipts/one?receipt={sent}")
    rows = window.page.locator("textarea#rows")
    entries = [json.loads(line) for line in rows.input_value().splitlines()]
    assert [each["line_number"] for each in entries] == [2, 3]
    entries[0]["row"] = customer(2)
    rows.fill("\n".join(json.dumps(each) for each in entries))
    window.page.locator("form.correct button").click()
    window.page.locator("h1", has_text="Corrected rows").wait_for()
    assert window.page.locator(".tile dd").all_inner_texts() == ["1", "0", "1"]
    _look(window, "corrected", None)
    window.page.get_by_role("link", name="line 3").first.click()
    window.page.locator("h1", has_text="customers_of_a_rather").wait_for()
    window.page.context.close()
    assert window.faults == []


def test_a_reading_that_is_posted_is_on_the_page_that_is_open(
    browser: Browser, pages: PagesServer, visitor: Visiting
) -> None:
    send(pages.engine, update(visitor.tenant_id, kpi="mrr", value=1.0))
    known = sa.text("INSERT INTO kpi_series (tenant_id, kpi_id) VALUES (:id, 'mrr')")
    with pages.engine.begin() as connection:  # as a run does
        connection.execute(known, {"id": visitor.tenant_id})
    window = new_window(browser, pages)
    window.sign_in(visitor.api_key)
    window.open("/kpis")
    cell = window.page.locator('[data-live-kpi="mrr"]')
    assert cell.inner_text().strip() == "1"
    window.page.locator("#live[data-state=on]").wait_for()
    window.page.wait_for_timeout(1_200)  # the first look
    later = "2026-03-10T12:30:00+00:00"
    earlier = "2026-03-09T12:30:00+00:00"
    send(pages.engine, update(visitor.tenant_id, kpi="mrr", at=earlier, value=7.0))
    window.page.wait_for_timeout(2_000)
    assert cell.inner_text().strip() == "1"
    send(pages.engine, update(visitor.tenant_id, kpi="mrr", at=later, value=4321.5))
    window.page.locator('[data-live-kpi="mrr"]', has_text="4,321.5").wait_for()
    window.page.context.close()
    assert window.faults == []
