"""How much a tenant may send: a token bucket each.

In memory, so per gateway: with several gateways a tenant may send as much through each of them.
"""

import time
from collections.abc import Callable


class RateLimit:
    """A bucket of `burst` tokens a tenant, filled with `rate` tokens a second."""

    def __init__(
        self, *, rate: float, burst: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._rate = rate
        self._burst = float(burst)
        self._clock = clock
        self._buckets: dict[int, tuple[float, float]] = {}

    def take(self, tenant_id: int) -> float:
        """Take a token: 0.0, or the seconds until there is one."""
        now = self._clock()
        tokens, since = self._buckets.get(tenant_id, (self._burst, now))
        tokens = min(self._burst, tokens + (now - since) * self._rate)
        if tokens < 1:
            self._buckets[tenant_id] = (tokens, now)
            return (1 - tokens) / self._rate
        self._buckets[tenant_id] = (tokens - 1, now)
        return 0.0
