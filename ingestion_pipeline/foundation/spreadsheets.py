"""What spreadsheets do to values on their way through, recognized alike for all wings."""

import re

# Excel writes 1.23457E+12 (a comma in half of Europe), Java and pandas leave the plus out.
_SHORTENED = re.compile(r"\s*[+-]?[0-9](?:[.,][0-9]+[eE][+-]?|[eE]\+)[0-9]{1,3}\s*", re.ASCII)
# A cell begins where the text does, and behind what some spreadsheets take for the end of a column
# or row: half of Europe's Excel splits at semicolons, whatever is in quotes. What is not seen is
# passed over; a full-width or small sign is as good as the plain one. Numbers behind an end stay.
_UNSEEN = (
    r"(?:[^\S\t\r\n]|[\x00-\x08\x0e-\x1f\x7f\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff])*"
)
_SIGN = r"[=+\-@|%−＝＋－＠＋％｜﹢﹣﹦﹪﹫⁺⁻⁼₊₋₌]"
_FORMULA = re.compile(
    rf"^(?={_UNSEEN}(?:{_SIGN}|[\t\r\n]))"
    rf"|(?<=[;\t\r\n])(?={_UNSEEN}{_SIGN})(?!{_UNSEEN}[+-][0-9][0-9.,]*(?:[;\t\r\n]|\Z))"
)
_HINT = re.compile(r"[0-9][eE][+-]?[0-9]")
SHORTENED_RULE = (
    "must be whole: a spreadsheet has shortened this number; format the column as text and export "
    "it again"
)


def is_shortened(identity: str) -> bool:
    """Whether an id is a number that a spreadsheet has shortened, so that digits of it are lost.

    >>> is_shortened("1.23457E+12"), is_shortened("1E5"), is_shortened("9780141036144")
    (True, False, False)
    """
    return _SHORTENED.fullmatch(identity) is not None


def harmless(text: str) -> str:
    """A text as CSV may hold it: a spreadsheet takes what begins like a formula for one, so that
    gets an apostrophe in front, which spreadsheets read as "this is text".

    <https://owasp.org/www-community/attacks/CSV_Injection>

    >>> harmless("=1+1"), harmless("-5 °C"), harmless("a=b")
    ("'=1+1", "'-5 °C", 'a=b')
    >>> harmless("a; =1+1"), harmless("a;-1;b")
    ("a;' =1+1", 'a;-1;b')
    """
    return _FORMULA.sub("'", text)


def are_whole(identities: str) -> bool:
    """Whether there is no shortened number among ids, for certain, that stand one behind the other.

    >>> are_whole("SKU-1Order 3"), are_whole("A1E5")
    (True, False)
    """
    return _HINT.search(identities) is None
