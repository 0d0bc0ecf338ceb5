"""The lines at the end of a file that are no rows: sums of what is above, or words about it."""

import json
import re

from ingestion_pipeline.foundation.intake.records import Record

_WIDE = 4  # columns of a table in which a row with one cell is none
# As the words of a report that sums up begin, in the languages whose columns are known.
_SUMS_UP = re.compile(
    r"\W*(?:(?:(?:grand|overall|report)[ _]|sub[-_ ]?)?(?:totale?s?|totaal|totalt|sum|sums)"
    r"|(?:zwischen|end|gesamt)?(?:summe|betrag)|gesamt|insgesamt|anzahl|somme|suma|soma|somma|summa"
    r"|razem|celkem|yhteensä|итого|合計|(?:rows?|records?|lines?|number|count)(?= of|[ _:])"
    r"|[0-9]+ ?(?:rows|records|lines|zeilen|lignes|filas|righe|regels))(?![^\W\d_])",
    re.IGNORECASE,
)


def footer_of(last: list[Record], width: int) -> list[Record]:
    """The lines at the end that are no rows: of another width, or sums of what is above."""
    at = len(last)
    for place in range(len(last) - 1, -1, -1):
        cells = [cell.strip() for cell in last[place].cells]
        said = [cell for cell in cells if cell]
        is_alone = len(said) == 1 and width >= _WIDE
        if said and (is_alone or len(cells) < width or _sums_up(said, width)):
            at = place
        elif said:
            break
    return last[at:]


def _sums_up(said: list[str], width: int) -> bool:
    """Whether the cells of a line that say something are a sum: by its first word, where they are
    few, or where that word is all that the first of them says.
    """
    word = _SUMS_UP.match(said[0])
    if word is None:
        return False
    is_all = not said[0][word.end() :].strip(" .:;")
    return len(said) < (width if is_all else width / 2 + 1)


def stop_of(footer: list[Record], rows: list[Record]) -> str:
    """The pattern of a footer's first line, as `stop:` has it; empty: there is none."""
    if not footer:
        return ""
    first = footer[0].cells[0].strip()
    words = re.match(r"[^\W\d_][^\d:,;]*", first)
    pattern = f"^{_any_number((words[0] if words else first).strip())}" if first else ""
    if pattern and not any(re.search(pattern, row.cells[0]) for row in rows if row.cells):
        return f"{{first: {json.dumps(pattern, ensure_ascii=False)}}}"
    line = f"^{_any_number(footer[0].text.strip()[:40])}"
    return f"{{line: {json.dumps(line, ensure_ascii=False)}}}"


def _any_number(text: str) -> str:
    """A pattern of a text in which any number may stand for another: so many rows, such a sum."""
    parts = re.split(r"[0-9][0-9.,]*", text)
    return "[0-9.,]+".join(map(re.escape, parts))
