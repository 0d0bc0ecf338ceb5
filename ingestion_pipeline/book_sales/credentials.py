"""Credentials in payloads, encrypted before they are stored.

`CREDENTIAL_KEYS` holds Fernet keys with commas between: the first encrypts, all decrypt. To rotate,
put a new key in front and restart; once no job that is still to run was recorded under the old
one, take that away. What was encrypted under a key that is gone fails for good, and says so.
"""

from collections.abc import Mapping
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from ingestion_pipeline.errors import ConfigurationError
from ingestion_pipeline.secret_names import is_secret
from ingestion_pipeline.settings import Settings

_ENCRYPTED = "encrypted"


def new_key() -> str:
    """A key for `CREDENTIAL_KEYS`."""
    return Fernet.generate_key().decode()


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
    return {_ENCRYPTED: _cipher(configuration).encrypt(value.encode()).decode()}


def _shown(configuration: Settings, value: Any) -> Any:
    if isinstance(value, dict):
        if set(value) == {_ENCRYPTED}:
            try:
                return _cipher(configuration).decrypt(value[_ENCRYPTED]).decode()
            except InvalidToken:
                raise ConfigurationError(
                    "a credential was encrypted under a key that CREDENTIAL_KEYS no longer holds"
                ) from None
        return decrypted(configuration, value)
    return value


def _cipher(configuration: Settings) -> MultiFernet:
    if configuration.credential_keys is None:
        raise ConfigurationError(
            "CREDENTIAL_KEYS is not set, so no credential can be stored; "
            "`ingestion-pipeline credential-key` makes one"
        )
    keys = [key.strip() for key in configuration.credential_keys.get_secret_value().split(",")]
    try:
        return MultiFernet([Fernet(key) for key in keys if key])
    except ValueError:
        raise ConfigurationError("CREDENTIAL_KEYS: a key is not a Fernet key") from None
