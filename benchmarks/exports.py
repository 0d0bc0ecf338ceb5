"""Exports of a shop as they are made up for benchmarks: ten columns, and Shopify's 79."""

import csv
import random
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

_HEADER = (
    "order_no", "line_no", "ordered_at", "email", "sku", "product", "quantity", "unit_price",
    "line_total", "currency",
)  # fmt: skip
# As Shopify writes them; those of addresses, taxes and payments are filled as theirs are.
_WIDE = next(
    csv.reader(
        [
            """\
Name,Email,Financial Status,Paid at,Fulfillment Status,Fulfilled at,Accepts Marketing,
Currency,Subtotal,Shipping,Taxes,Total,Discount Code,Discount Amount,Shipping Method,
Created at,Lineitem quantity,Lineitem name,Lineitem price,Lineitem compare at price,
Lineitem sku,Lineitem requires shipping,Lineitem taxable,Lineitem fulfillment status,
Billing Name,Billing Street,Billing Address1,Billing Address2,Billing Company,Billing City,
Billing Zip,Billing Province,Billing Country,Billing Phone,Shipping Name,Shipping Street,
Shipping Address1,Shipping Address2,Shipping Company,Shipping City,Shipping Zip,
Shipping Province,Shipping Country,Shipping Phone,Notes,Note Attributes,Cancelled at,
Payment Method,Payment Reference,Refunded Amount,Vendor,Outstanding Balance,Employee,
Location,Device ID,Id,Tags,Risk Level,Source,Lineitem discount,Tax 1 Name,Tax 1 Value,
Tax 2 Name,Tax 2 Value,Tax 3 Name,Tax 3 Value,Tax 4 Name,Tax 4 Value,Tax 5 Name,Tax 5 Value,
Phone,Receipt Number,Duties,Billing Province Name,Shipping Province Name,Payment ID,
Payment Terms Name,Next Payment Due At,Payment References
""".replace("\n", "")
        ]
    )
)


def write_narrow(path: Path, rows: int) -> None:
    """Ten columns, a row for each line of an order, two and a half lines an order."""
    chance = random.Random(1)
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(_HEADER)
        for number, lines in _orders(rows, chance):
            day, email = _day(chance), f"person{chance.randint(1, rows // 5)}@example.com"
            for line in range(lines):
                product, quantity = chance.randint(1, 5000), chance.randint(1, 5)
                price = Decimal(product * 7 % 9000 + 99) / 100
                writer.writerow((
                    f"A{number:08}", line + 1, day, email, f"SKU-{product}",
                    f"Product number {product}", quantity, price, price * quantity, "EUR",
                ))  # fmt: skip


def write_wide(path: Path, rows: int) -> None:
    """Shopify's 79 columns; only the first row of an order has its fields."""
    chance = random.Random(1)
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, _WIDE, restval="")
        writer.writeheader()
        for number, lines in _orders(rows, chance):
            day, buyer = f"{_day(chance)} -0400", chance.randint(1, rows // 5)
            basis = {"Name": f"#{number}", "Email": f"p{buyer}@example.com", "Created at": day}
            items = [_item(chance) for _ in range(lines)]
            subtotal = sum((Decimal(each["Lineitem price"]) for each in items), Decimal(0))
            address = {"Name": f"Person {buyer}", "Street": f"{buyer} Long Street",
                       "Address1": f"{buyer} Long Street", "City": "Springfield", "Zip": "'06414",
                       "Province": "CT", "Country": "US"}  # fmt: skip
            first = {
                "Financial Status": "paid", "Paid at": day, "Fulfillment Status": "fulfilled",
                "Fulfilled at": day, "Accepts Marketing": "no", "Currency": "USD",
                "Subtotal": subtotal, "Shipping": "5.00", "Taxes": "0.00", "Total": subtotal + 5,
                "Discount Amount": "0.00", "Shipping Method": "Standard",
                "Payment Method": "Shopify Payments", "Payment Reference": f"c{number}.1",
                "Refunded Amount": "0.00", "Outstanding Balance": "0.00",
                "Id": str(5_000_000_000_000 + number), "Risk Level": "Low", "Source": "web",
                **{f"{kind} {name}": text for kind in ("Billing", "Shipping")
                   for name, text in address.items()},
            }  # fmt: skip
            for place, item in enumerate(items):
                writer.writerow({**basis, **item, **(first if place == 0 else {})})


def _orders(rows: int, chance: random.Random) -> Iterator[tuple[int, int]]:
    number, left = 0, rows
    while left:
        number += 1
        lines = min(left, chance.randint(1, 4))
        left -= lines
        yield number, lines


def _day(chance: random.Random) -> str:
    return (
        f"2025-{chance.randint(1, 12):02}-{chance.randint(1, 28):02} "
        f"{chance.randint(0, 23):02}:{chance.randint(0, 59):02}:{chance.randint(0, 59):02}"
    )


def _item(chance: random.Random) -> dict[str, str]:
    product = chance.randint(1, 5000)
    return {
        "Lineitem quantity": "1", "Lineitem name": f"Thing number {product} - Large",
        "Lineitem price": f"{Decimal(product * 7 % 9000 + 99) / 100}",
        "Lineitem sku": f"SKU-{product}", "Lineitem requires shipping": "true",
        "Lineitem taxable": "true", "Lineitem fulfillment status": "fulfilled",
        "Lineitem discount": "0.00", "Vendor": "Ours",
    }  # fmt: skip
