"""What each sample comes to: counts by name, records, and sums by type and currency, worked out by
hand from the files' own totals."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Expected:
    """What comes of one sample.

    Attributes:
        made: records by label, as often as rows make them.
        different: records by type that differ from each other.
        skipped: physical lines by the name under which they are passed over.
        sums: of the amounts, by label and what they are summed by.
        warned: how many checks warn.
    """

    file: str
    made: dict[str, int]
    different: dict[str, int] = field(default_factory=dict)
    skipped: dict[str, int] = field(default_factory=dict)
    sums: dict[str, str] = field(default_factory=dict)
    footer: int = 0
    warned: int = 0


def shop(customers: int, products: int, orders: int, lines: int) -> dict[str, int]:
    """Records of a file of orders."""
    return {
        "customers": customers, "products": products, "orders": orders, "order_items": lines,
    }  # fmt: skip


def events(number: int) -> dict[str, int]:
    """Records of a report."""
    return {"sales_events": number}


EXPECTED = [
    Expected(
        "shopify_orders.1.csv", shop(5, 9, 5, 9),
        # The bowl, the cloth and the tip of one order; #2004 is Ada's as well
        {"customers": 4, "products": 6, "orders": 5, "order_items": 9},
        sums={"orders USD": "108.93", "orders EUR": "316.50"},
    ),
    Expected("shopify_orders.2.csv", shop(1, 1, 1, 1), sums={"orders EUR": "5.99"}),
    Expected("shopify_customers.1.csv", {"customers": 4}),
    Expected("shopify_customers.2.csv", {"customers": 1}),
    Expected("shopify_products.1.csv", {"products": 4}, skipped={"rows of further pictures": 1}),
    Expected("shopify_products.2.csv", {"products": 4}),
    Expected(
        "ebay_orders.1.csv", shop(3, 4, 3, 4), sums={"orders USD": "3920.54"}, footer=2,
    ),
    Expected(
        "ebay_orders.2.csv", shop(2, 2, 2, 2), {"customers": 1}, sums={"orders AUD": "1136.90"},
    ),
    Expected("ebay_orders_comma.1.csv", shop(2, 2, 2, 2), sums={"orders EUR": "1161.99"}),
    Expected("ebay_orders_comma.2.csv", shop(1, 1, 1, 1), sums={"orders EUR": "1238.50"}),
    Expected(
        "google_play.1.csv", events(4), skipped={"pre-orders that are not delivered": 1},
    ),
    Expected(
        "google_play.2.csv", events(4),
        sums={"sales_events sale USD": "846.68", "sales_events refund USD": "-843.49",
              "sales_events free USD": "0.00"},
    ),
    Expected(
        "kobo_writing_life.1.csv", events(6), skipped={"summary rows": 2},
        sums={"sales_events sale USD": "16.52", "sales_events refund USD": "-2.65",
              "sales_events free USD": "0.00"},
    ),
    Expected(
        "apple_books.1.txt", events(4), footer=3,
        sums={"sales_events sale EUR": "11.87", "sales_events refund EUR": "-3.49",
              "sales_events free EUR": "0.00"},
    ),
    Expected(
        "apple_books.2.txt", events(2), footer=3,
        sums={"sales_events sale EUR": "6.98", "sales_events refund EUR": "-3.49"},
    ),
]  # fmt: skip
