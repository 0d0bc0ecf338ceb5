"""What a request to an upstream brings back, and the counts of many."""

import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Answer:
    """An upstream's answer, its body complete.

    Attributes:
        content: the body, decompressed.
        headers: by lower-case name.
    """

    status: int
    content: bytes = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True)
class Counts:
    """What a client has done since it was made.

    Attributes:
        requests: requests sent, retries among them.
        retries: requests that repeated one that failed.
        by_status: answers by HTTP status; requests without an answer are in none.
        received_bytes: bytes of bodies, decompressed.
        seconds: time spent in requests; of several threads, the sum.
        waited_seconds: time spent waiting for the rate limit.
    """

    requests: int = 0
    retries: int = 0
    by_status: Mapping[int, int] = field(default_factory=dict)
    received_bytes: int = 0
    seconds: float = 0.0
    waited_seconds: float = 0.0


class Counting:
    """The counts of a client while it works; safe to share between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._numbers: Counter[str] = Counter()
        self._by_status: Counter[int] = Counter()
        self._seconds = {"request": 0.0, "wait": 0.0}

    def sent(self, *, again: bool, waited: float) -> None:
        """A request goes out."""
        with self._lock:
            self._numbers["requests"] += 1
            self._numbers["retries"] += again
            self._seconds["wait"] += waited

    def answered(self, status: int, *, received_bytes: int) -> None:
        """It was answered."""
        with self._lock:
            self._by_status[status] += 1
            self._numbers["bytes"] += received_bytes

    def took(self, seconds: float) -> None:
        """It is over, well or not."""
        with self._lock:
            self._seconds["request"] += seconds

    def so_far(self) -> Counts:
        """The counts by now."""
        with self._lock:
            return Counts(
                requests=self._numbers["requests"],
                retries=self._numbers["retries"],
                by_status=dict(sorted(self._by_status.items())),
                received_bytes=self._numbers["bytes"],
                seconds=self._seconds["request"],
                waited_seconds=self._seconds["wait"],
            )
