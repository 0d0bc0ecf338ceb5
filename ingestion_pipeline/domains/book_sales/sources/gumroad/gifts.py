"""Gifts: one paid copy, and two purchases that tell of it.

The giver's has the money, and is in the API, which leaves the receiver's out; Pings tell of the
receiver's only (`antiwork/gumroad`: app/models/purchase.rb:41 and 555-561, 2208-2225). Neither
names the other, and who the two are is not kept. They are made within one order: the same product,
the same price, the same number of copies, at nearly the same time.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from datetime import timedelta

from ingestion_pipeline.domains.book_sales.sources.gumroad.sales import GIVER, RECEIVER, Telling

APART = timedelta(hours=1)  # at most; the buyer's bank may ask for a confirmation in between


def pairs(told: Mapping[str, Sequence[Telling]]) -> dict[str, str]:
    """The giver's sale of each receiver's purchase whose giver's is known; both by id.

    Args:
        told: tellings by sale. The order of arrival does not matter.
    """
    halves = [_half(tellings) for tellings in told.values()]
    givers = sorted(
        (half for half in halves if half is not None and half.gift == GIVER),
        key=lambda giver: giver.sold_at,
    )
    times = [giver.sold_at for giver in givers]
    receivers = [half for half in halves if half is not None and half.gift == RECEIVER]
    possible = sorted(
        (abs(giver.sold_at - receiver.sold_at), giver.sale_id, receiver.sale_id)
        for receiver in receivers
        for giver in givers[
            bisect_left(times, receiver.sold_at - APART) : bisect_right(
                times, receiver.sold_at + APART
            )
        ]
        if _alike(giver, receiver)
    )
    found: dict[str, str] = {}
    taken: set[str] = set()
    for _, giver_id, receiver_id in possible:
        if giver_id not in taken and receiver_id not in found:
            found[receiver_id] = giver_id
            taken.add(giver_id)
    return found


def _half(tellings: Sequence[Telling]) -> Telling | None:
    """The newest telling that calls a purchase half of a gift."""
    of_gift = [each for each in tellings if each.gift and each.nothing_sold is None]
    return max(of_gift, key=lambda telling: telling.told_at) if of_gift else None


def _alike(giver: Telling, receiver: Telling) -> bool:
    same = giver.title == receiver.title
    if giver.product_id and receiver.product_id:
        same = giver.product_id == receiver.product_id
    return same and giver.quantity == receiver.quantity and receiver.price in (None, giver.price)
