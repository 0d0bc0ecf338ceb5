"""Sales of every kind that Gumroad's API tells of, for the fault `every_kind`; amounts in US cents.

A field says what it says at Gumroad (`antiwork/gumroad`, app/models/purchase.rb:596-757): the
display currency is in `currency_symbol` and in what is formatted, never in `price`.
"""

from typing import Any

_CURRENCIES = (("SGD$", "SGD$13"), ("ZAR", "ZAR180"), ("Kč", "Kč230"), ("₩", "₩13,900"))


def every_kind(created_at: str) -> list[dict[str, Any]]:
    """One sale of each kind, all of one time."""
    first = {"subscription_id": "sandbox-subscription==", "free_trial_ends_on": "Feb 12, 2026"}
    share = {"email": "affiliate@example.org", "amount": "$1.30"}
    in_euro = {"currency_symbol": "€", "formatted_display_price": "€10"}
    kinds: dict[str, dict[str, Any]] = {
        "affiliate": {"affiliate": share},
        "three-copies": {"price": 2997, "quantity": 3},
        "partly-refunded": {
            **in_euro, "price": 1100, "partially_refunded": True,
            "amount_refundable_in_currency": "7.50",
        },
        "disputed": {"disputed": True, "chargedback": True},
        "dispute-won": {"disputed": True, "dispute_won": True},
        "gift": {"is_gift_sender_purchase": True},
        "bundle": {"is_bundle_purchase": True},
        "bundle-part": {"is_bundle_product_purchase": True, "price": 0, "gumroad_fee": 0},
        "trial": {**first, "recurring_charge": False},
        "trial-charge": {**first, "recurring_charge": True},
        **{
            f"in-{symbol}": {"currency_symbol": symbol, "formatted_display_price": shown}
            for symbol, shown in _CURRENCIES
        },
    }  # fmt: skip
    return [_sale(name, created_at, values) for name, values in kinds.items()]


def _sale(name: str, created_at: str, values: dict[str, Any]) -> dict[str, Any]:
    sale: dict[str, Any] = {
        "id": f"sandbox-{name}==",
        "email": "buyer@example.org",
        "created_at": created_at,
        "product_name": f"A sale: {name}",
        "price": 1000,
        "gumroad_fee": 150,
        "currency_symbol": "$",
        "formatted_display_price": "$10",
        "refunded": False,
        "partially_refunded": False,
        "chargedback": False,
        "disputed": False,
        "dispute_won": False,
        "is_gift_sender_purchase": False,
        "is_gift_receiver_purchase": False,
        "quantity": 1,
    }
    return {**sale, **values}
