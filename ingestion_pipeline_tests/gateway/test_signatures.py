"""Signatures: both schemes, against published vectors and against the reference library."""

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks.webhooks import Webhook

from ingestion_pipeline.gateway.trust.signatures import is_signed, key_of

NOW = 1_700_000_000
SECRET = "correct horse"
BODY = b'{"event_type": "market.fundamentals.upsert"}'
SHARED = Path(__file__).parents[3] / "shared" / "contracts" / "vectors" / "signatures.json"
VECTORS: dict[str, Any] = json.loads(SHARED.read_text()) if SHARED.exists() else {}
needs_vectors = pytest.mark.skipif(not VECTORS, reason="the shared vectors are not here")


def own(body: bytes = BODY, *, secret: str = SECRET, timestamp: str = str(NOW)) -> dict[str, str]:
    digest = hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    return {"x-timestamp": timestamp, "x-signature": f"sha256={digest}"}


def accepts(headers: dict[str, str], body: bytes = BODY, *, now: float = NOW) -> bool:
    return is_signed(headers, body, secrets=[SECRET], now=now)


def test_a_signature_of_now_is_accepted_and_of_another_body_or_secret_is_not() -> None:
    assert accepts(own())
    assert not accepts(own(), BODY + b" ")
    assert not accepts(own(secret="wrong"))
    assert not is_signed(own(), BODY, secrets=[], now=NOW)


@pytest.mark.parametrize(
    ("age", "expected"), [(300, True), (-300, True), (301, False), (-301, False)]
)
def test_the_window_is_five_minutes_both_ways_inclusive(age: int, expected: bool) -> None:
    assert accepts(own(), now=NOW + age) is expected


def test_signing_the_body_alone_is_refused() -> None:
    digest = hmac.new(SECRET.encode(), BODY, hashlib.sha256).hexdigest()
    assert not accepts({"x-timestamp": str(NOW), "x-signature": f"sha256={digest}"})


def test_a_secret_can_be_changed_without_a_gap() -> None:
    old, new = own(secret="old"), own(secret="new")
    both = {**old, "x-signature": f"{old['x-signature']}, {new['x-signature']}"}
    assert is_signed(both, BODY, secrets=["new"], now=NOW)
    assert is_signed(old, BODY, secrets=["new", "old"], now=NOW)


@pytest.mark.parametrize(
    "timestamp",
    ["", "abc", f"{NOW}.0", "1.7e9", f"+{NOW}", f" {NOW}", f"{NOW}0", f"-{NOW}", "١٧٠٠٠٠٠٠٠٠"],
)
def test_a_malformed_timestamp_is_refused_even_if_it_is_signed(timestamp: str) -> None:
    assert not accepts(own(timestamp=timestamp))


def test_a_malformed_signature_is_refused() -> None:
    good = own()["x-signature"]
    bare = good.removeprefix("sha256=")
    for wrong in ("", bare, f"sha1={bare}", good.upper(), f"sha256={bare.upper()}", good[:-1],
                  f"{good}0", "sha256=", "sha256=zz"):  # fmt: skip
        assert not accepts({**own(), "x-signature": wrong}), wrong


NAMES = ["x-timestamp", "x-signature", "webhook-id", "webhook-timestamp", "webhook-signature"]


@given(
    headers=st.dictionaries(st.sampled_from(NAMES), st.text(max_size=100)),
    body=st.binary(max_size=50),
)
def test_no_header_makes_it_fail(headers: dict[str, str], body: bytes) -> None:
    assert is_signed(headers, body, secrets=[SECRET], now=NOW) is False


@given(key=st.binary(min_size=1, max_size=64), body=st.text(max_size=200))
def test_standard_webhooks_of_the_reference_library_are_accepted(key: bytes, body: str) -> None:
    secret = "whsec_" + base64.b64encode(key).decode()
    other = "whsec_" + base64.b64encode(key + b"x").decode()
    signature = Webhook(secret).sign("msg_1", datetime.fromtimestamp(NOW, UTC), body)
    headers = {
        "webhook-id": "msg_1", "webhook-timestamp": str(NOW),
        "webhook-signature": f"v1a,of-a-later-version {signature}",
    }  # fmt: skip
    assert is_signed(headers, body.encode(), secrets=[secret], now=NOW)
    assert not is_signed(headers, body.encode(), secrets=[other], now=NOW)
    assert not is_signed(
        {**headers, "webhook-id": "msg_2"}, body.encode(), secrets=[secret], now=NOW
    )


def test_a_secret_that_is_no_base64_after_its_prefix_is_named() -> None:
    with pytest.raises(ValueError, match="base64"):
        key_of("whsec_not base64")


@needs_vectors
@pytest.mark.parametrize("case", VECTORS.get("scheme", []), ids=lambda case: case.get("why", "now"))
def test_shared_vectors_of_our_scheme(case: dict[str, Any]) -> None:
    headers = {"x-timestamp": case["timestamp"], "x-signature": case["header"]}
    accepted = is_signed(headers, case["body"].encode(), secrets=[case["secret"]], now=case["now"])
    assert accepted is case["accept"]


@needs_vectors
def test_shared_vectors_of_standard_webhooks() -> None:
    [case] = [case for case in VECTORS["published"] if "headers" in case]
    now = int(case["headers"]["webhook-timestamp"])
    for signature in [case["signature"], *case["must_fail"]]:
        headers = {**case["headers"], "webhook-signature": signature}
        accepted = is_signed(headers, case["body"].encode(), secrets=[case["secret"]], now=now)
        assert accepted is (signature == case["signature"]), signature


@needs_vectors
def test_shared_malformed_headers() -> None:
    good = VECTORS["scheme"][0]
    headers = {"x-timestamp": good["timestamp"], "x-signature": good["header"]}
    for name, values in VECTORS["malformed_headers"].items():
        for value in values if name != "expect" else []:
            wrong = {**headers, name.lower(): value}
            assert not is_signed(
                wrong, good["body"].encode(), secrets=[good["secret"]], now=good["now"]
            )
