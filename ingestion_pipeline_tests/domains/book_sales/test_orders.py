"""What an order may look like: both spellings of a member, with a payload around it or none."""

from typing import Any

import pytest

from ingestion_pipeline.domains.book_sales.land.orders import Order, parse_order
from ingestion_pipeline.foundation.errors import ContractError

TOKEN = "a-token-that-nobody-may-read"
PATH = "uploads/kdp-report.csv"


def _faults(body: Any, platform: str | None = None) -> dict[str, str]:
    with pytest.raises(ContractError) as refused:
        parse_order(body, platform=platform)
    return {fault.field: fault.message for fault in refused.value.errors}


@pytest.mark.parametrize(
    ("platform", "payload", "ours"),
    [
        ("gumroad", {"accessToken": TOKEN}, {"access_token": TOKEN}),
        ("gumroad", {"access_token": TOKEN, "after": "2026-01-01"},
         {"access_token": TOKEN, "after": "2026-01-01"}),
        ("kdp", {"storage_path": PATH}, {"storagePath": PATH}),
        ("amazon_kdp", {"storagePath": PATH}, {"storagePath": PATH}),
        ("kdp", {"uploadId": 7}, {"upload_id": 7}),
    ],
)  # fmt: skip
@pytest.mark.parametrize("spelling", ["scheduled_for", "scheduledFor"])
def test_every_spelling_at_every_door_is_one_order(
    platform: str, payload: dict[str, Any], ours: dict[str, Any], spelling: str
) -> None:
    rest = {"priority": 3, spelling: "2030-01-01T00:00:00Z"}
    orders = [
        parse_order({**payload, **rest}, platform=platform),
        parse_order({"payload": payload, **rest}, platform=platform),
        parse_order({"platform": platform, **payload, **rest}),
        parse_order({"platform": platform, "payload": payload, **rest}),
    ]
    assert [order.by_hand for order in orders] == [False, False, True, True]
    said = {(order.platform, order.priority, order.scheduled_for) for order in orders}
    assert len(said) == 1
    assert [order.payload for order in orders] == [ours] * 4


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"platform": "gumroad", "payload": {"access_token": TOKEN, "accessToken": TOKEN}},
         "payload.accessToken"),
        ({"platform": "gumroad", "access_token": TOKEN, "accessToken": TOKEN},
         "payload.accessToken"),
        ({"platform": "kdp", "payload": {"storagePath": PATH, "storage_path": "a.csv"}},
         "payload.storage_path"),
        ({"platform": "kdp", "payload": {"upload_id": 1, "uploadId": 2}}, "payload.uploadId"),
        ({"platform": "kdp", "payload": {}, "scheduledFor": "2030-01-01T00:00:00Z",
          "scheduled_for": "2031-01-01T00:00:00Z"}, "scheduledFor"),
    ],
)  # fmt: skip
def test_a_member_in_both_spellings_was_called_unknown(body: Any, field: str) -> None:
    [(at, said)] = _faults(body).items()
    assert at == field
    assert said.startswith("is another spelling of")
    assert TOKEN not in said


def test_of_two_reports_one_was_left_out_without_a_word() -> None:
    payload = {"storagePath": PATH, "upload_id": 1}
    assert list(_faults({"platform": "kdp", "payload": payload})) == ["payload.storagePath"]


def test_a_token_beside_a_payload_is_refused_unread() -> None:
    body = {"payload": {"accessToken": TOKEN}, "accessToken": TOKEN}
    assert _faults(body, "gumroad") == {"accessToken": "is unknown"}


def test_an_order_by_hand_names_what_it_orders() -> None:
    assert list(_faults({"platform": "kdp"})) == ["payload"]
    empty = parse_order({"platform": "kdp", "payload": {}})
    assert empty == Order("amazon_kdp", {})
