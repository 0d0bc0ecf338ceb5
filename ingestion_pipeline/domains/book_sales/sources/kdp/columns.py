"""The sheets and columns of KDP's reports, as they are named in English and Spanish."""

import unicodedata
from collections.abc import Sequence

from ingestion_pipeline.foundation.errors import ContractError

COMBINED, ROYALTY, KENP, ORDERS, PAYMENTS = "combined", "royalty", "kenp", "orders", "payments"
NOTES = "notes"  # explanations and totals: no rows of their own

SHEETS = {
    "Report Definitions": NOTES, "Definiciones del informe": NOTES,
    "Summary": NOTES, "Resumen": NOTES,
    "Combined Sales": COMBINED, "Ventas combinadas": COMBINED, "Total Earnings": COMBINED,
    "eBook Royalty": ROYALTY, "Regalías de eBooks": ROYALTY,
    "Paperback Royalty": ROYALTY, "Regalías de libros impresos": ROYALTY,
    "Hardcover Royalty": ROYALTY, "Regalías de los libros de tapa": ROYALTY,
    "Orders Processed": ORDERS, "Pedidos procesados": ORDERS,
    "eBook Orders Placed": ORDERS, "Pedidos completados de eBooks": ORDERS,
    "KENP Read": KENP, "KENP leídas": KENP,
    "Payments": PAYMENTS,
}  # fmt: skip

_COLUMNS = {
    "date": ("Royalty Date", "Date", "Fecha de las regalías", "Fecha"),
    "order_date": ("Order Date", "Fecha de pedido", "Fecha del pedido"),
    "title": ("Title", "Título"),
    "author": ("Author Name", "Author", "Nombre del autor", "Autor"),
    "asin": ("ASIN",),
    "isbn": ("ISBN",),
    "asin_isbn": ("ASIN/ISBN",),
    "marketplace": ("Marketplace", "Tienda", "Mercado"),
    "royalty_type": ("Royalty Type", "Tipo de regalía"),
    "transaction_type": ("Transaction Type", "Tipo de transacción"),
    "payout_plan": ("Payout Plan",),
    "units_sold": ("Units Sold", "Unidades vendidas"),
    "units_refunded": ("Units Refunded", "Unidades devueltas", "Unidades reembolsadas"),
    "net_units": (
        "Net Units Sold", "Net Units Sold or KENP Read**", "Net Units Sold or KENP Read",
        "Unidades netas vendidas",
    ),
    "list_price": ("Avg. List Price without tax", "Precio de lista medio sin impuestos"),
    "offer_price": ("Avg. Offer Price without tax", "Precio de oferta medio sin impuestos"),
    "file_size": ("Avg. File Size (MB)", "Tamaño medio del archivo (MB)"),
    "cost": (
        "Avg. Delivery Cost", "Avg. Manufacturing Cost", "Avg. Delivery/Manufacturing cost",
        "Gasto medio de envío", "Gasto de producción medio", "Gasto medio de entrega/producción",
    ),
    "royalty": ("Royalty", "Earnings", "Regalías"),
    "currency": ("Currency", "Moneda"),
    "paid_units": ("Paid Units", "Unidades pagadas"),
    "free_units": ("Free Units", "Unidades gratuitas"),
    "pages": (
        "Kindle Edition Normalized Page (KENP) Read", "Páginas KENP leídas",
        # As it was called while there was KOLL, and before.
        "Kindle Edition Normalized Pages (KENP) Read from KU and KOLL",
        "Kindle Edition Normalized Page (KENP) Read from KU and KOLL",
        "Kindle Edition Normalized Pages (KENP) Read", "KENP Read",
    ),
    "period_start": ("Sales Period - Start Date",),
    "period_end": ("Sales Period - End Date",),
    "payment_number": ("Payment Number",),
    "detail": ("Detail",),
    "payment_method": ("Payment Method",),
    "accrued": ("Accrued Royalty",),
    "tax": ("Tax Withholding",),
    "adjustments": ("Adjustments",),
    "net_earnings": ("Net Earnings",),
    "source": ("Source",),
    "fx_rate": ("FX Rate",),
    "payout": ("Payout Amount",),
    "payment_status": ("Payment Status",),
}  # fmt: skip

# What a sheet of a kind has to have, whatever it has besides.
_NEEDED = {
    PAYMENTS: {"payment_number", "currency", "payout", "currency_2"},
    KENP: {"title", "asin", "marketplace", "pages"},
    ORDERS: {"title", "asin", "marketplace", "paid_units", "free_units"},
    COMBINED: {"title", "asin_isbn", "marketplace", "royalty", "currency"},
    ROYALTY: {"title", "marketplace", "units_sold", "units_refunded", "royalty", "currency"},
}


def plain(name: str) -> str:
    """A name as it is compared: without accents, case, and spaces around or within."""
    folded = unicodedata.normalize("NFKD", name.strip().casefold())
    return " ".join("".join(c for c in folded if not unicodedata.combining(c)).split())


_BY_SHEET = {plain(name): kind for name, kind in SHEETS.items()}
_BY_COLUMN = {plain(name): column for column, names in _COLUMNS.items() for name in names}
KNOWN_COLUMNS = sorted(name for names in _COLUMNS.values() for name in names)


def kind_of_sheet(name: str) -> str:
    """The kind of a sheet.

    Raises:
        ContractError: nobody knows a sheet of that name.
    """
    kind = _BY_SHEET.get(plain(name))
    if kind is None:
        raise ContractError(f"file: unknown sheet {name!r}; known are {', '.join(sorted(SHEETS))}")
    return kind


def columns_of(where: str, header: Sequence[str]) -> list[str]:
    """Our names of a header's columns; a second `Currency` is `currency_2`.

    Raises:
        ContractError: a column is unknown, or is there twice.
    """
    names = list(header)
    while names and not names[-1].strip():
        names.pop()
    unknown = [name for name in names if plain(name) not in _BY_COLUMN]
    if unknown or not names:
        raise ContractError(
            f"file: {where}: unknown columns {', '.join(map(repr, unknown)) or '(none at all)'}; "
            f"found {', '.join(map(repr, names))}; known are {', '.join(KNOWN_COLUMNS)}"
        )
    columns: list[str] = []
    for name in names:
        column = _BY_COLUMN[plain(name)]
        column = "currency_2" if column == "currency" and "currency" in columns else column
        if column in columns:
            raise ContractError(f"file: {where}: column {name!r} is there twice")
        columns.append(column)
    return columns


def kind_of_columns(columns: Sequence[str]) -> str | None:
    """The kind of a sheet that has lost its name, as in a CSV; None: of no kind."""
    for kind, needed in _NEEDED.items():
        if needed <= set(columns):
            return kind
    return None


def require(where: str, kind: str, columns: Sequence[str]) -> None:
    """See that a sheet has what its kind needs.

    Raises:
        ContractError: it has not.
    """
    if "currency_2" in columns and kind != PAYMENTS:
        raise ContractError(f"file: {where}: column 'Currency' is there twice")
    missing = _NEEDED[kind] - set(columns)
    if missing:
        names = ", ".join(sorted(repr(_COLUMNS[name.removesuffix("_2")][0]) for name in missing))
        raise ContractError(
            f"file: {where}: columns {names} are missing; "
            f"found {', '.join(_COLUMNS[c.removesuffix('_2')][0] for c in columns)}"
        )
