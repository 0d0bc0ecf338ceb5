"""Pages as people have them, in a real Chromium: both themes, wide and on a telephone.

Of every page: nothing in the console, no request to elsewhere, no serious fault that axe finds, no
sideways scrolling; and it works by keyboard, and without scripts.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page

from ingestion_pipeline_tests.gateway.running import CRON_SECRET
from ingestion_pipeline_tests.outlets.dashboards.browser import HOW, chromium, running_browser
from ingestion_pipeline_tests.outlets.dashboards.rows import fill
from ingestion_pipeline_tests.outlets.dashboards.serving import PagesServer

pytestmark = pytest.mark.skipif(chromium() is None, reason=HOW)

KPI = "/kpis/series?kpi=checkout-orders-per-minute&span=30d"
ADDRESSES = (
    "/morning", "/kpis", KPI, "/kpis/series?kpi=huge", "/buildings",
    "/buildings/site?site=demo-site-1",
    "/buildings/point?site=demo-site-1&point=room-1/co2&span=1y", "/markets",
    "/markets/series?series=GDP", "/commerce", "/commerce/products", "/books", "/receipts",
    "/kpis/series?kpi=nothing",
)  # fmt: skip
WIDE, TELEPHONE = 1280, 390


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with running_browser() as started:
        yield started


@pytest.fixture(scope="module")
def keys(pages: PagesServer) -> dict[str, str]:
    """A key of somebody who has rows, of somebody who has none, and the operator's."""
    tenant_id, full = pages.new_tenant("acme")
    fill(pages.engine, tenant_id)
    return {"full": full, "empty": pages.new_tenant("newcomer")[1], "operator": CRON_SECRET}


@dataclass
class Window:
    """A window, and what was amiss in it."""

    page: Page
    server: str
    faults: list[str] = field(default_factory=list)

    def watch(self) -> None:
        def said(message: Any) -> None:
            if message.type in ("error", "warning") and "status of 404" not in message.text:
                self.faults.append(f"console: {message.text}")

        def asked(request: Any) -> None:
            if not request.url.startswith((self.server, "data:")):
                self.faults.append(f"a request to {request.url}")

        self.page.on("console", said)
        self.page.on("pageerror", lambda error: self.faults.append(f"script: {error}"))
        self.page.on("request", asked)

    def sign_in(self, key: str) -> None:
        self.page.goto(f"{self.server}/sign-in")
        self.page.fill("#key", key)
        self.page.press("#key", "Enter")
        self.page.wait_for_url(lambda url: "/sign-in" not in url)

    def open(self, address: str) -> None:
        self.page.goto(self.server + address, wait_until="load")


def new_window(browser: Browser, pages: PagesServer, **context: Any) -> Window:
    opened: BrowserContext = browser.new_context(**context)
    window = Window(opened.new_page(), pages.url)
    window.watch()
    return window


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_page_is_sound_wide_and_on_a_telephone(
    browser: Browser, pages: PagesServer, keys: dict[str, str], theme: str
) -> None:
    window = new_window(browser, pages, color_scheme=theme,
                        viewport={"width": WIDE, "height": 900})  # fmt: skip
    # What differs in the dark is the contrast.
    rules = {"runOnly": ["color-contrast"]} if theme == "dark" else None
    window.open("/sign-in")
    _look(window, "/sign-in", rules)
    for who, addresses in (("full", ADDRESSES), ("empty", ("/morning", "/commerce", "/books")),
                           ("operator", ("/system",))):  # fmt: skip
        window.page.context.clear_cookies()
        window.sign_in(keys[who])
        for address in addresses:
            window.open(address)
            _look(window, f"{address} ({who})", rules)
    window.page.context.close()
    assert window.faults == []


def _look(window: Window, where: str, rules: dict[str, Any] | None) -> None:
    """Note what is amiss with the page that is open."""
    found = Axe().run(window.page, options=rules).response["violations"]
    window.faults += [
        f"{where}: {each['id']}: {each['nodes'][0]['html'][:200]}"
        for each in found
        if each["impact"] in ("serious", "critical")
    ]
    for width in (TELEPHONE, WIDE):
        window.page.set_viewport_size({"width": width, "height": 900})
        needed = window.page.evaluate("document.documentElement.scrollWidth")
        if needed > width:
            window.faults.append(f"{where} is {needed} wide on a screen of {width}")


def test_the_chart_is_drawn_and_zooming_asks_for_more(
    browser: Browser, pages: PagesServer, keys: dict[str, str]
) -> None:
    window = new_window(browser, pages, viewport={"width": WIDE, "height": 900})
    window.sign_in(keys["full"])
    window.open(KPI)
    plot = window.page.locator(".u-over")
    box = plot.bounding_box()
    assert box is not None
    window.page.mouse.move(box["x"] + 100, box["y"] + 50)
    window.page.mouse.down()
    window.page.mouse.move(box["x"] + 300, box["y"] + 60, steps=5)
    window.page.mouse.up()
    window.page.wait_for_url(lambda url: "from=" in url and "to=" in url)
    assert window.page.locator(".u-over").count() == 1
    assert "span" not in window.page.url.partition("?")[2].replace("span=30d", "")
    window.page.context.close()
    assert window.faults == []


def test_without_scripts_the_numbers_are_there(
    browser: Browser, pages: PagesServer, keys: dict[str, str]
) -> None:
    window = new_window(browser, pages, java_script_enabled=False)
    window.page.goto(f"{pages.url}/sign-in")
    window.page.fill("#key", keys["full"])
    window.page.click("main button")
    assert window.page.locator("h1").inner_text().startswith("Good ")
    window.open(KPI)
    assert window.page.locator("svg.drawn polyline").count() >= 2  # it has a gap
    assert window.page.locator("#t-numbers").inner_text() == "The numbers"
    assert window.page.locator("section[aria-labelledby=t-numbers] tbody tr").count() == 50
    window.page.context.close()
    assert window.faults == []


def test_a_page_works_by_keyboard(
    browser: Browser, pages: PagesServer, keys: dict[str, str]
) -> None:
    window = new_window(browser, pages)
    window.sign_in(keys["full"])
    window.open("/kpis")
    focused = "document.activeElement.textContent.trim()"
    window.page.keyboard.press("Tab")
    assert window.page.evaluate(focused) == "Skip to the content"
    window.page.keyboard.press("Enter")
    assert window.page.evaluate("document.activeElement.id") == "main"
    for _ in range(20):
        window.page.keyboard.press("Tab")
        if window.page.evaluate(focused) == "checkout-orders-per-minute":
            break
    style = window.page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert style == "solid"
    window.page.keyboard.press("Enter")
    window.page.wait_for_url("**/kpis/series?**")
    window.page.context.close()
    assert window.faults == []


def test_signing_out_ends_it_here(
    browser: Browser, pages: PagesServer, keys: dict[str, str]
) -> None:
    window = new_window(browser, pages)
    window.sign_in(keys["full"])
    window.page.click("text=Sign out")
    window.page.wait_for_url("**/sign-in")
    window.open("/morning")
    assert "/sign-in" in window.page.url
    assert window.page.context.cookies() == []
    window.page.context.close()
    assert window.faults == []
