"""Keeping secrets out of logs and messages."""

from collections.abc import Iterable, Mapping
from urllib.parse import quote, quote_plus

import httpx

from ingestion_pipeline.foundation.secret_names import is_secret_parameter

# Headers of a request that say nothing secret; every other value is one until shown otherwise.
_PLAIN_HEADERS = frozenset(
    {"accept", "accept-encoding", "accept-language", "content-type", "user-agent"}
)
_SHORTEST = 4
_LEFT_OUT = "[redacted]"


def secrets_of(headers: Mapping[str, str]) -> frozenset[str]:
    """The values in a request's headers that nobody may read, without their scheme (`Bearer`)."""
    values = (value for name, value in headers.items() if name.lower() not in _PLAIN_HEADERS)
    return frozenset(
        part for value in values for part in (value, value.split(" ", 1)[-1]) if part.strip()
    )


def as_written(secrets: Iterable[str]) -> frozenset[str]:
    """Secrets as they are, and as a URL writes them."""
    return frozenset(
        each for secret in secrets for each in (secret, quote(secret, safe=""), quote_plus(secret))
        if each.strip()
    )  # fmt: skip


def safe_url(url: httpx.URL) -> str:
    """The URL without user, password, and the values of parameters that are named like secrets."""
    parameters = [
        (name, _LEFT_OUT if is_secret_parameter(name) else value)
        for name, value in url.params.multi_items()
    ]
    plain = url.copy_with(userinfo=b"", query=None, fragment=None)
    query = "&".join(f"{name}={value}" for name, value in parameters)
    return f"{plain}?{query}" if query else str(plain)


def secrets_in(url: httpx.URL) -> frozenset[str]:
    """The values of parameters that are named like secrets, and the password."""
    named = {value for name, value in url.params.multi_items() if is_secret_parameter(name)}
    return frozenset(value for value in {*named, url.password} if value)


def without(text: str, secrets: Iterable[str]) -> str:
    """The text without the secrets: upstreams like to repeat a key that they refuse."""
    for secret in sorted(secrets, key=len, reverse=True):
        if len(secret) >= _SHORTEST:
            text = text.replace(secret, _LEFT_OUT)
    return text
