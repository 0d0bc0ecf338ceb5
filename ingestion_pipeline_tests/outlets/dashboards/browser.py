"""A real Chromium for the tests of pages: the one of the machine, driven by Playwright."""

import os
import shutil

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
HOW = (
    "no Chromium is found: `apt-get install chromium` (or Google Chrome) brings one, or set "
    "CHROMIUM to the path of one"
)


def chromium() -> str | None:
    """Where a Chromium is; None: nowhere."""
    told = os.environ.get("CHROMIUM")
    return told or next(filter(None, map(shutil.which, _NAMES)), None)
