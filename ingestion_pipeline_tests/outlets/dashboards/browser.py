"""A real Chromium for the tests of pages: the one of the machine, driven by Playwright."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, sync_playwright

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
HOW = (
    "no Chromium is found: `apt-get install chromium` (or Google Chrome) brings one, or set "
    "CHROMIUM to the path of one"
)


def chromium() -> str | None:
    """Where a Chromium is; None: nowhere."""
    told = os.environ.get("CHROMIUM")
    return told or next(filter(None, map(shutil.which, _NAMES)), None)


@contextmanager
def running_browser() -> Iterator[Browser]:
    """A Chromium without a window, as long as it is needed."""
    with sync_playwright() as playwright:
        # As root there is no sandbox to be had; what is opened is our own.
        started = playwright.chromium.launch(
            executable_path=chromium(), args=["--no-sandbox", "--disable-dev-shm-usage"]
        )
        yield started
        started.close()
