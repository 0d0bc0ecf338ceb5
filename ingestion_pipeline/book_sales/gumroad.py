"""Gumroad's sales, from its API or a Ping: both make the same event of a sale, known by its id.

A sale is worth its price without Gumroad's fee and an affiliate's share; all in whole cents, so
amounts are exact. A refund, full or in part, is an event of its own beside the sale (`<id>:refund`)
on the day of the sale, because neither source says when it happened. What names or locates the
buyer is not kept.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from ingestion_pipeline.book_sales.contract import DAY, FREE, REFUND, SALE, Event, RowError

_KEPT = (
    "id", "sale_id", "created_at", "sale_timestamp", "product_name", "product_id",
    "product_permalink", "short_product_id", "permalink", "order_id", "order_number", "price",
    "gumroad_fee", "affiliate_credit_amount_cents", "currency", "currency_symbol", "quantity",
    "refunded", "partially_refunded", "amount_refundable_in_currency", "chargedback", "disputed",
    "dispute_won", "is_gift_receiver_purchase", "recurring_charge", "is_recurring_charge",
    "subscription_id", "resource_name", "test",
)  # fmt: skip
_SYMBOLS = {
    "$": "USD", "€": "EUR", "£": "GBP", "¥": "JPY", "₹": "INR", "₩": "KRW", "A$": "AUD",
    "CAD$": "CAD", "CA$": "CAD", "NZ$": "NZD", "R$": "BRL", "S$": "SGD", "HK$": "HKD",
    "NT$": "TWD", "CHF": "CHF", "R": "ZAR", "zł": "PLN", "₪": "ILS", "₱": "PHP",
}  # fmt: skip
_WITHOUT_CENTS = frozenset({"JPY", "KRW"})
_AMOUNT = re.compile(r"\d[\d,]*(?:\.\d+)?")


def events_of_sale(sale: Mapping[str, Any], *, row: int) -> list[Event]:
    """The events of a sale as the API tells it: the sale, and its refund if there was one.

    Raises:
        RowError: a field is missing or not of its type.
    """
    share = sale.get("affiliate")
    money = _currency(sale)
    affiliate = _shown(share.get("amount"), money) if isinstance(share, Mapping) else 0
    return _events(sale, _text("id", sale.get("id")), "created_at", affiliate=affiliate, row=row)


def events_of_ping(fields: Mapping[str, str]) -> list[Event]:
    """The events of a Ping; none for a purchase that was only a test.

    Raises:
        RowError: a field is missing or not of its type.
    """
    if _true(fields.get("test")):
        return []
    affiliate = _cents("affiliate_credit_amount_cents", fields.get("affiliate_credit_amount_cents"))
    sale_id = _text("sale_id", fields.get("sale_id"))
    return _events(fields, sale_id, "sale_timestamp", affiliate=affiliate, row=1)


def kept(sale: Mapping[str, Any]) -> dict[str, Any]:
    """What is kept of a sale: nothing that names, locates or authorizes anybody."""
    return {name: sale[name] for name in _KEPT if name in sale}


def _events(
    sale: Mapping[str, Any], sale_id: str, when: str, *, affiliate: int, row: int
) -> list[Event]:
    money = _currency(sale)
    price = _cents("price", sale.get("price"), needed=True)
    fee = _cents("gumroad_fee", sale.get("gumroad_fee"))
    quantity = _cents("quantity", sale.get("quantity"), default=1)
    occurred_at = _instant(when, sale.get(when))
    amount = _amount(price - fee - affiliate, money)
    common: dict[str, Any] = {
        "report": "sale", "occurred_at": occurred_at, "date_precision": DAY,
        "title": _text("product_name", sale.get("product_name")), "currency": money,
        "marketplace": "Gumroad", "list_price": _amount(price, money), "raw": kept(sale),
        "source_row": row,
    }  # fmt: skip
    event_type = SALE if price else FREE
    events = [
        Event(event_type=event_type, external_id=sale_id, quantity=quantity, amount=amount,
              **common)
    ]  # fmt: skip
    lost = _true(sale.get("chargedback")) and not _true(sale.get("dispute_won"))
    if _true(sale.get("refunded")) or lost or sale.get("resource_name") == "refund":
        events.append(
            Event(event_type=REFUND, external_id=f"{sale_id}:refund", quantity=-quantity,
                  amount=-amount, **common)
        )  # fmt: skip
    elif _true(sale.get("partially_refunded")):
        left = _shown(sale.get("amount_refundable_in_currency"), money)
        events.append(
            Event(event_type=REFUND, external_id=f"{sale_id}:refund", quantity=0,
                  amount=_amount(left - price, money), **common)
        )  # fmt: skip
    return events


def _currency(sale: Mapping[str, Any]) -> str:
    """USD unless the product says otherwise: a code in a Ping, a symbol in the API."""
    code = sale.get("currency")
    if isinstance(code, str) and re.fullmatch(r"[A-Za-z]{3}", code):
        return code.upper()
    symbol = sale.get("currency_symbol") or "$"
    if symbol not in _SYMBOLS:
        raise RowError("currency_symbol", f"{symbol!r} is none of {', '.join(_SYMBOLS)}")
    return _SYMBOLS[symbol]


def _amount(cents: int, money: str) -> Decimal:
    return Decimal(cents).scaleb(0 if money in _WITHOUT_CENTS else -2)


def _shown(text: object, money: str) -> int:
    """Cents of an amount as it is shown, for instance `$2.50`; nothing is 0."""
    found = _AMOUNT.search(str(text)) if text is not None else None
    if found is None:
        return 0
    amount = Decimal(found.group().replace(",", ""))
    return int(amount if money in _WITHOUT_CENTS else amount * 100)


def _cents(field: str, value: object, *, needed: bool = False, default: int = 0) -> int:
    if value is None or value == "":
        if needed:
            raise RowError(field, "is missing")
        return default
    if isinstance(value, bool) or not re.fullmatch(r"-?\d{1,10}", str(value)):
        raise RowError(field, "is not a whole number")
    return int(str(value))


def _text(field: str, value: object) -> str:
    if not isinstance(value, str) or not value.strip() or "\x00" in value or len(value) > 1000:
        raise RowError(field, "must be a text of 1 to 1000 characters")
    return value.strip()


def _instant(field: str, value: object) -> datetime:
    try:
        found = datetime.fromisoformat(str(value).replace(" UTC", "+00:00"))
    except ValueError:
        raise RowError(field, "is not an ISO 8601 instant") from None
    return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)


def _true(value: object) -> bool:
    return value is True or str(value).lower() in ("true", "1", "yes")
