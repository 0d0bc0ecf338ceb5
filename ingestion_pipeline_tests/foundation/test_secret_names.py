"""What one of us calls a secret, all of us do: the three places once had a list each."""

import httpx
import pytest
from cryptography.fernet import Fernet
from pydantic import SecretStr

from ingestion_pipeline.domains.kpis.contract.reports import redacted
from ingestion_pipeline.foundation.credentials import encrypted
from ingestion_pipeline.foundation.secret_names import is_secret, is_secret_parameter
from ingestion_pipeline.foundation.settings import Settings
from ingestion_pipeline.foundation.upstreams.redaction import safe_url

SECRETS = [
    "token", "accessToken", "access_token", "X-Auth-Token", "refresh-token", "secret",
    "client_secret", "password", "passwd", "passphrase", "pwd", "credentials", "signature",
    "X-Signature", "cookie", "Set-Cookie", "session", "sessionId", "jwt", "authorization",
    "Proxy-Authorization", "oauth", "bearer", "api_key", "apiKey", "X-API-Key", "private_key",
    "privateKey", "access key", "subscription-key", "signing_key",
]  # fmt: skip
PLAIN = [
    "author",
    "authors",
    "authority",
    "cacheKey",
    "keyword",
    "monkey",
    "title",
    "kpiId",
    "design",
]


@pytest.mark.parametrize("name", SECRETS)
def test_a_name_that_one_place_called_secret_is_secret_to_all(name: str) -> None:
    keys = Settings(credential_keys=SecretStr(Fernet.generate_key().decode()))
    assert is_secret(name)
    assert is_secret_parameter(name)
    assert "s3cr3t" not in safe_url(httpx.URL("https://host/path", params={name: "s3cr3t-value"}))
    assert "s3cr3t" not in str(redacted({"error": {name: "s3cr3t-value"}}))
    assert "s3cr3t" not in str(redacted(f"GET https://host/?a=1&{name.replace(' ', '_')}=s3cr3t"))
    assert "s3cr3t" not in str(encrypted(keys, {"a": {name: "s3cr3t-value"}}))


@pytest.mark.parametrize("name", PLAIN)
def test_names_that_only_look_alike_are_kept(name: str) -> None:
    assert not is_secret(name)
    assert redacted({name: "value"}) == {name: "value"}


def test_key_and_sig_are_secrets_in_urls_only() -> None:
    assert redacted({"key": "timeseries:x", "url": "https://h/?key=s3cr3t&sig=s3cr3t"}) == {
        "key": "timeseries:x",
        "url": "https://h/?key=[redacted]&sig=[redacted]",
    }


def test_a_text_of_half_names_is_searched_in_no_time() -> None:
    text = "?" + "token" * 200_000
    assert redacted(text) == text
