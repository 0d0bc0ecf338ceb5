"""Key-value documents: what the store promises, and which server keeps it.

The promise only. PostgreSQL (`postgresql.py`) and Redis or Valkey (`redis.py`)
keep it alike, proved by one suite of tests. Both speak to their server through what stands here:
the limits of a key, the JSON text of a value, the milliseconds of a lifetime.
"""

import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Protocol

from ingestion_pipeline.foundation.errors import ContractError
from ingestion_pipeline.foundation.storable import UNSTORABLE, is_storable

LONGEST_KEY = 512  # characters
LONGEST_NAMESPACE = 128  # with the longest key, of 4-byte characters, it fits PostgreSQL's index
LONGEST_LIFETIME = timedelta(days=36_500)
SMALLEST_INTEGER, LARGEST_INTEGER = -(2**63), 2**63 - 1  # what `increment` counts in
PAGE = 1000  # keys that `list` and `purge` ask for at once

_NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")  # in JSON text; `\\u0000` is a harmless backslash


@dataclass(frozen=True)
class Entry:
    """A stored value (what `json.loads` makes) and the version that `compare_and_set` expects."""

    value: Any
    version: int


class KeyValue(Protocol):
    """The entries of one namespace; a tenant has one of its own.

    A key is 1 to 512 characters without NUL. A value is anything that `json.dumps` takes, but
    NaN, infinities, and strings with NUL or half a surrogate pair. As JSON has it, the order of
    an object's members is not kept, and a float of 1e16 or more may come back as an integer.
    `ttl` is the lifetime of an entry, from now on, None for ever; an expired entry is there for
    nobody. A version is given to one write and never again, not even after the key was deleted,
    or expired, and was made anew.

    Every method raises:
        ContractError: a key, value or lifetime is not as above.
        TransientError: the server did not answer; a write may or may not have happened.
    """

    def get(self, key: str) -> Entry | None:
        """The entry of a key, if there is one."""
        ...

    def put(self, key: str, value: Any, *, ttl: timedelta | None = None) -> int:
        """Write an entry whatever was there, its lifetime included; returns its version."""
        ...

    def delete(self, key: str) -> bool:
        """Remove an entry; whether there was one."""
        ...

    def list(self, prefix: str = "", *, limit: int | None = None) -> Iterator[str]:
        """The keys that begin with a prefix (taken literally), ordered by their UTF-8 bytes.

        They are fetched in pages while one iterates, so writing meanwhile is fine: a key that is
        there all the time is listed once, one that comes or goes may be or may not.
        """
        ...

    def compare_and_set(
        self, key: str, value: Any, *, expected: int | None, ttl: timedelta | None = None
    ) -> int | None:
        """Write an entry if its version is still `expected` (None: if there is no entry).

        Returns the new version, or None when another got there first.
        """
        ...

    def increment(self, key: str, by: int = 1, *, ttl: timedelta | None = None) -> int:
        """Add to a counter, atomically, and return what it is now; one that is not there is 0.

        `ttl` is for a counter that this call makes; one that is there keeps its expiry, so that
        counting in windows of time works. Not to be repeated blindly after a TransientError.

        Raises:
            PermanentError: the stored value is not an integer, or the sum needs over 64 bits.
        """
        ...

    def purge(self) -> int:
        """Free the room that expired entries take, in batches; returns how many there were."""
        ...


def checked(text: str, *, name: str, longest: int, shortest: int = 1) -> str:
    """A key, prefix or namespace as it came, if it is one (ContractError if not)."""
    if not shortest <= len(text) <= longest:
        raise ContractError(
            f"{name}: must be {shortest} to {longest} characters, got {len(text)}: {text[:40]!r}"
        )
    if not is_storable(text):
        raise ContractError(f"{name}: {UNSTORABLE}: {text[:40]!r}")
    return text


def encoded(key: str, value: Any) -> str:
    """The JSON text of a value (ContractError if it has none that both servers can keep)."""
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    except (TypeError, ValueError, RecursionError) as error:
        raise ContractError(f"value of {key!r}: is not JSON: {error}") from None
    if _NUL.search(text) or not is_storable(text):
        raise ContractError(f"value of {key!r}: {UNSTORABLE}")
    return text


def milliseconds(ttl: timedelta) -> int:
    """A lifetime in whole milliseconds, at least one (ContractError if it is not positive)."""
    if not timedelta(0) < ttl <= LONGEST_LIFETIME:
        raise ContractError(f"ttl: must be more than 0 and at most {LONGEST_LIFETIME}, got {ttl}")
    return math.ceil(ttl / timedelta(milliseconds=1))


def checked_amount(by: int) -> int:
    """What to add to a counter, if it is an integer of 64 bits (ContractError if not)."""
    if not SMALLEST_INTEGER <= by <= LARGEST_INTEGER:
        raise ContractError(f"by: must be an integer of 64 bits, got {by}")
    return by
