"""Secrets that are to be stored: encrypted under `CREDENTIAL_KEYS` (Fernet), and read again.

`CREDENTIAL_KEYS` holds keys with commas between: the first encrypts, all decrypt. To rotate, put a
new key in front and restart; what was encrypted under a key that is gone can't be read any more.
"""

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from ingestion_pipeline.foundation.errors import ConfigurationError
from ingestion_pipeline.foundation.settings import Settings


def new_key() -> str:
    """A key for `CREDENTIAL_KEYS`."""
    return Fernet.generate_key().decode()


def sealed(configuration: Settings, text: str) -> str:
    """A text as it is stored.

    Raises:
        ConfigurationError: there is no key, or it is none.
    """
    return _cipher(configuration).encrypt(text.encode()).decode()


def unsealed(configuration: Settings, text: str) -> str:
    """A stored text as it was.

    Raises:
        ConfigurationError: there is no key, or it is not the one.
    """
    try:
        return _cipher(configuration).decrypt(text).decode()
    except InvalidToken:
        raise ConfigurationError(
            "a credential was encrypted under a key that CREDENTIAL_KEYS no longer holds"
        ) from None


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
