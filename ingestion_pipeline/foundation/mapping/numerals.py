"""Numbers as a mapping says that they are written: exactly so, or refused."""

import re
from collections.abc import Callable
from decimal import Decimal

from ingestion_pipeline.foundation.mapping.refusals import Refusal
from ingestion_pipeline.foundation.mapping.words import Numbers

_SPACES = str.maketrans({"\u00a0": " ", "\u202f": " ", "\u2212": "-"})
_SIGN = r"(?:[A-Z]{1,3} ?)?[$€£¥￥₹]|[A-Z]{3}"
_DIGITS = 28  # more than any amount has, and no more work than that


def number_reader(numbers: Numbers) -> Callable[[str], Decimal | Refusal]:
    """What makes an exact number of a text.

    A percentage is a hundredth of what it says; parentheses, or a minus behind, make it negative.
    """
    point = re.escape(numbers.decimal)
    grouped = "".join(rf"|[0-9]{{1,3}}(?:{re.escape(sign)}[0-9]{{3}})+" for sign in numbers.group)
    ungrouped = str.maketrans("", "", numbers.group)
    signs = rf"(?:{_SIGN})?" if numbers.symbols else ""
    pattern = re.compile(
        rf"(?P<open>\()?(?P<minus>[-+])?{signs} ?(?P<inner>[-+])?"
        rf"(?P<whole>[0-9]+{grouped})(?:{point}(?P<part>[0-9]+))?"
        rf" ?(?P<percent>%)?(?: ?{signs})?(?P<behind>-)?(?P<close>\))?"
    )
    plain = re.compile(rf"[0-9]{{1,15}}(?:{point}[0-9]{{1,9}})?").fullmatch
    written = f"1{numbers.group[:1]}234{numbers.decimal}50"

    def read(text: str) -> Decimal | Refusal:
        if plain(text):  # as most are
            return Decimal(text.replace(numbers.decimal, "."))
        found = pattern.fullmatch(text.translate(_SPACES).strip())
        if found is None or bool(found["open"]) != bool(found["close"]):
            return Refusal(f"is not a number written like {written}", text)
        signs_said = [found["minus"], found["inner"], found["behind"], found["open"]]
        if sum(each is not None for each in signs_said) > 1:
            return Refusal("has more than one sign", text)
        whole = found["whole"].translate(ungrouped)
        part = found["part"] or ""
        if len(whole) + len(part) > _DIGITS:
            return Refusal(f"has more than {_DIGITS} digits", text)
        number = Decimal(f"{whole}.{part}" if part else whole)
        if any(each in ("-", "(") for each in signs_said):
            number = -number
        return number.scaleb(-2) if found["percent"] else number

    return read
