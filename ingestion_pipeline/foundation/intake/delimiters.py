"""Which of the signs that a mapping allows stands between a file's cells: the first under which a
line holds the header's columns. Nothing is counted, so no text decides by how many commas it has.
"""

import csv

from ingestion_pipeline.foundation.mapping.words import Mapped
from ingestion_pipeline.foundation.storage.file_signatures import encoding_of

_MARK = "\ufeff"


def delimiter_of(head: bytes, mapped: Mapped) -> str:
    """The sign between a file's cells.

    Args:
        head: the first bytes of the file, among which its header is.
    """
    read = mapped.read
    if len(read.delimiters) < 2:
        return read.delimiter
    text = head.decode(encoding_of(head) or read.encoding, errors="replace").lstrip(_MARK)
    wanted = [set(mapped.names.get(each, (each,))) for each in read.find]
    for sign in read.delimiters:
        for line in text.splitlines():
            cells = {cell.strip() for cell in _cells(line, sign, read.quote)}
            if all(each & cells for each in wanted):
                return sign
    return read.delimiter


def _cells(line: str, sign: str, quote: str | None) -> list[str]:
    if quote is None:
        return line.split(sign)
    try:
        return next(csv.reader([line], delimiter=sign, quotechar=quote), [])
    except csv.Error:
        return []
