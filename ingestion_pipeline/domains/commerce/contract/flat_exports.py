"""A flat export of a shop, one row a line of an order: how it becomes all four types at once.

What an order's total is the sum of is looked up in the rows.
"""

from collections.abc import Iterator
from decimal import Decimal
from itertools import product
from pathlib import Path
from typing import Any

from ingestion_pipeline.domains.commerce.contract.shop_columns import (
    AMOUNTS,
    Shop,
    is_shared,
    is_told,
    only_in_first,
    shop_of,
)
from ingestion_pipeline.foundation.intake.drafting import OPEN, Draft, quoted
from ingestion_pipeline.foundation.intake.footers import Records
from ingestion_pipeline.foundation.intake.framing import finish

_CURRENCIES = {
    "€": "EUR", "£": "GBP", "₹": "INR", "zł": "PLN", "R$": "BRL", "Kč": "CZK", "₺": "TRY",
    "Ft": "HUF", "₪": "ILS", "₩": "KRW",
}  # "$", "¥" and "kr" are several  # fmt: skip
_EMPTY = '{is: ""}   # no column says it'


def propose_shop(draft: Draft, path: Path) -> str:
    """A mapping to customers, products, orders and order_items, as YAML."""
    shop = shop_of(draft)
    emit = [*_customers(shop), *_products(shop), *_orders(shop), *_items(shop)]
    orders = Records(shop.orders, "orders", frozenset(_carried(shop)))
    return finish(
        draft, path, emit=emit, group=_group(shop), checks=_check(shop),
        records=orders if shop.has("order") else None,
    )  # fmt: skip


def _group(shop: Shop) -> Iterator[str]:
    if not shop.has("order"):
        yield f"group: {{by: [{OPEN}]}}   # the column that rows of one order have in common"
        return
    carried = _carried(shop)
    words = [f"by: [{quoted(shop.roles['order'])}]"]
    if not shop.adjacent:
        words.append("adjacent: false")
    if carried:
        words.append(f"carry: {quoted([_as_pattern(each) for each in carried])}")
    rows = sum(map(len, shop.orders))
    told = f"{len(shop.orders)} orders in {rows} rows"
    told += "" if shop.adjacent else ", which do not stand together"
    told += "; what only the first row says is carried into the others" if carried else ""
    yield f"group: {{{', '.join(words)}}}   # confirm: {told}"


def _carried(shop: Shop) -> list[str]:
    """Columns that only an order's first row fills."""
    several = [order for order in shop.orders if len(order) > 1]
    return [name for name in shop.roles.values() if only_in_first(shop, name, several)]


def _as_pattern(name: str) -> str:
    return "".join(f"[{each}]" if each in "*?[" else each for each in name)


def _check(shop: Shop) -> Iterator[str]:
    """What an order's total is the sum of, as far as the rows show it."""
    lines = _lines(shop)
    if lines is None or not shop.has("total"):
        return
    best = _parts_of_total(shop)
    named = [f"{'-' if sign < 0 else ''}{shop.roles[role]}" for sign, role in best]
    for _, role in best:
        shop.draft.number(shop.roles[role])
    total = f"{{total: {lines}}}"
    left = f"{{sum: [{total}, {', '.join(map(quoted, named))}]}}" if named else total
    right = shop.draft.number(shop.roles["total"])
    told = f"{_holding(shop, best)} of {len(shop.orders)} orders looked at are so"
    yield f"  - {{name: lines are the total, equal: [{left}, {right}]}}   # confirm: {told}"


def _parts_of_total(shop: Shop) -> list[tuple[int, str]]:
    """What makes an order's total of its lines in the most orders: signs and roles, the fewest."""
    terms = [role for role in ("shipping", "tax", "discount") if shop.has(role)]
    ways = [
        [(sign, role) for sign, role in zip(signs, terms, strict=True) if sign]
        for signs in product(*((0, -1 if role == "discount" else 1) for role in terms))
    ]
    return max(ways, key=lambda way: (_holding(shop, way), -len(way)))


def _amounts(shop: Shop) -> Iterator[str]:
    """What an order's total holds beside its lines; told where nearly all totals come out so."""
    if not shop.has("total") or _lines(shop) is None:
        return
    best = _parts_of_total(shop)
    if 10 * _holding(shop, best) < 9 * len(shop.orders):
        return
    within = [role for _, role in best]
    for role in ("shipping", "tax", "discount"):
        if role in within or (role == "tax" and shop.has("tax")):
            yield f"      {role}_amount: {shop.draft.number(shop.roles[role])}   # confirm"
    if shop.has("tax"):
        told = "on top of" if "tax" in within else "within"
        included = quoted("false" if "tax" in within else "true")
        yield f"      tax_included: {{is: {included}}}   # confirm: taxes are {told} the prices"


def _holding(shop: Shop, way: list[tuple[int, str]]) -> int:
    """Of how many orders the lines and these, from their first rows, are the total."""
    totals = shop.numbers["total"]
    holding = 0
    for order in shop.orders:
        total = totals[order[0]]
        left = sum((_line(shop, row) for row in order), Decimal(0))
        left += sum((sign * (shop.numbers[role][order[0]] or 0) for sign, role in way), Decimal(0))
        holding += total is not None and left == total
    return holding


def _line(shop: Shop, row: int) -> Decimal:
    if shop.has("line_total"):
        return shop.numbers["line_total"][row] or Decimal(0)
    return (shop.numbers["quantity"][row] or 0) * (shop.numbers["price"][row] or Decimal(0))


def _lines(shop: Shop) -> str | None:
    """A line's sum, as a value."""
    if shop.has("line_total"):
        return shop.draft.number(shop.roles["line_total"])
    if shop.has("quantity", "price"):
        of = [shop.draft.number(shop.roles[role]) for role in ("quantity", "price")]
        return f"{{product: [{', '.join(of)}]}}"
    return shop.draft.number(shop.roles["total"]) if shop.has("total") else None


def _customer_parts(shop: Shop) -> list[str]:
    """Columns by which customers are told apart, the surest first, an order's own the last."""
    roles = shop.roles
    parts: list[str] = [role for role in ("email", "name") if role in roles]
    if "customer" in roles and not is_shared(shop):
        parts.insert(0, "customer")
    for place, role in enumerate(parts):
        if all(is_told(shop, role)):
            return [roles[each] for each in parts[: place + 1]]
    names = [roles[each] for each in parts]
    return [*names, roles["order"]] if "order" in roles and names else names


def _customer_id(shop: Shop) -> str:
    parts = _customer_parts(shop)
    if not parts:
        return "{id: [customer, {is: unknown}]}   # confirm: no column says who bought"
    said = quoted(parts) if len(parts) > 1 else quoted(parts[0])
    guest = len(parts) > 1 and parts[-1] == shop.roles.get("order")
    told = ", else each order is a customer's own" if guest else ""
    return f"{{id: [customer, {said}], lower: true}}   # confirm: by this they are told apart{told}"


def _of(shop: Shop, *roles: str) -> str:
    names = [shop.roles[role] for role in roles if role in shop.roles]
    return quoted(names[0]) if len(names) == 1 else quoted(names) if names else OPEN


def _text(shop: Shop, *roles: str, instead: str) -> str:
    return f"{_of(shop, *roles)}   # confirm" if shop.has(roles[0]) else instead


def _customers(shop: Shop) -> Iterator[str]:
    email = _of(shop, "email") if shop.has("email") else _EMPTY
    name = _of(shop, "name", "email", "customer") if _customer_parts(shop) else "{is: unknown}"
    yield "  customers:"
    yield "    each: group"
    yield "    only_new: true   # leave it out where no other export tells customers"
    yield "    fields:"
    yield f"      customer_id: {_customer_id(shop)}"
    yield f"      name: {name}   # confirm"
    yield f"      email: {email}"


def _product_id(shop: Shop) -> str:
    said = _of(shop, "sku", "product")
    return f"{{id: [product, {said}]}}   # confirm: by this they are told apart"


def _price(shop: Shop) -> str:
    if shop.has("price"):
        return f"{shop.draft.number(shop.roles['price'])}   # confirm"
    of = next((role for role in ("line_total", "total") if shop.has(role)), None)
    if of is None or not shop.has("quantity"):
        return f"{OPEN}   # decimal, of one, required"
    names = [shop.draft.number(shop.roles[role]) for role in (of, "quantity")]
    return f"{{quotient: [{', '.join(names)}], round: 2}}   # confirm: no column says it"


def _products(shop: Shop) -> Iterator[str]:
    yield "  products:"
    yield "    only_new: true   # leave it out where no other export tells products"
    yield "    fields:"
    yield f"      product_id: {_product_id(shop)}"
    yield f"      sku: {_of(shop, 'sku', 'product')}   # confirm"
    yield f"      name: {_of(shop, 'product', 'sku')}   # confirm"
    yield f"      price: {_price(shop)}"
    yield '      active: {is: "true"}   # confirm'


def _total(shop: Shop) -> str:
    if shop.has("total"):
        return f"{shop.draft.number(shop.roles['total'])}   # confirm: of the order, not of a line"
    lines = _lines(shop)
    return f"{{total: {lines}}}   # confirm: no column says it" if lines else OPEN


def _currency(shop: Shop) -> str:
    if shop.has("currency"):
        return f"{_of(shop, 'currency')}   # confirm"
    shown = [
        value
        for role in AMOUNTS
        if role in shop.roles
        for value in (shop.roles[role], *shop.draft.columns[shop.roles[role]].values[:20])
    ]
    for sign, code in (*_CURRENCIES.items(), *((each, each) for each in _CURRENCIES.values())):
        if any(sign in each for each in shown):
            return f"{{is: {code}}}   # confirm: amounts are written with {sign}"
    return f"{OPEN}   # a column, or {{is: EUR}}: no column says it"


def _orders(shop: Shop) -> Iterator[str]:
    date = f"{shop.draft.date(shop.roles['date'])}   # confirm" if shop.has("date") else OPEN
    yield "  orders:"
    yield "    each: group"
    yield "    fields:"
    yield f"      order_id: {{id: [order, {_of(shop, 'order')}]}}   # confirm: never used again"
    yield f"      external_order_id: {_of(shop, 'order')}"
    yield f"      customer_id: {_customer_id(shop)}"
    yield f"      customer_name_snapshot: {_text(shop, 'name', instead=_EMPTY)}"
    yield f"      customer_email_snapshot: {_text(shop, 'email', instead=_EMPTY)}"
    yield f"      total_amount: {_total(shop)}"
    yield from _amounts(shop)
    yield f"      currency: {_currency(shop)}"
    status = _text(shop, "status", instead="{is: completed}   # confirm: no column says it")
    yield f"      order_status: {status}"
    yield f"      order_date: {date}"
    yield f"      created_at: {date}"


def _items(shop: Shop) -> Iterator[str]:
    below = sum((each or 0) < 0 for each in shop.numbers.get("quantity", ()))
    yield "  order_items:"
    if below:
        of = f"{{of: {quoted(shop.roles['quantity'])}, abs: true}}"
        yield f"    # {below} rows have a negative quantity: a return is an order of its own,"
        yield f"    # and its quantity {of} (docs/mappings.md)"
    yield "    # replace: order_id   where an export always holds all lines of an order"
    yield "    fields:"
    yield f"      order_item_id: {_item_id(shop)}"
    yield f"      order_id: {{id: [order, {_of(shop, 'order')}]}}"
    yield f"      product_id: {_product_id(shop)}"
    quantity = shop.draft.number(shop.roles["quantity"]) if shop.has("quantity") else '{is: "1"}'
    yield f"      quantity: {quantity}   # confirm"
    yield f"      unit_price: {_price(shop)}"
    yield f"      line_total: {_lines(shop) or OPEN}   # confirm"


def _item_id(shop: Shop) -> str:
    if shop.has("line", "order"):
        cells: Any = zip(*(shop.draft.cells(shop.roles[role]) for role in ("order", "line")),
                         strict=True)  # fmt: skip
        if len(set(cells)) == len(shop.draft.sample.rows):
            return f"{{id: [line, {_of(shop, 'order')}, {_of(shop, 'line')}]}}   # confirm"
    parts = [_of(shop, role) for role in ("order", "sku", "product", "price") if shop.has(role)]
    told = "confirm: no column numbers the lines, so equal ones of an order are numbered"
    return f"{{id: [line, {', '.join(parts)}], occurrence: true}}   # {told}"
