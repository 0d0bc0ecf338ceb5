"""How much a tenant, or an address, may send: a token bucket each.

In memory, so per gateway: with several gateways a tenant may send as much through each of them.
"""

import time
from collections.abc import Callable, Hashable

_MOST_BUCKETS = 10_000  # strangers have as many addresses as they like


class RateLimit:
    """A bucket of `burst` tokens each, filled with `rate` tokens a second.

    Whoever has not been seen for the longest time is forgotten when there are too many.
    """

    def __init__(
        self, *, rate: float, burst: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._rate = rate
        self._burst = float(burst)
        self._clock = clock
        self._buckets: dict[Hashable, tuple[float, float]] = {}

    def take(self, who: Hashable) -> float:
        """Take a token: 0.0, or the seconds until there is one."""
        now = self._clock()
        tokens = self._tokens(who, now)
        wait = self._wait(tokens)
        self._buckets.pop(who, None)  # to be entered as the newest
        self._buckets[who] = (tokens if wait else tokens - 1, now)
        if len(self._buckets) > _MOST_BUCKETS:
            del self._buckets[next(iter(self._buckets))]
        return wait

    def _tokens(self, who: Hashable, now: float) -> float:
        tokens, since = self._buckets.get(who, (self._burst, now))
        return min(self._burst, tokens + (now - since) * self._rate)

    def _wait(self, tokens: float) -> float:
        return 0.0 if tokens >= 1 else (1 - tokens) / self._rate
