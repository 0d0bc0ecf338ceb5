"""Key-value entries on a Redis or Valkey server; every write is one Lua script, thus atomic.

    key_value:{<namespace>}:entry:<key>   hash of `value` (JSON text) and `version`; expires itself
    key_value:{<namespace>}:keys          sorted set of the keys, all of score 0: ordered by bytes
    key_value:{<namespace>}:version       the last version given

An expired entry leaves its key behind in the sorted set; `list` and `purge` drop what they find.
The server must not evict what has no lifetime (`maxmemory-policy` noeviction or volatile-…).
"""

import contextlib
import json
from collections.abc import Iterator, Sequence
from datetime import timedelta
from functools import lru_cache
from itertools import islice
from typing import Any, cast
from urllib.parse import quote, unquote

import redis
from redis.backoff import NoBackoff
from redis.commands.core import Script
from redis.retry import Retry

from ingestion_pipeline.foundation.errors import ConfigurationError, PermanentError, TransientError
from ingestion_pipeline.foundation.storage.key_value.contract import (
    LONGEST_KEY,
    LONGEST_NAMESPACE,
    PAGE,
    Entry,
    checked,
    checked_amount,
    encoded,
    milliseconds,
)

# Versions follow the clock (microseconds), so that they are not given twice by a server that
# crashed and lost its last second, or everything. Below 2^53 Lua's numbers are exact.
_COMMON = """
local entry, keys, last = KEYS[1], KEYS[2], KEYS[3]

local function stamp(key)
    local time = redis.call('TIME')
    local version = math.max(
        tonumber(redis.call('GET', last) or 0) + 1, time[1] * 1000000 + time[2])
    local text = string.format('%.0f', version)
    redis.call('SET', last, text)
    redis.call('HSET', entry, 'version', text)
    redis.call('ZADD', keys, 0, key)
    return text
end

local function live(milliseconds)
    if milliseconds == '' then
        redis.call('PERSIST', entry)
    else
        redis.call('PEXPIRE', entry, milliseconds)
    end
end
"""

_WRITE = """
local key, value, milliseconds, expected = unpack(ARGV)
local current = redis.call('HGET', entry, 'version') or 'none'
if expected ~= 'any' and expected ~= current then
    return false
end
redis.call('HSET', entry, 'value', value)
live(milliseconds)
return stamp(key)
"""

# The sum is read back as text, because Lua's numbers are exact to 53 bits only.
_INCREMENT = """
local key, by, milliseconds = unpack(ARGV)
local is_new = redis.call('EXISTS', entry) == 0
redis.call('HINCRBY', entry, 'value', by)
if is_new then
    live(milliseconds)
end
stamp(key)
return redis.call('HGET', entry, 'value')
"""

_DELETE = """
redis.call('ZREM', keys, ARGV[1])
return redis.call('DEL', entry)
"""

# Answers the keys of a page, how many were dropped from it, and where the next page begins.
_LIST = """
local first, final, page = ARGV[1], ARGV[2], tonumber(ARGV[3])
local found = redis.call('ZRANGEBYLEX', keys, first, final, 'LIMIT', 0, page)
local alive, dropped = {}, 0
for _, key in ipairs(found) do
    if redis.call('EXISTS', entry .. key) == 1 then
        alive[#alive + 1] = key
    else
        dropped = dropped + redis.call('ZREM', keys, key)
    end
end
return {alive, dropped, #found == page and '(' .. found[page] or ''}
"""


@lru_cache(maxsize=8)
def client(url: str) -> redis.Redis:
    """The client of this process for a server.

    Raises:
        ConfigurationError: that is no redis:// URL.
    """
    try:
        return redis.Redis.from_url(
            url,
            socket_connect_timeout=5,
            socket_timeout=5,
            # Whoever repeats an increment that was not answered may count it twice. Some ways to
            # make this client repeat by default, up to ten times; ours must not.
            retry=Retry(NoBackoff(), 0),
        )
    except ValueError:
        raise ConfigurationError("KEY_VALUE_URL is not a redis:// URL") from None


_BEGIN, _END = "key_value:{", "}:"  # around a namespace


class RedisKeyValue:
    """`KeyValue` on a Redis or Valkey server; it can be shared between threads."""

    def __init__(self, server: redis.Redis, namespace: str) -> None:
        checked(namespace, name="namespace", longest=LONGEST_NAMESPACE)
        self._server = server
        # Quoted, lest one namespace spell the name of another's entry. In braces, so that a
        # cluster keeps it on one node.
        self._prefix = f"{_BEGIN}{quote(namespace, safe='')}{_END}"
        self._write = server.register_script(_COMMON + _WRITE)
        self._increment = server.register_script(_COMMON + _INCREMENT)
        self._delete = server.register_script(_COMMON + _DELETE)
        self._list = server.register_script(_COMMON + _LIST)

    def get(self, key: str) -> Entry | None:
        """See `KeyValue.get`."""
        with _transient():
            fields = self._server.hmget(self._entry(key), ["value", "version"])
        value, version = cast("list[bytes | None]", fields)
        if value is None or version is None:
            return None
        return Entry(json.loads(value), int(version))

    def put(self, key: str, value: Any, *, ttl: timedelta | None = None) -> int:
        """See `KeyValue.put`."""
        return int(self._run(self._write, key, encoded(key, value), _lifetime(ttl), "any"))

    def delete(self, key: str) -> bool:
        """See `KeyValue.delete`."""
        return bool(self._run(self._delete, key))

    def list(self, prefix: str = "", *, limit: int | None = None) -> Iterator[str]:
        """See `KeyValue.list`."""
        checked(prefix, name="prefix", shortest=0, longest=LONGEST_KEY)
        pages = self._pages(prefix, PAGE if limit is None else min(limit, PAGE))
        return islice((key.decode() for keys, _ in pages for key in keys), limit)

    def compare_and_set(
        self, key: str, value: Any, *, expected: int | None, ttl: timedelta | None = None
    ) -> int | None:
        """See `KeyValue.compare_and_set`."""
        version = self._run(
            self._write,
            key,
            encoded(key, value),
            _lifetime(ttl),
            "none" if expected is None else expected,
        )
        return None if version is None else int(version)

    def increment(self, key: str, by: int = 1, *, ttl: timedelta | None = None) -> int:
        """See `KeyValue.increment`."""
        try:
            return int(self._run(self._increment, key, checked_amount(by), _lifetime(ttl)))
        except redis.ResponseError as error:
            if "not an integer" in str(error) or "overflow" in str(error):
                raise PermanentError(
                    f"{key!r} is not an integer, or would need more than 64 bits"
                ) from error
            raise

    def purge(self) -> int:
        """See `KeyValue.purge`."""
        return sum(dropped for _, dropped in self._pages("", PAGE))

    def _pages(self, prefix: str, page: int) -> Iterator[tuple[Sequence[bytes], int]]:
        """The living keys of each page, and how many dead ones were dropped from it."""
        first = b"[" + prefix.encode()
        final = b"(" + prefix.encode() + b"\xff"  # no byte of UTF-8 is as high
        entries = self._prefix + "entry:"
        while first:
            with _transient():
                alive, dropped, first = self._list(self._names(entries), [first, final, page])
            yield alive, dropped

    def _run(self, script: Script, key: str, *arguments: str | int) -> Any:
        with _transient():
            return script(self._names(self._entry(key)), [key, *arguments])

    def _names(self, entry: str) -> Sequence[str]:
        return [entry, self._prefix + "keys", self._prefix + "version"]

    def _entry(self, key: str) -> str:
        return f"{self._prefix}entry:{checked(key, name='key', longest=LONGEST_KEY)}"


def purge_expired(server: redis.Redis) -> int:
    """Purge every namespace on the server; returns how many expired keys were left behind.

    Raises:
        TransientError: the server did not answer.
    """
    with _transient():
        found = [name.decode() for name in server.scan_iter(f"{_BEGIN}*{_END}keys", count=PAGE)]
    namespaces = [unquote(name.removeprefix(_BEGIN).removesuffix(f"{_END}keys")) for name in found]
    return sum(RedisKeyValue(server, namespace).purge() for namespace in namespaces)


def _lifetime(ttl: timedelta | None) -> str:
    return "" if ttl is None else str(milliseconds(ttl))


@contextlib.contextmanager
def _transient() -> Iterator[None]:
    try:
        yield
    except (
        redis.ConnectionError,
        redis.TimeoutError,
        redis.ReadOnlyError,  # a replica, while another server takes over
        redis.OutOfMemoryError,
    ) as error:
        raise TransientError(f"key-value server: {error}") from error
