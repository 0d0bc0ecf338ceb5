"""What spreadsheets do to values on their way through, recognized alike for all wings."""

import re

# Excel writes 1.23457E+12 (a comma in half of Europe), Java and pandas leave the plus out.
_SHORTENED = re.compile(r"\s*[+-]?[0-9](?:[.,][0-9]+[eE][+-]?|[eE]\+)[0-9]{1,3}\s*", re.ASCII)
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
