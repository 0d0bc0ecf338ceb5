"""Secrets that are to be stored: encrypted under `CREDENTIAL_KEYS` (Fernet), and read again.

`CREDENTIAL_KEYS` holds keys with commas between: the first encrypts, all decrypt. To rotate, put a
new key in front and restart; what was encrypted under a key that is gone can't be read any more.
"""

import base64

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

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


def cipher_for(configuration: Settings, purpose: str) -> MultiFernet:
    """What encrypts for another purpose, under keys that are made of those of `CREDENTIAL_KEYS`.

    What is under them can't be taken for a credential, or for what is of another purpose
    (HKDF, RFC 5869). All processes that have the same keys read each other's.

    Raises:
        ConfigurationError: there is no key, or it is none.
    """
    return MultiFernet([Fernet(_derived(key, purpose)) for key in _keys(configuration)])


def _derived(key: str, purpose: str) -> bytes:
    kdf = HKDF(algorithm=SHA256(), length=32, salt=None, info=purpose.encode())
    return base64.urlsafe_b64encode(kdf.derive(base64.urlsafe_b64decode(key)))


def _cipher(configuration: Settings) -> MultiFernet:
    return MultiFernet([Fernet(key) for key in _keys(configuration)])


def _keys(configuration: Settings) -> list[str]:
    if configuration.credential_keys is None:
        raise ConfigurationError(
            "CREDENTIAL_KEYS is not set, so no credential can be stored; "
            "`ingestion-pipeline credential-key` makes one"
        )
    keys = [key.strip() for key in configuration.credential_keys.get_secret_value().split(",")]
    try:
        found = [key for key in keys if key and Fernet(key)]
        MultiFernet([Fernet(key) for key in found])
    except ValueError:
        raise ConfigurationError("CREDENTIAL_KEYS: a key is not a Fernet key") from None
    return found
