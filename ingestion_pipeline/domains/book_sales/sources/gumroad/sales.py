"""What Gumroad tells of a sale, by a Ping or by its API: what is kept of it, and how it reads.

Gumroad's source is public, and is the source of the formats here (`antiwork/gumroad` at 8c16285):

    app/modules/purchase/ping_notification.rb:4-84   the fields of a Ping
    app/models/purchase.rb:596-757                   the fields of a sale in the API (`as_json`)

Amounts (`price`, `gumroad_fee`, `affiliate_credit_amount_cents`, `gift_price`) are US cents
whatever `currency` and `currency_symbol` say: those name the currency that the product is shown in
(purchase.rb:1669: price_cents = displayed_price_usd_cents). `price` is of all copies, with the
shipping, the tip and a tax that the seller owes (purchase.rb:2691-2695). A telling is one Ping or
one record; which events a sale comes to is in `books.py`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from ingestion_pipeline.domains.book_sales.contract.events import Parsed
from ingestion_pipeline.domains.book_sales.sources.gumroad.fields import (
    bare_amount,
    cents,
    copies,
    dollars,
    flag,
    instant,
    shown_amount,
    text_of,
)

PING, API = "ping", "api"
GIVER, RECEIVER = "giver", "receiver"
TEST, PREORDER, BUNDLE_PART = "a test", "the authorization of a preorder", "a part of a bundle"

_KEPT = (
    "id", "sale_id", "created_at", "sale_timestamp", "product_name", "product_id",
    "product_permalink", "short_product_id", "permalink", "order_id", "order_number", "price",
    "gumroad_fee", "affiliate_credit_amount_cents", "currency", "currency_symbol", "quantity",
    "formatted_display_price", "formatted_total_price",
    "refunded", "partially_refunded", "amount_refundable_in_currency", "chargedback", "disputed",
    "dispute_won", "is_gift_sender_purchase", "is_gift_receiver_purchase", "gift_price",
    "is_preorder_authorization", "is_bundle_purchase", "is_bundle_product_purchase",
    "recurring_charge", "is_recurring_charge", "subscription_id", "free_trial_ends_on",
    "free_trial_ended", "resource_name", "test",
)  # fmt: skip
# What has been true of a sale once stays true: nothing takes a refund back.
_LASTING = ("refunded", "disputed", "dispute_won")


@dataclass(frozen=True)
class Telling:
    """What one Ping or one record of the API says of a sale; amounts in US cents.

    Attributes:
        told_at: when a Ping came in, or when the API was asked.
        price: of all copies; of a gift's receiver what the giver paid, None where it isn't said.
        fee, affiliate: None where it is not said.
        refund: what was refunded in part so far; None where it is not said.
        nothing_sold: why it is no sale of its own: `TEST`, `PREORDER`, `BUNDLE_PART`.
        trial: a free trial: nobody was charged.
        may_be_trial: nobody can tell from this whether it is a trial.
        incomplete: a part of the money was lost when it was stored by an earlier version.
    """

    sale_id: str
    source: str
    told_at: datetime
    sold_at: datetime
    title: str
    product_id: str | None
    price: int | None
    fee: int | None
    affiliate: int | None
    quantity: int
    refunded: bool
    partly_refunded: bool
    refund: int | None
    disputed: bool
    dispute_won: bool
    gift: str | None
    nothing_sold: str | None
    trial: bool
    may_be_trial: bool
    incomplete: bool
    raw: Mapping[str, Any] = field(repr=False)


def read_ping(fields: Mapping[str, Any], *, told_at: datetime) -> Telling:
    """What a Ping says.

    `resource_name` is `refund` for every refund, full and partial; `refunded` is true once all is
    refunded (ping_notification.rb:75; refundable.rb:180). A Ping does not say whether the first
    purchase of a subscription is a free trial.

    Raises:
        RowError: a field is missing or not of its type.
    """
    resource = fields.get("resource_name") or "sale"
    refunded, gift = flag(fields, "refunded"), _gift(fields)
    subscribed = bool(fields.get("subscription_id"))
    return Telling(
        sale_id=text_of("sale_id", fields.get("sale_id")), source=PING, told_at=told_at,
        sold_at=instant("sale_timestamp", fields.get("sale_timestamp")),
        affiliate=cents(fields, "affiliate_credit_amount_cents"),
        refunded=refunded, partly_refunded=resource == "refund" and not refunded, refund=None,
        disputed=flag(fields, "disputed") or flag(fields, "chargedback") or resource == "dispute",
        dispute_won=flag(fields, "dispute_won") or resource == "dispute_won",
        trial=False, incomplete=False,
        may_be_trial=subscribed and not flag(fields, "is_recurring_charge") and gift is None,
        **_common(fields, gift),
    )  # fmt: skip


def read_sale(sale: Mapping[str, Any], *, told_at: datetime, complete: bool = True) -> Telling:
    """What a record of the API says.

    The API lists a free trial with its price though nobody was charged (purchase.rb:555-561): it is
    the purchase of a subscription with `free_trial_ends_on` that is no `recurring_charge`
    (purchase.rb:701-709). `disputed` stays true when `dispute_won`, `chargedback` does not
    (purchase.rb:639, 664-665).

    Args:
        complete: False for what an earlier version stored, which kept less.

    Raises:
        RowError: a field is missing or not of its type.
    """
    gift = _gift(sale)
    first = bool(sale.get("subscription_id")) and not flag(sale, "recurring_charge")
    refunded, partly = flag(sale, "refunded"), flag(sale, "partially_refunded")
    share = sale.get("affiliate")
    return Telling(
        sale_id=text_of("id", sale.get("id")), source=API, told_at=told_at,
        sold_at=instant("created_at", sale.get("created_at")),
        affiliate=dollars(share.get("amount")) if isinstance(share, Mapping) else None,
        refunded=refunded, partly_refunded=partly and not refunded,
        refund=_refund(sale) if partly and not refunded else None,
        disputed=flag(sale, "disputed") or flag(sale, "chargedback"),
        dispute_won=flag(sale, "dispute_won"),
        trial=bool(sale.get("free_trial_ends_on")) and not flag(sale, "recurring_charge"),
        may_be_trial=first and not complete,
        incomplete=isinstance(share, Mapping) and flag(share, "cents_lost"),
        **_common(sale, gift),
    )  # fmt: skip


def _common(said: Mapping[str, Any], gift: str | None) -> dict[str, Any]:
    """What Pings and records say alike."""
    price = cents(said, "price", needed=True)
    if gift == RECEIVER:
        price = cents(said, "gift_price") if said.get("gift_price") is not None else price or None
    product = said.get("product_id")
    return {
        "title": text_of("product_name", said.get("product_name")),
        "product_id": str(product) if product else None,
        "price": price,
        "fee": cents(said, "gumroad_fee"),
        "quantity": copies(said),
        "gift": gift,
        "nothing_sold": _nothing_sold(said),
        "raw": kept(said),
    }


def kept(sale: Mapping[str, Any]) -> dict[str, Any]:
    """What is kept of a telling: nothing that names, locates or authorizes anybody."""
    found = {
        name: value.replace("\x00", "") if isinstance(value, str) else value
        for name in _KEPT
        if (value := sale.get(name)) is not None and not isinstance(value, (dict, list))
    }
    share = sale.get("affiliate")
    if isinstance(share, Mapping):  # in a Ping it is an address
        names = ("amount", "cents_lost")
        found["affiliate"] = {name: share[name] for name in names if share.get(name) is not None}
    return found


def merged(older: Mapping[str, Any], newer: Mapping[str, Any]) -> dict[str, Any]:
    """Two records of a sale as one: the newer one's fields, and what it leaves out of the older's.

    The API leaves out what is null, so a field that is not there says nothing.
    """
    lasting = {name: True for name in _LASTING if flag(older, name) or flag(newer, name)}
    return {**older, **newer, **lasting}


def _gift(said: Mapping[str, Any]) -> str | None:
    if flag(said, "is_gift_receiver_purchase"):
        return RECEIVER
    return GIVER if flag(said, "is_gift_sender_purchase") else None


def _nothing_sold(said: Mapping[str, Any]) -> str | None:
    """Why a purchase is no sale: a test Ping even repeats a genuine sale (user/ping_…rb:4-20)."""
    if flag(said, "test"):
        return TEST
    if flag(said, "is_preorder_authorization"):
        return PREORDER
    return BUNDLE_PART if flag(said, "is_bundle_product_purchase") else None


def _refund(sale: Mapping[str, Any]) -> int | None:
    """US cents of a partial refund: price × (1 − refundable ÷ price), both in the product's
    currency (purchase.rb:1509-1512). None: the record does not say enough.
    """
    left, price = sale.get("amount_refundable_in_currency"), cents(sale, "price")
    if left is None or not price:
        return None
    refundable = bare_amount("amount_refundable_in_currency", left)
    whole = Decimal(price).scaleb(-2) if sale.get("currency_symbol") == "$" else _shown_price(sale)
    if not whole:
        return None
    refund = (price * (1 - refundable / whole)).quantize(Decimal(1), rounding=ROUND_HALF_UP)
    return min(int(refund), price) if refund > 0 else None


def _shown_price(sale: Mapping[str, Any]) -> Decimal | None:
    """The price of all copies in the product's currency."""
    for name in ("formatted_total_price", "formatted_display_price"):
        if (shown := sale.get(name)) is not None:
            return shown_amount(name, shown)
    return None


@dataclass
class Told(Parsed):
    """What became known: of which sales, and what could not be read."""

    sale_ids: list[str] = field(default_factory=list)
