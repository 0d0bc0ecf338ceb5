"""Words of others, for terminals and logs: what these would act on is written as an escape.

A file's name or a cell of a stranger's report may hold line feeds, which forge lines of a log,
escape sequences, which a terminal obeys, and characters that turn the order of others around.
"""

import logging
import unicodedata

_KEPT_IN_LINES = frozenset("\n\t")


def printable(text: str, *, lines: bool = False) -> str:
    """A text in which every character is one that is seen: `a\\nb` for `a`, line feed, `b`.

    Args:
        text: of anybody.
        lines: it may have several, so line feeds and tabs stay.
    """
    if text.isprintable():
        return text
    return "".join(
        each if _is_seen(each) or (lines and each in _KEPT_IN_LINES) else _escape(each)
        for each in text
    )


def _is_seen(character: str) -> bool:
    # Spaces of other scripts are no controls; line and paragraph separators are.
    return character.isprintable() or unicodedata.category(character) == "Zs"


def _escape(character: str) -> str:
    return character.encode("unicode_escape", "surrogatepass").decode("ascii")


class PlainRecord(logging.LogRecord):
    """A log record whose message has one line where it is ours, and no controls whoever's it is."""

    def getMessage(self) -> str:  # noqa: N802  (logging's name)
        """See `logging.LogRecord.getMessage`."""
        ours = self.name.partition(".")[0] == __name__.partition(".")[0]
        return printable(super().getMessage(), lines=not ours)


def log_plainly() -> None:
    """Let all log records of this process be `PlainRecord`s from now on."""
    logging.setLogRecordFactory(PlainRecord)
