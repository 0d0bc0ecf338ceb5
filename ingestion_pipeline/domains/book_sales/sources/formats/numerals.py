"""How a number can be read: which value it has with a decimal point, which with a decimal comma.

Accepted are the ways in which spreadsheets write numbers: thousands in groups of three (or as in
India, the last of three and those before of two) by point, comma, apostrophe or space; a minus in
front or behind, or parentheses, for negative ones; the sign or code of a currency in front or
behind. Digits are ASCII. Everything else is no number, an exponent too: spreadsheets write one
where they have lost digits.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType

POINT, COMMA = ".", ","

_DOLLARS = frozenset({"USD", "CAD", "AUD", "NZD", "SGD", "HKD", "TWD", "MXN"})
# What a sign may mean; a number's currency itself is always said by a column of its own.
_SIGNS: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "US$": frozenset({"USD"}), "CA$": frozenset({"CAD"}), "CAD$": frozenset({"CAD"}),
        "C$": frozenset({"CAD"}), "A$": frozenset({"AUD"}), "AU$": frozenset({"AUD"}),
        "AU $": frozenset({"AUD"}), "NZ$": frozenset({"NZD"}), "MX$": frozenset({"MXN"}),
        "R$": frozenset({"BRL"}), "$": _DOLLARS, "€": frozenset({"EUR"}),
        "£": frozenset({"GBP"}), "¥": frozenset({"JPY", "CNY"}), "￥": frozenset({"JPY", "CNY"}),
        "₹": frozenset({"INR"}), "zł": frozenset({"PLN"}), "kr": frozenset({"SEK", "NOK", "DKK"}),
    }
)  # fmt: skip
_AFFIX = "|".join(sorted(map(re.escape, _SIGNS), key=len, reverse=True)) + "|[A-Z]{3}"
_BEFORE = re.compile(rf"(?:(?P<sign>[+-])|(?P<money>{_AFFIX}))[ ]?")
_BEHIND = re.compile(rf"[ ]?(?:(?P<sign>[+-])|(?P<money>{_AFFIX}))$")
_SPACES = str.maketrans({"\u00a0": " ", "\u202f": " ", "\u2009": " ", "\u2212": "-", "’": "'"})
_BODIES = {
    sign: re.compile(
        rf"(?:(?P<plain>[0-9]+)"
        rf"|(?P<grouped>[1-9][0-9]{{0,2}}(?:(?P<by>[{re.escape(other)}' ])[0-9]{{3}})"
        rf"(?:(?P=by)[0-9]{{3}})*)"
        rf"|(?P<indian>[1-9][0-9]?(?:{re.escape(other)}[0-9]{{2}})+{re.escape(other)}[0-9]{{3}}))?"
        rf"(?:{re.escape(sign)}(?P<fraction>[0-9]*))?"
    )
    for sign, other in ((POINT, COMMA), (COMMA, POINT))
}


@dataclass(frozen=True)
class Numeral:
    """A number as it is written.

    Attributes:
        by_sign: its value by the decimal sign with which it can be read: with one, or with both.
        currencies: what a currency's sign beside it allows; None: there is none.
    """

    by_sign: Mapping[str, Decimal]
    currencies: frozenset[str] | None = None

    def whole(self) -> "Numeral":
        """What remains of it where only whole numbers make sense."""
        kept = {s: v for s, v in self.by_sign.items() if v == v.to_integral_value()}
        return Numeral(kept or self.by_sign, self.currencies)


def numeral(text: str) -> Numeral | None:
    """How a text can be read as a number; None: not at all."""
    body = text.translate(_SPACES).strip()
    negative = body.startswith("(") and body.endswith(")")
    if negative:
        body = body[1:-1].strip()
    signs = ["-"] if negative else []
    affixes: list[str] = []
    for pattern in (_BEFORE, _BEFORE, _BEHIND, _BEHIND):
        found = pattern.match(body) if pattern is _BEFORE else pattern.search(body)
        if found is None:
            continue
        (signs if found["sign"] else affixes).append(found["sign"] or found["money"])
        body = body[: found.start()] if pattern is _BEHIND else body[found.end() :]
    if not signs and body.startswith("(") and body.endswith(")"):  # `$(1.50)`
        signs, body = ["-"], body[1:-1].strip()
    if len(signs) > 1 or len(affixes) > 1:
        return None
    by_sign = {sign: value for sign in _BODIES if (value := _value(body, sign)) is not None}
    if not by_sign:
        return None
    if "-" in signs:
        by_sign = {sign: -value for sign, value in by_sign.items()}
    currencies = _SIGNS.get(affixes[0], frozenset({affixes[0]})) if affixes else None
    return Numeral(by_sign, currencies)


def _value(body: str, sign: str) -> Decimal | None:
    found = _BODIES[sign].fullmatch(body)
    if found is None:
        return None
    whole = re.sub(r"[^0-9]", "", found["plain"] or found["grouped"] or found["indian"] or "")
    fraction = found["fraction"] or ""
    return Decimal(f"{whole or 0}.{fraction or 0}") if whole or fraction else None
