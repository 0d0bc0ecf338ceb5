"""What Gumroad tells of a sale, by a Ping or by its API: what is kept of it, and how it reads.

Gumroad's source is public, and is the source of the formats here (`antiwork/gumroad` at 8c16285):

    app/modules/purchase/ping_notification.rb:4-84   the fields of a Ping
    app/models/purchase.rb:596-757                   the fields of a sale in the API (`as_json`)

Amounts (`price`, `gumroad_fee`, `affiliate_credit_amount_cents`, `gift_price`) are US cents
whatever `currency` and `currency_symbol` say: those name the currency that the product is shown in
(purchase.rb:1669: price_cents = displayed_price_usd_cents). `price` is of all copies, with the
shipping, the tip and a tax that the seller owes (purchase.rb:2691-2695). A telling is one Ping or
one record; which events a sale comes to is in `gumroad_books.py`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from ingestion_pipeline.book_sales.contract import RowError

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
_TRUE = frozenset({"true", "1", "yes", "t", "on"})
_FALSE = frozenset({"", "false", "0", "no", "f", "off"})
# What has been true of a sale once stays true: nothing takes a refund back.
_LASTING = ("refunded", "disputed", "dispute_won")
_NUMBER = r"(?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)(?:\.[0-9]+)?"
_BARE = re.compile(_NUMBER)
_SHOWN = re.compile(rf"(?<![0-9.,])({_NUMBER})(?![0-9]|[.,][0-9])")
_DOLLARS = re.compile(r"(?:US)?\$?((?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)(?:\.[0-9]{1,2})?)")
_MOST_CENTS = 10**10
_MOST_COPIES = 2**31 - 1
_AHEAD = timedelta(days=1)  # what clocks may differ by


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
        sale_id=_text("sale_id", fields.get("sale_id")), source=PING, told_at=told_at,
        sold_at=_instant("sale_timestamp", fields.get("sale_timestamp")),
        affiliate=_cents(fields, "affiliate_credit_amount_cents"),
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
        sale_id=_text("id", sale.get("id")), source=API, told_at=told_at,
        sold_at=_instant("created_at", sale.get("created_at")),
        affiliate=_dollars(share.get("amount")) if isinstance(share, Mapping) else None,
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
    price = _cents(said, "price", needed=True)
    if gift == RECEIVER:
        price = _cents(said, "gift_price") if said.get("gift_price") is not None else price or None
    product = said.get("product_id")
    return {
        "title": _text("product_name", said.get("product_name")),
        "product_id": str(product) if product else None,
        "price": price,
        "fee": _cents(said, "gumroad_fee"),
        "quantity": _copies(said),
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
    left, price = sale.get("amount_refundable_in_currency"), _cents(sale, "price")
    if left is None or not price:
        return None
    if not _BARE.fullmatch(str(left).strip()):
        raise RowError("amount_refundable_in_currency", "is not an amount")
    whole = Decimal(price).scaleb(-2) if sale.get("currency_symbol") == "$" else _shown_price(sale)
    if not whole:
        return None
    refundable = Decimal(str(left).strip().replace(",", ""))
    refund = (price * (1 - refundable / whole)).quantize(Decimal(1), rounding=ROUND_HALF_UP)
    return min(int(refund), price) if refund > 0 else None


def _shown_price(sale: Mapping[str, Any]) -> Decimal | None:
    """The price of all copies in the product's currency: `€10`, `R$1,234.50`, `€10 a month`."""
    for name in ("formatted_total_price", "formatted_display_price"):
        if (text := sale.get(name)) is not None:
            found = _SHOWN.search(str(text))
            if found is None:
                raise RowError(name, "has no amount")
            return Decimal(found.group(1).replace(",", ""))
    return None


def _dollars(value: object) -> int | None:
    """US cents of a text such as `$1.30` (purchase.rb:732-737)."""
    if value is None:
        return None
    found = _DOLLARS.fullmatch(str(value).strip())
    if isinstance(value, bool) or found is None or len(found.group(1)) > 13:
        raise RowError("affiliate.amount", "is not an amount of US dollars")
    return int(Decimal(found.group(1).replace(",", "")) * 100)


def _cents(said: Mapping[str, Any], name: str, *, needed: bool = False) -> int | None:
    value = said.get(name)
    if value is None or value == "":
        if needed:
            raise RowError(name, "is missing")
        return None
    return _whole(name, value, most=_MOST_CENTS)


def _copies(said: Mapping[str, Any]) -> int:
    value = said.get("quantity")
    number = 1 if value is None or value == "" else _whole("quantity", value, most=_MOST_COPIES)
    if number == 0:
        raise RowError("quantity", "must be 1 or more")
    return number


def _whole(name: str, value: object, *, most: int) -> int:
    text = str(value).strip()
    if isinstance(value, bool) or not re.fullmatch(r"[0-9]{1,19}(?:\.0+)?", text):
        raise RowError(name, "is not a whole number of 0 or more")
    number = int(text.partition(".")[0])
    if number > most:
        raise RowError(name, f"is more than {most}")
    return number


def _text(name: str, value: object) -> str:
    if not isinstance(value, str) or not value.strip() or "\x00" in value or len(value) > 1000:
        raise RowError(name, "must be a text of 1 to 1000 characters")
    return value.strip()


def _instant(name: str, value: object) -> datetime:
    try:
        found = datetime.fromisoformat(str(value).replace(" UTC", "+00:00"))
        instant = found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise RowError(name, "is not an ISO 8601 instant") from None
    if instant > datetime.now(UTC) + _AHEAD:
        raise RowError(name, "is in the future")
    return instant


def flag(said: Mapping[str, Any], name: str) -> bool:
    """A boolean as JSON has it, or as a form writes it; what is not there is false.

    Raises:
        RowError: it is neither true nor false.
    """
    value = said.get(name)
    text = "" if value is None else str(value).strip().lower()
    if text in _TRUE:
        return True
    if text in _FALSE:
        return False
    raise RowError(name, "is neither true nor false")
