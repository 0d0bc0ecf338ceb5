"""A file → numbered blocks of JSON lines, whatever form its content has.

The first bytes tell the form: what begins as JSON is lines of objects, or a document; what has a
header of the entity's is CSV. A file's name decides only where the content does not.
"""

from collections.abc import Iterator
from typing import IO

from ingestion_pipeline.domains.commerce.contract.entities import Entity
from ingestion_pipeline.domains.commerce.sources.csv_headers import begins_with_header
from ingestion_pipeline.domains.commerce.sources.delimited import csv_as_json
from ingestion_pipeline.domains.commerce.sources.documents import (
    elements,
    is_document,
    refuse_wrapped,
)
from ingestion_pipeline.domains.commerce.sources.lines import (
    BYTE_ORDER_MARK,
    Block,
    blocks_of_lines,
    pieces,
)
from ingestion_pipeline.foundation.storage.file_kinds import Limits, WrongFileError, head_of, opened

_BLANK = b" \t\r\n"


def numbered_lines(
    file: IO[bytes], file_name: str, entity: Entity, *, limits: Limits | None = None
) -> Iterator[tuple[Block, int]]:
    """Blocks of lines, each with the number of its first line in the file.

    Every physical line is in one of them, but of JSON documents, whose elements stand for lines.

    Raises:
        WrongFileError: the file as a whole can't be used.
    """
    stream = opened(file, limits)
    beginning = head_of(stream)
    if beginning and not beginning.strip(BYTE_ORDER_MARK):
        raise WrongFileError("the file is empty but for a byte-order mark: its transfer failed")
    head = beginning.removeprefix(BYTE_ORDER_MARK).lstrip(_BLANK + b"\x1e")
    if head[:1] in (b"{", b"["):
        refuse_wrapped(head, entity)
        blocks = elements(pieces(stream)) if is_document(head) else blocks_of_lines(stream)
    elif _is_named_csv(file_name) or begins_with_header(head, entity):
        blocks = csv_as_json(blocks_of_lines(stream, with_ends=True), entity)
    else:
        blocks = blocks_of_lines(stream)
    number = 1
    for block in blocks:
        yield block, number
        number += block if isinstance(block, int) else len(block)


def _is_named_csv(file_name: str) -> bool:
    return file_name.lower().removesuffix(".gz").removesuffix(".zst").endswith(".csv")
