"""When a request is tried again, and how long later: pure decisions."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from ingestion_pipeline.foundation.errors import UpstreamUnavailableError
from ingestion_pipeline.foundation.settings import Settings

# The upstream is busy or broken: the same request may succeed later.
TRANSIENT = frozenset({408, 425, 429, *range(500, 600)})
_LONGEST_BACKOFF = timedelta(minutes=1)


@dataclass(frozen=True)
class Patience:
    """How a client puts up with an upstream that fails.

    Attributes:
        breaker_window: the breaker counts failures within it; None: failures in a row.
    """

    backoff: timedelta
    retry_after_cap: timedelta
    breaker_failures: int
    breaker_cooldown: timedelta
    breaker_window: timedelta | None = None

    @property
    def longest_backoff(self) -> timedelta:
        """The limit of the doubling."""
        return max(self.backoff, _LONGEST_BACKOFF)

    @classmethod
    def configured(cls, configuration: Settings) -> "Patience":
        """As settings have it."""
        return cls(
            backoff=configuration.http_backoff,
            retry_after_cap=configuration.http_retry_after_cap,
            breaker_failures=configuration.breaker_failures,
            breaker_cooldown=configuration.breaker_cooldown,
        )


def retry_after(headers: Mapping[str, str], *, cap: timedelta) -> timedelta | None:
    """What Retry-After asks for, at most `cap`; None: nothing, or what makes no sense.

    A date is read against the answer's own Date, so that clocks that disagree do no harm.
    """
    asked = headers.get("retry-after", "").strip()
    if asked.isascii() and asked.isdigit():
        # More digits than a cap can have: no arithmetic on what would overflow.
        return (min(timedelta(seconds=int(asked)), cap) if len(asked) < 9 else cap) or None
    moment = _http_date(asked)
    if moment is None:
        return None
    now = _http_date(headers.get("date", "")) or datetime.now(UTC)
    return min(max(moment - now, timedelta(0)), cap) or None


def wait_before_retry(error: Exception) -> bool | timedelta:
    """False: do not try again. True: back off. A duration: what the upstream asked for."""
    if not isinstance(error, UpstreamUnavailableError):
        return False
    return True if error.retry_after is None else error.retry_after


def _http_date(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
