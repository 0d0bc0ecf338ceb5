"""Who signed a webhook: this project's own scheme, and Standard Webhooks.

Own: `X-Timestamp` (unix seconds, ten digits) and `X-Signature: sha256=` + hex of
HMAC-SHA256(secret, timestamp + "." + body). Standard Webhooks (standardwebhooks.com): `webhook-id`,
`webhook-timestamp`, and `webhook-signature: v1,` + base64 of
HMAC-SHA256(secret, id + "." + timestamp + "." + body).

Signing the timestamp keeps a captured request from being replayed later. Several signatures may
be sent, and several secrets be configured, so that a secret can be changed without a gap.
"""

import base64
import binascii
import hmac
import re
from collections.abc import Mapping, Sequence

WINDOW_SECONDS = 300

_SHORT = 16_384  # bytes

_TIMESTAMP = re.compile(r"[0-9]{10}")
_OWN = re.compile(r"sha256=([0-9a-f]{64})")
_STANDARD = re.compile(r"v1,([A-Za-z0-9+/]{43}=)")
_STANDARD_ID = re.compile(r"[\x21-\x7e]{1,255}")
_BASE64_SECRET = "whsec_"  # noqa: S105  (a prefix)


def is_signed(
    headers: Mapping[str, str], body: bytes, *, secrets: Sequence[str], now: float
) -> bool:
    """Whether the headers carry a signature of the body by one of the secrets, of now.

    Args:
        headers: by lower-case name.
        body: as it came, byte by byte.
        secrets: as UTF-8 text; one that begins with `whsec_` is base64 after it.
        now: unix seconds; a signature may be `WINDOW_SECONDS` older or newer, inclusive.
    """
    if "webhook-signature" in headers:
        identity = headers.get("webhook-id", "")
        timestamp = headers.get("webhook-timestamp", "")
        given = [
            match[1] for match in map(_STANDARD.fullmatch, headers["webhook-signature"].split(" "))
            if match
        ]  # fmt: skip
        if not _STANDARD_ID.fullmatch(identity):
            return False
        prefix, encode = f"{identity}.{timestamp}.", _base64
    else:
        timestamp = headers.get("x-timestamp", "")
        parts = headers.get("x-signature", "").split(",")
        given = [match[1] for match in map(_OWN.fullmatch, map(str.strip, parts)) if match]
        prefix, encode = f"{timestamp}.", _hexadecimal
    if not _TIMESTAMP.fullmatch(timestamp) or abs(now - int(timestamp)) > WINDOW_SECONDS:
        return False
    signed = prefix.encode() + body
    expected = [encode(_digest(key_of(secret), signed)) for secret in secrets]
    # All are compared, whichever matches, so that time tells nothing.
    matches = [hmac.compare_digest(mine, theirs) for mine in expected for theirs in given]
    return any(matches)


def key_of(secret: str) -> bytes:
    """The bytes of a secret.

    Raises:
        ValueError: what follows `whsec_` is not base64.
    """
    if not secret.startswith(_BASE64_SECRET):
        return secret.encode()
    try:
        return base64.b64decode(secret.removeprefix(_BASE64_SECRET), validate=True)
    except binascii.Error as error:
        raise ValueError("a secret that begins with whsec_ must go on in base64") from error


def _digest(key: bytes, signed: bytes) -> bytes:
    if len(signed) < _SHORT:
        return hmac.digest(key, signed, "sha256")
    return hmac.new(key, signed, "sha256").digest()  # which lets other threads go on


def _hexadecimal(digest: bytes) -> str:
    return digest.hex()


def _base64(digest: bytes) -> str:
    return base64.b64encode(digest).decode()
