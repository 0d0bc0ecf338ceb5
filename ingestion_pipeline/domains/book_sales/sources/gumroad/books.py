"""The books of a sale at Gumroad: which events it comes to, from all that is known of it.

A sale is worth its price without Gumroad's fee and an affiliate's share (purchase.rb:1284-1289). A
refund is an event of its own beside it (`<id>:refund`) on the day of the sale, because nothing says
when it happened: there is one, however many there were, and it says what they come to. Once all is
refunded, or while a dispute is not won, it is what was earned.

Tellings are joined, not played back: nothing takes a refund or a dispute back, so whatever order
they arrive in, the books come out the same. Time matters for one thing only: whether the API was
asked after the last partial refund that a Ping told of, because only the API says the amount.
"""

from collections.abc import Sequence
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from ingestion_pipeline.domains.book_sales.contract.events import DAY, FREE, REFUND, SALE, Event
from ingestion_pipeline.domains.book_sales.sources.gumroad.sales import (
    API,
    BUNDLE_PART,
    PING,
    RECEIVER,
    Telling,
)

_CURRENCY = "USD"
_PLACES = Decimal("0.0001")


def events_of(
    tellings: Sequence[Telling], *, of_receiver: Sequence[Telling] = (), given: bool = False
) -> list[Event]:
    """The events of a sale, none where it is no sale.

    Args:
        of_receiver: of a gift, what is told of it as the receiver's purchase: the giver gets no
            Pings (purchase.rb:2219-2225), so a refund may be told there only.
        given: it is a gift's receiver's, and the giver's purchase is known: that one is the sale.
    """
    # No Ping says "part of a bundle"; whoever says so is right.
    if given or any(telling.nothing_sold == BUNDLE_PART for telling in tellings):
        return []
    sold = [telling for telling in tellings if telling.nothing_sold is None]
    if not sold:
        return []
    base = max(sold, key=lambda telling: (telling.source == API, telling.told_at))
    as_of = max(telling.told_at for telling in sold)
    if any(telling.trial for telling in sold) or base.price == 0:
        return [_event(base, FREE, amount=Decimal(0), as_of=as_of)]
    earned, sure = _earned(base, sold)
    sale = _event(base, SALE, amount=earned, as_of=as_of, provisional=not sure)
    refund = _refund(sale, [*sold, *of_receiver])
    return [sale, refund] if refund else [sale]


def _earned(base: Telling, sold: Sequence[Telling]) -> tuple[Decimal | None, bool]:
    """What the author earns, and whether nothing is missing of it."""
    if base.price is None:  # a gift, and nobody has told what was paid
        return None, False
    newest = sorted(sold, key=lambda telling: (telling is base, telling.told_at), reverse=True)
    fee = next((each.fee for each in newest if each.fee is not None), None)
    share = next((each.affiliate for each in newest if each.affiliate is not None), None)
    of_giver_unknown = base.gift == RECEIVER and not fee  # the receiver's own fee is 0
    sure = not (fee is None or of_giver_unknown or base.may_be_trial or base.incomplete)
    return Decimal(base.price - (fee or 0) - (share or 0)).scaleb(-2), sure


def _refund(sale: Event, tellings: Sequence[Telling]) -> Event | None:
    refunded = any(telling.refunded for telling in tellings)
    disputed = any(telling.disputed for telling in tellings)
    won = any(telling.dispute_won for telling in tellings)
    if refunded or (disputed and not won):
        amount = -sale.amount if sale.amount is not None else None
        return _beside(sale, quantity=-sale.quantity, amount=amount, provisional=sale.provisional)
    partial = [telling for telling in tellings if telling.partly_refunded]
    if not partial:
        return None
    known = [each for each in partial if each.source == API and each.refund is not None]
    if not known:
        return _beside(sale, quantity=0, amount=None, provisional=True)
    newest = max(known, key=lambda telling: telling.told_at)
    later = any(each.source == PING and each.told_at > newest.told_at for each in partial)
    assert newest.refund is not None  # noqa: S101 - `known` has none of these
    refund = Decimal(-newest.refund).scaleb(-2)
    return _beside(sale, quantity=0, amount=refund, provisional=later)


def _event(
    base: Telling, event_type: str, *, amount: Decimal | None, as_of: datetime,
    provisional: bool = False,
) -> Event:  # fmt: skip
    of_one = None if base.price is None else Decimal(base.price).scaleb(-2) / base.quantity
    return Event(
        event_type=event_type, report="sale", external_id=base.sale_id, occurred_at=base.sold_at,
        date_precision=DAY, title=base.title, quantity=base.quantity, amount=amount,
        currency=_CURRENCY, raw=base.raw, source_row=1, marketplace="Gumroad",
        list_price=None if of_one is None else of_one.quantize(_PLACES, rounding=ROUND_HALF_UP),
        provisional=provisional, as_of=as_of,
    )  # fmt: skip


def _beside(sale: Event, *, quantity: int, amount: Decimal | None, provisional: bool) -> Event:
    """The refund of a sale."""
    changed: dict[str, Any] = {
        "event_type": REFUND, "external_id": refund_id(sale.external_id), "quantity": quantity,
        "amount": amount, "provisional": provisional,
    }  # fmt: skip
    return Event(**{**vars(sale), **changed})


def refund_id(sale_id: str) -> str:
    """The id of a sale's refund."""
    return f"{sale_id}:refund"
