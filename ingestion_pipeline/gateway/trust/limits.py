"""How much a tenant, or an address, may send: a token bucket each.

Tenants' buckets are in the database, one for all gateways (`SharedRate`), and a gateway takes
tokens out in lots: most requests are counted in memory. Addresses' are in memory (`RateLimit`), so
each gateway counts for itself.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass

import sqlalchemy as sa

from ingestion_pipeline.foundation.errors import TransientError
from ingestion_pipeline.foundation.ledger.rate_buckets import Lot

logger = logging.getLogger(__name__)

_MOST_BUCKETS = 10_000  # strangers have as many addresses as they like
_ALONE_SECONDS = 5.0
_UNREACHABLE = (TransientError, OSError, sa.exc.DBAPIError, sa.exc.TimeoutError)


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


@dataclass
class _Purse:
    """What a gateway has of a tenant's tokens."""

    tokens: int = 0
    refused_until: float = 0.0
    filling: asyncio.Task[None] | None = None


class SharedRate:
    """The part of one gateway in buckets that it shares with others.

    All gateways together let no more pass than the bucket gives; what each has taken out and not
    used yet, a twentieth of the burst, it may use later. While the buckets can't be reached each
    gateway counts for itself.

    Args:
        rate: tokens a second.
        burst: size of a bucket.
        take: takes up to so many tokens out of a tenant's bucket.
        clock: seconds.
    """

    def __init__(
        self,
        *,
        rate: float,
        burst: int,
        take: Callable[[int, int], Awaitable[Lot]],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._lot = max(1, burst // 20)
        self._take = take
        self._clock = clock
        self._purses: dict[int, _Purse] = {}
        self._alone = RateLimit(rate=rate, burst=burst, clock=clock)
        self._alone_until = 0.0

    async def take(self, tenant_id: int) -> float:
        """Take a token: 0.0, or the seconds until there is one."""
        purse = self._purses.get(tenant_id)
        if purse is None:
            purse = self._purses[tenant_id] = _Purse()
        while purse.tokens < 1:
            now = self._clock()
            if now < self._alone_until:
                return self._alone.take(tenant_id)
            if now < purse.refused_until:  # a flood asks the database no more than it may send
                return purse.refused_until - now
            await asyncio.shield(self._filled(tenant_id, purse))
        purse.tokens -= 1
        if purse.tokens < self._lot // 4 and self._clock() >= purse.refused_until:
            self._filled(tenant_id, purse)  # before it is empty, so that nobody waits for it
        return 0.0

    def _filled(self, tenant_id: int, purse: _Purse) -> asyncio.Task[None]:
        if purse.filling is None:
            purse.filling = asyncio.create_task(self._fill(tenant_id, purse))
        return purse.filling

    async def _fill(self, tenant_id: int, purse: _Purse) -> None:
        try:
            lot = await self._take(tenant_id, self._lot)
        except _UNREACHABLE as error:
            self._alone_until = self._clock() + _ALONE_SECONDS
            logger.warning("rates are not shared: %s", str(error).partition("\n")[0])
        else:
            purse.tokens += lot.tokens
            if not lot.tokens:
                purse.refused_until = self._clock() + lot.wait
        finally:
            purse.filling = None
