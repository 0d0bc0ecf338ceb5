"""The rate limit of an upstream, shared by every process that calls it.

A row holds the instants of the newest requests. A caller enters its own, the earliest that keeps
the limit in every window, and sleeps until then with nothing locked: an exact sliding window, not
a bucket, because a bucket that admits a burst admits more than the limit in the minute after it.
"""

import logging
import time
from dataclasses import dataclass
from datetime import timedelta

import sqlalchemy as sa

logger = logging.getLogger(__name__)

# One statement, so one row lock for a moment. `greatest` passes over NULL, which is what an index
# outside the array gives; the last instant is in it so that they stay in order.
_ENTER = sa.text("""
    INSERT INTO upstream_limits AS known (name, recent)
    VALUES (:name, ARRAY[clock_timestamp()])
    ON CONFLICT (name) DO UPDATE SET recent = array_append(
        known.recent[greatest(1, cardinality(known.recent) - :requests + 2):],
        greatest(
            clock_timestamp(),
            known.paused_until,
            known.recent[cardinality(known.recent)],
            known.recent[cardinality(known.recent) - :requests + 1] + CAST(:window AS interval)
        )
    )
    RETURNING extract(epoch FROM recent[cardinality(recent)] - clock_timestamp())
""")
_PAUSE = sa.text("""
    INSERT INTO upstream_limits AS known (name, recent, paused_until)
    VALUES (:name, '{}', clock_timestamp() + CAST(:pause AS interval))
    ON CONFLICT (name) DO UPDATE
        SET paused_until = greatest(known.paused_until, excluded.paused_until)
""")
_MANY = 600
_WORTH_A_LINE = 5.0


@dataclass(frozen=True)
class RateLimit:
    """At most so many requests a minute to one upstream; safe to share between threads."""

    engine: sa.Engine
    name: str
    requests_per_minute: int

    def wait(self) -> float:
        """Sleep until the next request may go out; returns the seconds slept."""
        seconds = self.enter()
        if seconds > _WORTH_A_LINE:
            logger.info(
                "waiting for the rate limit", extra={"upstream": self.name, "seconds": seconds}
            )
        time.sleep(seconds)
        return seconds

    def enter(self) -> float:
        """Enter a request; returns in how many seconds it may go out."""
        requests, window = window_of(self.requests_per_minute)
        values = {"name": self.name, "requests": requests, "window": window}
        with self.engine.begin() as connection:
            # A server that crashes may forget the last requests: not worth a wait for the disk.
            connection.exec_driver_sql("SET LOCAL synchronous_commit TO off")
            seconds = float(connection.execute(_ENTER, values).scalar_one())
        return max(seconds, 0.0)

    def pause(self, duration: timedelta) -> None:
        """Let nobody call for a while: the upstream asked for it."""
        with self.engine.begin() as connection:
            connection.execute(_PAUSE, {"name": self.name, "pause": duration})


def window_of(requests_per_minute: int) -> tuple[int, timedelta]:
    """How many requests are allowed in how long.

    A minute; for many requests a second, so that the row stays short. Never more than the limit.
    """
    if requests_per_minute <= _MANY:
        return requests_per_minute, timedelta(minutes=1)
    return requests_per_minute // 60, timedelta(seconds=1)
