"""A flat export of a shop, one row a line of an order: which column is what.

Columns are known by what they are called in many exports, and what they seem to be is looked up in
the rows where these can tell it: whether a total is the order's or the line's, whether a number
tells customers apart, which columns only an order's first row fills.
"""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from itertools import groupby

from ingestion_pipeline.foundation.currencies import CURRENCIES
from ingestion_pipeline.foundation.intake.drafting import Draft
from ingestion_pipeline.foundation.intake.guessing import Found, columns_for
from ingestion_pipeline.foundation.mapping.numerals import number_reader

_ROLES = {
    "order": "order (?:id|no|nr|number|num|#|name|ref|reference|code) | orderid | order"
             " | (?:bestell|auftrags|rechnungs|beleg|bon)(?:nummer|nr|nr no) | bestellung"
             " | beleg | bon"
             " | (?:no?|num|numero|ref|reference)?(?: de| di)? ?(?:commande|facture|pedido|ordine)"
             " | (?:invoice|receipt|bill|sale|sales order|purchase|document|doc)"
             " ?(?:id|no|nr|number|num|#)? | .*order.*(?:id|no|number)"
             " | (?:bestel|ordre|faktura|kvitterings|tilaus)(?:nr|nummer|numero)"
             " | (?:nr|numer|cislo|numar) (?:zamowienia|paragonu|faktury|objednavky|comanda)"
             " | zamowienie | objednavka | comanda | (?:siparis|fis) no | rendeles ?szam | name",
    "line": "(?:order |sales )?(?:line ?item|line|position|pos) (?:id|no|nr|number)"
            " | order ?item ?(?:id|no|number)? | line | position | pos | transaction ?(?:id|no)",
    "date": "order(?:ed)? ?(?:date|at|on|time|datetime) | (?:purchase|sale|sales|invoice|receipt|"
            "transaction|placed|created|bought|bestell|auftrags|kauf|rechnungs|beleg|bon)"
            " ?(?:date|datum|at|on|time)?"
            " | bestelldatum | datum | date | fecha.* | data | created | timestamp | .*date.*"
            " | .*datum.* | data .* | .*dato | tarih.* | .*paiva.*",
    "customer": "(?:customer|cust|client|buyer|member|user|account|kunden|kd)"
                " ?(?:id|no|nr|number|nummer)",
    "email": ".*e ?mail.* | mail | e ?post.* | correo.* | sahkoposti",
    "name": "(?:customer|cust|client|buyer|kunden?|user|recipient|acheteur|bill to)"
            "(?: (?:full )?name)?"
            " | kundenname | kontakt | contact | (?:billing|full|ship to|ship|shipping) name"
            " | klant(?:naam)? | clientes? | klient | kunde?(?:navn|namn)? | asiakas | zakaznik"
            " | musteri | vevo | name",
    "sku": "(?:.* )?sku | (?:product|item|article|stock|variant|part)"
           " ?(?:code|no|nr|number|num|id|ref) | art(?:ikel)? ?(?:nr|nummer) | asin | ean"
           " | stockcode | .*barcode | reference | referencia | referentie | codi[gc][oe].*"
           " | varen(?:r|ummer) | tuote(?:numero|koodi) | symbol | kod(?: .*)?"
           " | (?:urun|stok) kodu",
    "product": "(?:product|item|article|lineitem|line item|artikel)"
               " ?(?:name|title|description|desc|bezeichnung)? | produkt(?:name)? | bezeichnung"
               " | title | description | goods | designation | produit | producto | prodotto"
               " | omschrijving | ware | produto | articulo | articolo | descri(?:cao|cion|zione)"
               " | vare(?:navn)? | vara | varor | tuote(?:nimi)? | (?:nazwa )?(?:towaru?|produktu)"
               " | produkt | zbozi | nazev.* | urun(?: adi)? | termek | produs",
    "quantity": "(?:.* )?(?:quantity|qty|menge|anzahl|quantite|qte|stuck|cantidad|quantita|aantal)"
                " | units?(?: sold)? | count | pieces | pcs | quantity.* | qtde? | quantidade"
                " | ilosc.* | antall? | maara | mnozstvi | pocet.* | adet | miktar | mennyiseg"
                " | darab(?:szam)? | cantitate",
    "price": "(?:unit|item|single|lineitem|each|sale|selling|einzel|stuck|net unit|gross unit) ?"
             "(?:price|preis|cost) | price(?: each| per unit| unit)? | preis | .*price.* | .*preis"
             " | (?:prix|precio|prezzo|prijs|preco|cena|pris|pret).* | valor unit.* | .*prijs"
             " | .*pris | .*hinta | (?:birim )?fiyati? | egysegar",
    "status": "(?:order|financial|payment|fulfil?lment)? ?status | state | zustand | estado"
              " | situacao | stato | statut | tila | durum",
    "currency": ".*(?:currency|wahrung|devise|moneda|moeda|valuta|waluta|valuutta).*"
                " | ccy | curr | mena | para birimi",
    "line_total": "(?:line|row|item|lineitem|line item|positions?) ?(?:total|sum|amount|net|value)"
                  "(?: price| amount)? | extended.* | gesamtpreis",
    "total": "endsumme | endbetrag | rechnungsbetrag"
             " | (?:order|grand|invoice|cart) ?(?:total|amount|sum|value)(?: amount| price)?"
             " | total(?: price| amount| paid| sum)? | amount(?: paid)? | summe | gesamt.*"
             " | revenue | sales | value | (?:montant|importe|importo|bedrag|totale|totaal).*"
             " | valor(?: total)? | valoare.* | wartosc.* | kwota.* | suma | summa | belopp | belob"
             " | belop | celkem.* | tutar.* | osszeg",
    "shipping": "(?:shipping|delivery|postage|freight|versand).*(?:cost|amount|price|charge|fee|"
                "total|paid)? | versandkosten | porto | shipping | postage | freight"
                " | fracht(?:kosten)? | frete | (?:gastos de )?envio | spedizione | frakt | kargo"
                " | (?:frais de )?(?:livraison|port) | verzend.* | (?:koszt )?(?:dostawy|wysylki)",
    "tax": "(?:.* )?(?:tax|vat|mwst|ust|gst)(?: amount| total| paid)? | taxes"
           " | (?:.* )?(?:iva|tva|btw|moms|alv|kdv|dph|imposto)(?: .*)?",
    "discount": "(?:.* )?(?:discount|rabatt?|nachlass|remise|coupon)(?: amount| total| value)?"
                " | descontos? | descuentos? | sconto | korting | alennus | indirim | sleva",
}  # fmt: skip
# What a column is by what all of its values are, where its name tells nothing.
_HOLDS: dict[str, Callable[[Found], bool]] = {
    "date": lambda found: bool(found.dates) and not found.numbers,
    "email": lambda found: bool(found.values) and all("@" in value[1:-1] for value in found.values),
    "currency": lambda found: bool(found.values) and set(found.values) <= CURRENCIES,
}
_A_CENT = Decimal("0.01")
_NEEDED = ("order", "date", "quantity")
AMOUNTS = ("quantity", "price", "line_total", "total", "shipping", "tax", "discount")


@dataclass
class Shop:
    """What was found of a shop's file.

    Attributes:
        roles: the column of each role.
        orders: the numbers of each order's rows, in the order of the file.
        adjacent: whether they stand together.
        numbers: by role, what each row says; None: nothing.
    """

    draft: Draft
    roles: dict[str, str]
    orders: list[list[int]]
    adjacent: bool
    numbers: dict[str, list[Decimal | None]]

    def has(self, *roles: str) -> bool:
        """Whether there are columns of all these."""
        return all(role in self.roles for role in roles)


def looks_like_shop(draft: Draft) -> bool:
    """Whether a file seems to be a shop's export, a row for each line of an order."""
    roles = _roles(draft)
    says_what = "sku" in roles or "product" in roles
    says_how_much = any(each in roles for each in ("price", "line_total", "total"))
    return all(each in roles for each in _NEEDED) and says_what and says_how_much


def shop_of(draft: Draft) -> Shop:
    """What a file's columns are, and its rows by order."""
    roles = _roles(draft)
    keys = draft.cells(roles["order"]) if "order" in roles else []
    keys = [key or f"\x00{row}" for row, key in enumerate(keys)] or list(
        map(str, range(len(draft.sample.rows)))
    )
    runs = [key for key, _ in groupby(keys)]
    rows: dict[str, list[int]] = {}
    for row, key in enumerate(keys):
        rows.setdefault(key, []).append(row)
    shop = Shop(draft, roles, list(rows.values()), len(runs) == len(set(runs)), {})
    for role in AMOUNTS:
        if role in roles:
            shop.numbers[role] = _numbers(draft, roles[role])
    _sort_totals(shop)
    return shop


def _roles(draft: Draft) -> dict[str, str]:
    """A column that says nothing in any row is none of them."""
    said = [name for name, found in draft.columns.items() if found.values or not draft.sample.rows]
    roles = columns_for(said, _ROLES)
    for role, holds in _HOLDS.items():
        left = (each for name, each in draft.columns.items() if name not in roles.values())
        if role not in roles and (found := next(filter(holds, left), None)):
            roles[role] = found.name
    if "total" in roles and "line_total" not in roles:  # of two amounts one is the line's
        left_over = [name for name in said if name not in roles.values()]
        roles |= columns_for(left_over, {"line_total": "betrag | amount | montant | importe"})
    if "order" not in roles and (name := _repeating(draft, roles)):
        roles["order"] = name
    if "sku" not in roles and "product" in roles and _are_codes(draft.columns[roles["product"]]):
        left_over = [name for name in said if name not in roles.values()]
        named = columns_for(left_over, {"product": _ROLES["product"]})
        if named:
            roles |= {"sku": roles["product"], **named}
    return roles


def _are_codes(found: Found) -> bool:
    return all(" " not in value and any(map(str.isdigit, value)) for value in found.values)


def _repeating(draft: Draft, roles: dict[str, str]) -> str | None:
    """The first column that may tell orders apart: filled everywhere, repeated, of one date each.

    In the words of a language that we don't know, an order's number is found by what it does.
    """
    dates = draft.cells(roles["date"]) if "date" in roles else [""] * len(draft.sample.rows)
    for name in draft.columns:
        cells = draft.cells(name)
        if name in roles.values() or not cells or "" in cells:
            continue
        values = set(cells)
        if 1 < len(values) < len(cells) and len(set(zip(cells, dates, strict=True))) == len(values):
            return name
    return None


def _numbers(draft: Draft, name: str) -> list[Decimal | None]:
    ways = draft.columns[name].numbers
    read = number_reader(ways[0]) if ways else lambda _: None
    found = [read(cell.removeprefix("'")) if cell else None for cell in draft.cells(name)]
    return [each if isinstance(each, Decimal) else None for each in found]


def _sort_totals(shop: Shop) -> None:
    """What a total is of, the rows of orders with several lines tell, whatever it is called.

    A column that is quantity by price in nearly all of them is the line's. So is one that says
    different things within one order.
    """
    rows = [row for order in shop.orders if len(order) > 1 for row in order]
    if not shop.has("line_total") and shop.has("quantity", "price") and rows:
        for name in shop.draft.columns:
            if name not in (shop.roles["quantity"], shop.roles["price"]):
                values = _numbers(shop.draft, name)
                if _is_product(shop, values, rows):
                    shop.roles["line_total"], shop.numbers["line_total"] = name, values
                    break
    total = shop.roles.get("total")
    varies = shop.has("total") and any(
        len({shop.numbers["total"][row] for row in order} - {None}) > 1 for order in shop.orders
    )
    if total is not None and (varies or total == shop.roles.get("line_total")):
        values = shop.numbers.pop("total")
        del shop.roles["total"]
        if not shop.has("line_total"):
            shop.roles["line_total"], shop.numbers["line_total"] = total, values


def _is_product(shop: Shop, values: list[Decimal | None], rows: list[int]) -> bool:
    quantities, prices = shop.numbers["quantity"], shop.numbers["price"]
    said: list[Decimal] = [
        (quantities[row] or Decimal(0)) * (prices[row] or Decimal(0)) - (values[row] or Decimal(0))
        for row in rows if values[row] is not None
    ]  # fmt: skip
    close = len([each for each in said if abs(each) <= _A_CENT])
    return 2 * len(said) > len(rows) and 10 * close >= 9 * len(said)


def is_shared(shop: Shop) -> bool:
    """Whether one number stands for several customers, as 0 does for all guests."""
    beside = next((shop.roles[role] for role in ("email", "name") if role in shop.roles), None)
    if beside is None:
        return False
    ids, others = shop.draft.cells(shop.roles["customer"]), shop.draft.cells(beside)
    pairs = {(ids[order[0]], others[order[0]].casefold()) for order in shop.orders}
    pairs = {(key, other) for key, other in pairs if key and other}
    return len({key for key, _ in pairs}) < 0.9 * len(pairs)


def is_told(shop: Shop, role: str) -> list[bool]:
    """Of each order, whether its first row says it."""
    cells = shop.draft.cells(shop.roles[role])
    return [cells[order[0]] != "" for order in shop.orders]


def only_in_first(shop: Shop, name: str, several: list[list[int]]) -> bool:
    """Whether a column is filled in the first rows of orders and in none of their others."""
    if name in (shop.roles.get(role) for role in ("order", "sku", "product", "quantity", "price")):
        return False
    cells = shop.draft.cells(name)
    firsts = sum(cells[order[0]] != "" for order in several)
    others = sum(cells[row] != "" for order in several for row in order[1:])
    return firsts * 2 > len(several) and others == 0
