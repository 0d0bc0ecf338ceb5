"""Which day it is, for tests that compare it with what the project says of today."""

import time
from datetime import UTC, date, datetime, timedelta

_DAY = timedelta(days=1)


def today(*, lasting: float = 30) -> date:
    """Today in UTC, of which `lasting` seconds are left: close to midnight it waits for the next.

    Ask within the test: a constant of the module is of the day on which the tests were started.
    """
    now = datetime.now(UTC)
    left = datetime.combine(now.date() + _DAY, datetime.min.time(), UTC) - now
    if left.total_seconds() < lasting:
        time.sleep(left.total_seconds() + 0.01)
    return datetime.now(UTC).date()
