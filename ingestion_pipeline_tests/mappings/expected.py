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
    Expected(
        "ebay_transactions.1.csv", events(3),
        skipped={"payouts": 1, "shipping labels": 1, "fees": 1,
                 "items whose order has a row of its own": 2},
        sums={"sales_events sale USD": "47.86", "sales_events refund USD": "-21.76"},
    ),
    Expected(
        "etsy_order_items.1.csv", shop(2, 3, 2, 3), sums={"orders USD": "51.02"},
    ),
    Expected(
        "etsy_order_items.2.csv", shop(2, 2, 2, 2), {"products": 1, "customers": 2},
        sums={"orders USD": "17.64", "orders EUR": "1000.00"},
    ),
    Expected(
        "bigcommerce_orders.1.csv", shop(3, 4, 3, 4), {"customers": 3, "products": 2},
        skipped={"carts that were never ordered": 1}, sums={"orders USD": "59.80"},
    ),
    Expected(
        "square_items.1.csv", shop(3, 4, 3, 4), {"customers": 2, "products": 2},
        sums={"orders USD": "55.08"},
    ),
    Expected("square_items.2.csv", shop(1, 1, 1, 1), sums={"orders GBP": "1007.50"}),
    Expected(
        "stripe_payments.1.csv", {"sales_events/sale": 3, "sales_events/refund": 2},
        skipped={"payments that were not made": 1, "payments that were not captured": 1},
        sums={"sales_events/sale sale THB": "499.40", "sales_events/sale sale USD": "57.66",
              "sales_events/refund refund USD": "-30.00"},
    ),
    Expected(
        "stripe_payments.2.csv", {"sales_events/sale": 1, "sales_events/refund": 1},
        sums={"sales_events/sale sale JPY": "482", "sales_events/refund refund JPY": "-500"},
    ),
    Expected(
        "woocommerce_products.1.csv", {"products": 3},
        skipped={"products whose variations have the prices": 2, "products without a price": 1},
    ),
    Expected("woocommerce_orders.1.csv", shop(2, 3, 2, 3), sums={"orders USD": "53.89"}),
    Expected("magento_customers.1.csv", {"customers": 2}),
    Expected(
        "magento_products.1.csv", {"products": 2},
        skipped={"what a store view calls them": 1, "products whose parts have the prices": 1},
    ),
    Expected(
        "amazon_orders.1.txt", shop(2, 3, 2, 3), {"customers": 1, "products": 2},
        skipped={"items that were taken back": 1}, sums={"orders USD": "16.66"},
    ),
    Expected(
        "amazon_all_orders.1.txt", shop(4, 2, 4, 2),
        sums={"orders EUR": "84.95", "orders USD": "10.80", "orders GBP": "0.00"},
    ),
    Expected(
        "amazon_settlement.1.txt", events(4),
        skipped={"totals of settlements": 2, "amounts that belong to no order": 1},
        sums={"sales_events sale GBP": "42.50", "sales_events refund GBP": "-17.00",
              "sales_events sale EUR": "8.50"},
    ),
    Expected(
        "amazon_date_range.1.csv", events(2),
        skipped={"transfers to the bank": 1, "fees and adjustments": 1},
        sums={"sales_events sale USD": "1065.45", "sales_events refund USD": "-31.38"},
    ),
    Expected("olist_customers.1.csv", {"customers": 2}),
    Expected("olist_products.1.csv", {"products": 2}),
    Expected("olist_order_items.1.csv", {"products": 3, "order_items": 3}, {"products": 2}),
    Expected("olist_orders.1.csv", {"orders": 2}),
    Expected("olist_orders.2.csv", {"orders": 1}),
    Expected(
        "uci_retail.1.csv", shop(3, 5, 3, 5), {"customers": 2, "products": 3},
        skipped={"stock corrections": 1, "adjustments of bad debt": 1},
        sums={"orders GBP": "49.75"},
    ),
    Expected("uci_retail.2.csv", shop(1, 1, 1, 1), sums={"orders GBP": "15.30"}),
    Expected(
        "kobo_plus.1.csv", events(2), skipped={"summary rows": 1},
        sums={"sales_events borrow_pages USD": "4.855"},
    ),
    Expected(
        "barnes_noble_press.1.csv", events(3),
        sums={"sales_events sale USD": "6.98", "sales_events refund USD": "-3.49",
              "sales_events free USD": "0.00"},
    ),
    Expected(
        "acx.1.csv", events(4), skipped={"summary rows": 1},
        sums={"sales_events sale USD": "56.43", "sales_events refund USD": "-2.10"},
    ),
    Expected(
        "ingramspark.1.xls", events(2), skipped={"titles that did not sell in the month": 1},
        sums={"sales_events sale USD": "5.75", "sales_events refund GBP": "-2.50"},
    ),
    Expected("ingramspark.2.txt", events(1), sums={"sales_events sale USD": "7.00"}),
    Expected(
        "payhip.1.csv", events(3),
        sums={"sales_events sale USD": "935.98", "sales_events refund USD": "-8.55"},
    ),
    Expected(
        "leanpub.1.json", events(3),
        sums={"sales_events sale USD": "4.65", "sales_events free USD": "0.00"},
    ),
]  # fmt: skip
