"""Names of months, in the languages in which exports write them.

Of CLDR 44 (unicode.org/cldr, `months/format`, wide and abbreviated), and the abbreviations that
platforms use beside them. Names are compared without case and without accents. Where two of the
languages share a name, it is the same month in both (a test says so), so that a mapping may list
several.
"""

import unicodedata
from collections.abc import Iterable

_TWELVE = {
    "en": "january february march april may june july august september october november december",
    "de": "januar februar marz april mai juni juli august september oktober november dezember",
    "fr": "janvier fevrier mars avril mai juin juillet aout septembre octobre novembre decembre",
    "it": "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre "
          "dicembre",
    "es": "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre "
          "diciembre",
    "nl": "januari februari maart april mei juni juli augustus september oktober november december",
    "pt": "janeiro fevereiro marco abril maio junho julho agosto setembro outubro novembro "
          "dezembro",
}  # fmt: skip
_SHORT = {
    "en": "jan feb mar apr may jun jul aug sep oct nov dec",
    "de": "jan feb mar apr mai jun jul aug sep okt nov dez",
    "fr": "janv fevr mars avr mai juin juil aout sept oct nov dec",
    "it": "gen feb mar apr mag giu lug ago set ott nov dic",
    "es": "ene feb mar abr may jun jul ago sept oct nov dic",
    "nl": "jan feb mrt apr mei jun jul aug sep okt nov dec",
    "pt": "jan fev mar abr mai jun jul ago set out nov dez",
}
_ALSO = {
    "en": {"sept": 9}, "de": {"mrz": 3, "jan": 1, "sept": 9, "janner": 1, "jann": 1, "feber": 2},
    "fr": {"jan": 1, "fev": 2, "mar": 3, "aou": 8, "sep": 9}, "it": {"sett": 9},
    "es": {"sep": 9, "set": 9, "setiembre": 9}, "nl": {"maa": 3, "mar": 3, "sept": 9}, "pt": {},
}  # fmt: skip
LANGUAGES = tuple(_TWELVE)


def months_of(languages: Iterable[str]) -> dict[str, int]:
    """The number of each name of a month in some languages (`LANGUAGES`)."""
    numbers: dict[str, int] = {}
    for language in languages:
        for names in (_TWELVE[language], _SHORT[language]):
            numbers |= {name: number for number, name in enumerate(names.split(), start=1)}
        numbers |= _ALSO[language]
    return numbers


def month_name(language: str, number: int) -> str:
    """The short name of a month."""
    return _SHORT[language].split()[number - 1]


def plain(name: str) -> str:
    """A name without case and without accents: `Févr` is `fevr`."""
    if name.isascii():
        return name.casefold()
    apart = unicodedata.normalize("NFKD", name)
    return "".join(each for each in apart if not unicodedata.combining(each)).casefold()
