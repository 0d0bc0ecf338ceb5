"""The currency codes of ISO 4217, as the package `iso4217` carries the standard's table."""

from iso4217 import Currency

CURRENCIES = frozenset(currency.code for currency in Currency)
