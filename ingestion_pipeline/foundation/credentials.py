"""Credentials in payloads, encrypted before they are stored.

The keys may be rotated (`sealing.py`): once no job that is still to run was recorded under
the old one, take that away. What was encrypted under a key that is gone fails for good and says so.
"""

from collections.abc import Mapping
from typing import Any

from ingestion_pipeline.foundation.sealing import new_key, sealed, unsealed
from ingestion_pipeline.foundation.secret_names import is_secret
from ingestion_pipeline.foundation.settings import Settings

__all__ = ["decrypted", "encrypted", "new_key"]

_ENCRYPTED = "encrypted"


def encrypted(configuration: Settings, payload: Mapping[str, Any]) -> dict[str, Any]:
    """The payload with every value that is named like a secret encrypted.

    Raises:
        ConfigurationError: it holds a secret, and there is no key.
    """
    return {
        name: _hide(configuration, value) if is_secret(name) else _within(configuration, value)
        for name, value in payload.items()
    }


def decrypted(configuration: Settings, payload: Mapping[str, Any]) -> dict[str, Any]:
    """The payload as it was given.

    Raises:
        ConfigurationError: there is no key, or it is not the one.
    """
    return {name: _shown(configuration, value) for name, value in payload.items()}


def _within(configuration: Settings, value: Any) -> Any:
    if isinstance(value, dict):
        return encrypted(configuration, value)
    if isinstance(value, list):
        return [_within(configuration, each) for each in value]
    return value


def _hide(configuration: Settings, value: Any) -> Any:
    if value is None:
        return None
    if not isinstance(value, str):
        return _within(configuration, value) if isinstance(value, dict) else None
    return {_ENCRYPTED: sealed(configuration, value)}


def _shown(configuration: Settings, value: Any) -> Any:
    if isinstance(value, dict):
        if set(value) == {_ENCRYPTED}:
            return unsealed(configuration, value[_ENCRYPTED])
        return decrypted(configuration, value)
    return value
