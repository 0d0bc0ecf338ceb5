"""Which values of a file may be told to more than who sent it: by how they are written.

What a column is called, or what it should hold, says nothing of what is in it: a comma too many in
an address puts a name into the column of amounts.
"""

import re

_SIGN = r"[-+(]? ?(?:[A-Z]{3} ?|[$€£¥] ?)?-?"
_NUMBER = rf"{_SIGN}(?:[0-9]{{1,3}}(?:[.,'][0-9]{{3}}){{1,4}}|[0-9]{{1,7}})(?:[.,][0-9]{{0,8}})?"
_BEHIND = r" ?-?\)?(?: ?(?:[A-Z]{3}|[$€£¥%]))?"
_YEAR, _PART = "[0-9]{4}", "[0-9]{1,2}"
_DAY = rf"(?:{_YEAR}[-./ ]{_PART}[-./ ]{_PART}|{_PART}[-./ ]{_PART}[-./ ](?:{_YEAR}|{_PART}))"
_TIME = rf"{_PART}:{_PART}(?::{_PART}(?:[.,][0-9]{{1,9}})?)? ?(?:[AaPp][Mm])?"
_OFFSET = r" ?(?:Z|UTC|GMT|[-+][0-9]{2}:?[0-9]{2})"
_TOLD = re.compile(rf"{_NUMBER}{_BEHIND}|{_DAY}(?:[T ,]{{1,2}}{_TIME}(?:{_OFFSET})?)?|{_TIME}")


def is_impersonal(value: str) -> bool:
    """Whether a value is an amount, a date or a time by its signs, and so nobody's name, address,
    or number: of digits in a row at most seven are told, as more may be a telephone's or a card's.
    """
    return _TOLD.fullmatch(value.strip()) is not None
