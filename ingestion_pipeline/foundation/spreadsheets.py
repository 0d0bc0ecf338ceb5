"""What spreadsheets do to values on their way through, recognized alike for all wings."""

import re

# Excel writes 1.23457E+12 (a comma in half of Europe), Java and pandas leave the plus out.
_SHORTENED = re.compile(r"\s*[+-]?[0-9](?:[.,][0-9]+[eE][+-]?|[eE]\+)[0-9]{1,3}\s*", re.ASCII)
_STARTS = tuple("=+-@\t\r\n|%＝＋－＠")
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
    """
    return "'" + text if text.lstrip(" ")[:1] in _STARTS else text


def are_whole(identities: str) -> bool:
    """Whether there is no shortened number among ids, for certain, that stand one behind the other.

    >>> are_whole("SKU-1Order 3"), are_whole("A1E5")
    (True, False)
    """
    return _HINT.search(identities) is None
