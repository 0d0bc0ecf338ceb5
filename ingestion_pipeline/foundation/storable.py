"""Texts that the stores can keep: PostgreSQL takes no NUL, and no store half a surrogate pair.

JSON may spell either as an escape, and Python's decoder lets both in.
"""

from typing import Any

UNSTORABLE = "must not contain NUL or half a surrogate pair"


def is_storable(text: str) -> bool:
    """Whether a text can be stored.

    >>> is_storable("\\N{GRINNING FACE}"), is_storable("\\0"), is_storable("\\ud83d")
    (True, False, False)
    """
    if "\0" in text:
        return False
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def shown(text: str) -> str:
    """A text that may be unstorable itself, in ASCII, for the sentence that says so."""
    return text.encode("ascii", "backslashreplace").decode().replace("\0", "\\x00")


def storable(value: Any) -> Any:
    """A text, or a document of texts, in which what can't be stored is written as an escape.

    >>> storable({"a": ["b\\0"]})
    {'a': ['b\\\\x00']}
    """
    if isinstance(value, str):
        if is_storable(value):
            return value
        return value.encode("utf-8", "backslashreplace").decode().replace("\0", "\\x00")
    if isinstance(value, dict):
        return {storable(name): storable(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [storable(inner) for inner in value]
    return value
