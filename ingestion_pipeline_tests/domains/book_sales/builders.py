"""Small reports, written for these tests; they look as the platforms' own do."""

import io
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from xml.sax.saxutils import escape

KEEPS = 10**9  # bytes of refused rows

EBOOK = (
    "Royalty Date", "Title", "Author Name", "ASIN", "Marketplace", "Royalty Type",
    "Transaction Type", "Units Sold", "Units Refunded", "Net Units Sold",
    "Avg. List Price without tax", "Avg. Offer Price without tax", "Avg. File Size (MB)",
    "Avg. Delivery Cost", "Royalty", "Currency",
)  # fmt: skip
PAPERBACK = (
    "Royalty Date", "Order Date", "Title", "Author Name", "ISBN", "Marketplace", "Royalty Type",
    "Transaction Type", "Units Sold", "Units Refunded", "Net Units Sold",
    "Avg. List Price without tax", "Avg. Offer Price without tax", "Avg. Manufacturing Cost",
    "Royalty", "Currency", "ASIN",
)  # fmt: skip
COMBINED = (
    "Royalty Date", "Title", "Author Name", "ASIN/ISBN", "Marketplace", "Royalty Type",
    "Transaction Type", "Units Sold", "Units Refunded", "Net Units Sold",
    "Avg. List Price without tax", "Avg. Offer Price without tax",
    "Avg. Delivery/Manufacturing cost", "Royalty", "Currency",
)  # fmt: skip
KENP = (
    "Date", "Title", "Author Name", "ASIN", "Marketplace",
    "Kindle Edition Normalized Page (KENP) Read",
)  # fmt: skip
SMASHWORDS = (
    "type", "channel", "location", "id", "isbn", "title", "author", "price", "qty", "amount",
    "couponCode", "retailerCut", "smashwordsCut", "affiliateCut", "transFee", "vat", "net",
    "currency", "amountFinal (USD)", "date", "balanceAdjusted",
)  # fmt: skip
D2D = (
    "Start Date", "End Date", "Publisher", "Title ID", "Ebook ISBN", "Title", "Primary Author",
    "Distributor", "Vendor", "Country", "Units Sold", "Units Returned", "Net Unit Sales",
    "Sales Model", "Retailer", "List Price Per Unit", "Currency Code", "Offer Price Per Unit",
    "Royalty Percent", "Sales Channel Fee/Taxes Per Unit", "Sales Channel Revenue Per Unit",
    "Extended Sales Channel Revenue", "Sales Channel Share", "D2D Share", "Publisher Share",
    "Publisher Share USD (estimated)", "Verified",
)  # fmt: skip


@dataclass(frozen=True)
class Dated:
    """A cell that a spreadsheet shows as a date: its number of days."""

    serial: float


@dataclass(frozen=True)
class Failed:
    """A cell whose formula has failed."""

    error: str


Cell = str | int | float | Decimal | Dated | Failed
Sheets = dict[str, Sequence[Sequence[Cell]]]
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_TYPES = f'<Types xmlns="{_PACKAGE}/content-types"/>'
_ROOT = (
    f'<Relationships xmlns="{_PACKAGE}/relationships"><Relationship Id="rId1" '
    f'Type="{_OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>'
)
_STYLES = (
    '<styleSheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">'
    '<cellXfs count="2"><xf numFmtId="0"/><xf numFmtId="14"/></cellXfs></styleSheet>'
)
GENUINE = Path(__file__).parents[4] / "shared" / "real" / "book_sales" / "kdp"


def ebook(
    royalty: Cell = "6.31", *, day: str = "2025-07", asin: str = "B000000001", sold: Cell = 1,
    refunded: Cell = 0, net: Cell | None = None, cost: Cell = 0.06, currency: str = "EUR",
    transaction: str = "Standard", marketplace: str = "Amazon.de", price: Cell = 9.08,
) -> list[Cell]:  # fmt: skip
    if net is None:
        net = sold - refunded if isinstance(sold, int) and isinstance(refunded, int) else 1
    return [day, "A Book", "An Author", asin, marketplace, "70%", transaction, sold, refunded, net,
            price, price, 0.53, cost, royalty, currency]  # fmt: skip


def paperback(
    royalty: Cell = "4.08", *, day: str = "2024-04", isbn: str = "9790000000001",
    transaction: str = "Standard - Paperback", sold: Cell = 1,
) -> list[Cell]:  # fmt: skip
    return [day, day, "A Book", "An Author", isbn, "Amazon.fr", "60%", transaction, sold, 0, sold,
            14.01, 14.01, 4.33, royalty, "EUR", "B000000002"]  # fmt: skip


def workbook(sheets: Sheets, *, created: str | None = None, date1904: bool = False) -> bytes:
    """An .xlsx as KDP writes it: inline strings, and every sheet declared as one cell."""
    files = {
        "[Content_Types].xml": _TYPES,
        "_rels/.rels": _ROOT,
        "xl/workbook.xml": _workbook(list(sheets), date1904=date1904),
        "xl/styles.xml": _STYLES,
        "xl/_rels/workbook.xml.rels": _relations(len(sheets)),
    }
    for number, rows in enumerate(sheets.values(), start=1):
        files[f"xl/worksheets/sheet{number}.xml"] = _sheet(rows)
    if created is not None:
        files["docProps/core.xml"] = (
            '<cp:coreProperties xmlns:cp="http://schemas.openxmlformats.org/package/2006/metadata/'
            'core-properties" xmlns:dcterms="http://purl.org/dc/terms/">'
            f"<dcterms:created>{created}</dcterms:created></cp:coreProperties>"
        )
    return zipped(files)


def zipped(files: Mapping[str, str]) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return made.getvalue()


def text(header: Sequence[str], rows: Sequence[Sequence[Cell]], *, delimiter: str = ",",
         end: str = "\r\n") -> bytes:  # fmt: skip
    lines = [delimiter.join(map(str, row)) for row in (header, *rows)]
    return (end.join(lines) + end).encode()


def smashwords(
    amount: Cell = "1.39", *, kind: str = "sale", qty: Cell = 1, price: Cell = "1.99",
    day: str = "2010-08-17 5:18", channel: str = "Smashwords.com",
) -> list[Cell]:  # fmt: skip
    return [kind, channel, "", "11111", "777-6", 'The "First" Book', "An Author", price, qty, price,
            "", "", "-0.24", "0", "-0.36", "", amount, "USD", amount, day, day]  # fmt: skip


def d2d(share: Cell = "2.10", *, start: str = "2024-03-01", end: str = "2024-03-01",
        units: Cell = 1, title: str = "Café", currency: str = "EUR") -> list[Cell]:  # fmt: skip
    return [start, end, "Me", "77", "9780000000002", title, "An Author", "D2D", "Apple", "DE",
            units, 0, units, "Retail", "Apple", "2.99", currency, "2.99", "70", "0", "2.09",
            "2.09", "0.6", "0.29", share, "2.28", "Yes"]  # fmt: skip


def gumroad_sale(number: int = 1, **values: object) -> dict[str, object]:
    sale: dict[str, object] = {
        "id": f"sale-{number}==", "email": "buyer@example.org",
        "created_at": "2026-01-05T19:38:56Z", "product_name": "Pencil Icon PSD",
        "price": 1000, "gumroad_fee": 60,
        "currency_symbol": "$", "amount_refundable_in_currency": "10",
        "partially_refunded": False,
        "chargedback": False, "disputed": False, "quantity": 1,
    }  # fmt: skip
    return {**sale, **values}


def gumroad_ping(**values: str) -> dict[str, str]:
    fields = {
        "sale_id": "sale-1==", "sale_timestamp": "2026-01-05T19:38:56Z", "price": "1000",
        "product_name": "Pencil Icon PSD", "gumroad_fee": "60", "quantity": "1",
        "currency": "usd", "email": "buyer@example.org", "refunded": "false", "disputed": "false",
        "dispute_won": "false", "is_gift_receiver_purchase": "false",
        "url_params[source_url]": "https%3A%2F%2Fgumroad.com", "resource_name": "sale",
    }  # fmt: skip
    return {**fields, **values}


def _sheet(rows: Sequence[Sequence[Cell]]) -> str:
    lines = "".join(
        f'<row r="{number}">' + "".join(_cell(column, number, value)
                                        for column, value in enumerate(row)) + "</row>"
        for number, row in enumerate(rows, start=1)
    )  # fmt: skip
    return (
        '<?xml version="1.0" encoding="UTF-8"?><worksheet xmlns="http://schemas.openxmlformats.org/'
        f'spreadsheetml/2006/main"><dimension ref="A1"/><sheetData>{lines}</sheetData></worksheet>'
    )


def _cell(column: int, row: int, value: Cell) -> str:
    before, last = divmod(column, 26)
    reference = f"{chr(64 + before) if before else ''}{chr(65 + last)}{row}"
    if isinstance(value, Dated):
        return f'<c r="{reference}" s="1"><v>{value.serial}</v></c>'
    if isinstance(value, Failed):
        return f'<c r="{reference}" t="e"><v>{value.error}</v></c>'
    if isinstance(value, str) and not value.replace(".", "", 1).lstrip("-").isdigit():
        return f'<c r="{reference}" t="inlineStr"><is><t>{escape(value)}</t></is></c>'
    if isinstance(value, str) and len(value) > 9:
        return f'<c r="{reference}" t="inlineStr"><is><t>{value}</t></is></c>'
    return f'<c r="{reference}" t="n"><v>{value}</v></c>'


def _workbook(names: Sequence[str], *, date1904: bool) -> str:
    epoch = '<workbookPr date1904="1"/>' if date1904 else ""
    sheets = "".join(
        f'<sheet name="{escape(name)}" r:id="rId{number}" sheetId="{number}"/>'
        for number, name in enumerate(names, start=1)
    )
    return (
        '<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" xmlns:r="http:'
        f'//schemas.openxmlformats.org/officeDocument/2006/relationships">{epoch}<sheets>'
        f"{sheets}</sheets></workbook>"
    )


def _relations(number: int) -> str:
    targets = "".join(
        f'<Relationship Id="rId{n}" Type="{_OFFICE}/worksheet" Target="worksheets/sheet{n}.xml"/>'
        for n in range(1, number + 1)
    )
    return (
        '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
        f"{targets}</Relationships>"
    )
