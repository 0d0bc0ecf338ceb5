"""A stand-in of Gumroad's API: the sales of one account, in pages, with its ways to say no.

    GET /v2/sales?after=YYYY-MM-DD&before=…&page_key=…   10 a page, newest first

As the real one: a wrong token is a 401, a wrong date a 400, and what is not found is HTTP 200 with
`success: false` (the fault `not_found`). Fields that are null are absent. With the fault
`corrected_rows` every fifth sale has been refunded meanwhile, with `odd_values` every tenth has no
price, with `every_kind` there is one sale more of each kind (`kinds.py`).
"""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ingestion_pipeline.foundation.sandbox.faults import Faults
from ingestion_pipeline.foundation.sandbox.gumroad.kinds import every_kind

SALES = 47
_PAGE = 10
_FIRST = datetime(2026, 1, 5, 19, 38, 56, tzinfo=UTC)
_BOOKS = (
    ("Small Gardens", 999),
    ("The Tin Whistle", 450),
    ("Bread at Home", 1250),
    ("Postcards", 0),
)


def routes(token: str, faults: Faults) -> list[Route]:
    """The API of an account whose access token is `token`."""

    async def sales(request: Request) -> Response:
        if request.headers.get("authorization") != f"Bearer {token}":
            return JSONResponse({"error": "The access token is invalid."}, 401)
        path = request.url.path
        if faults.take("not_found", path) is not None:
            return JSONResponse({"success": False, "message": "The sale was not found."})
        try:
            first, end = _day(request, "after"), _day(request, "before")
            start = int(request.query_params.get("page_key", "0"))
        except ValueError:
            return JSONResponse({"success": False, "message": "Invalid date or page key."}, 400)
        corrected = faults.take("corrected_rows", path) is not None
        odd = faults.take("odd_values", path) is not None
        everything = [_sale(number, corrected, odd) for number in range(SALES - 1, -1, -1)]
        if faults.take("every_kind", path) is not None:
            everything = every_kind(everything[0]["created_at"]) + everything
        matching = [
            sale
            for sale in everything
            if (first is None or sale["created_at"][:10] >= first.isoformat())
            and (end is None or sale["created_at"][:10] < end.isoformat())
        ]
        document: dict[str, Any] = {"success": True, "sales": matching[start : start + _PAGE]}
        if start + _PAGE < len(matching):
            following = {**request.query_params, "page_key": str(start + _PAGE)}
            document["next_page_key"] = following["page_key"]
            document["next_page_url"] = f"/v2/sales?{urlencode(following)}"
        return JSONResponse(document)

    return [Route("/v2/sales", sales)]


def _day(request: Request, name: str) -> date | None:
    text = request.query_params.get(name)
    return None if text is None else date.fromisoformat(text)


def _sale(number: int, corrected: bool, odd: bool) -> dict[str, Any]:
    title, price = _BOOKS[number % len(_BOOKS)]
    quantity = 2 if number % 11 == 0 else 1
    refunded = number % 13 == 7 or (corrected and number % 5 == 0)
    sale = {
        "id": f"sandbox-sale-{number:04}==",
        "email": f"buyer{number}@example.org",
        "seller_id": "sandbox-seller==",
        "timestamp": "some time ago",
        "created_at": (_FIRST + timedelta(days=3 * number)).isoformat().replace("+00:00", "Z"),
        "product_name": title,
        "price": price * quantity,
        "gumroad_fee": price * quantity // 10,
        "currency_symbol": "$",
        "amount_refundable_in_currency": "0" if refunded else f"{price * quantity / 100:g}",
        "product_id": f"sandbox-product-{number % len(_BOOKS)}==",
        "refunded": refunded,
        "partially_refunded": False,
        "chargedback": False,
        "purchase_email": f"buyer{number}@example.org",
        "paid": price > 0,
        "order_id": 100_000 + number,
        "disputed": False,
        "dispute_won": False,
        "card": {"visual": "**** **** **** 4242", "type": "visa"},
        "quantity": quantity,
    }
    if odd and number % 10 == 1:
        del sale["price"]
    return sale
