"""What Retry-After means, and what redaction leaves."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestion_pipeline.foundation.upstreams import redaction
from ingestion_pipeline.foundation.upstreams.retries import retry_after

CAP = timedelta(minutes=5)
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def http_date(moment: datetime) -> str:
    return format_datetime(moment, usegmt=True)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("7", 7),
        (" 7 ", 7),
        ("0", None),
        ("3600", 300),
        ("9" * 5000, 300),
        ("-1", None),
        ("1.5", None),
        ("soon", None),
        ("", None),
        ("٧", None),
        (http_date(NOON + timedelta(seconds=9)), 9),
        (http_date(NOON - timedelta(seconds=9)), None),
        (http_date(NOON + timedelta(days=9)), 300),
    ],
)
def test_retry_after_is_seconds_or_a_date_and_is_capped(value: str, seconds: int | None) -> None:
    # The answer's own clock counts: ours may be years off.
    headers = {"retry-after": value, "date": http_date(NOON)}
    wanted = None if seconds is None else timedelta(seconds=seconds)
    assert retry_after(headers, cap=CAP) == wanted


@given(st.text(), st.text())
def test_no_header_makes_it_fail(value: str, date: str) -> None:
    wanted = retry_after({"retry-after": value, "date": date}, cap=CAP)
    assert wanted is None or timedelta(0) < wanted <= CAP


def test_urls_keep_everything_but_the_secrets() -> None:
    url = httpx.URL("https://me:hunter2@there/a/b?api_key=k-1&series=GDP&access_token=t-1&page=2")
    assert (
        redaction.safe_url(url)
        == "https://there/a/b?api_key=[redacted]&series=GDP&access_token=[redacted]&page=2"
    )
    assert redaction.secrets_in(url) == {"k-1", "t-1", "hunter2"}
    assert redaction.safe_url(httpx.URL("https://there/a")) == "https://there/a"


def test_a_secret_is_found_with_and_without_its_scheme() -> None:
    secrets = redaction.secrets_of(
        {"Authorization": "Bearer abc-123", "Accept": "application/json"}
    )
    text = "no such key: abc-123 (in Bearer abc-123); accept application/json"
    assert redaction.without(text, secrets) == (
        "no such key: [redacted] (in [redacted]); accept application/json"
    )
