"""Files of KPI history → their entries one by one, in memory that does not grow with the file.

    JSON array        [reading, …], [{"key", "value"}, …]
    JSON object       one reading, or a dump of a key-value store: {"timeseries:…": document, …};
                      several of them one behind the other, too
    NDJSON            a reading, a document or {"key", "value"} a line
    CSV               a header with timestamp and value at least; a reading a line

Which of these it is, and whether it is compressed, its first bytes say.
"""

from collections.abc import Iterator
from typing import IO

from ingestion_pipeline.domains.kpis.sources.history_csv import readings_of
from ingestion_pipeline.domains.kpis.sources.history_entries import Entry, entry_of
from ingestion_pipeline.domains.kpis.sources.history_json import documents_of
from ingestion_pipeline.domains.kpis.sources.history_lines import MARK, Lines
from ingestion_pipeline.foundation.errors import ContractError
from ingestion_pipeline.foundation.storage.file_kinds import DAMAGE, Limits, opened
from ingestion_pipeline.gateway.json_bodies import NO_JSON, RepeatedKeyError, decode, why_no_json

_PEEK_BYTES = 1024 * 1024


def entries_of(file: IO[bytes], limits: Limits | None = None) -> Iterator[Entry]:
    """The entries of a file, in their order.

    Raises:
        ContractError: it is none of these files, or damaged from some place on, or unpacks to more
            than the limits let; what came before has been handed out.
    """
    try:
        yield from _entries(Lines(opened(file, limits)))
    except DAMAGE as damage:
        raise ContractError(f"the compressed file is damaged, or breaks off: {damage}") from None


def _entries(lines: Lines) -> Iterator[Entry]:
    beginning = lines.peek(_PEEK_BYTES)
    while beginning.startswith(MARK):
        lines.read(len(MARK))
        beginning = beginning[len(MARK) :]
    start = beginning.lstrip()[:1]
    if not start:
        raise ContractError("the file is empty: its transfer has failed")
    if start == b"[" or (start == b"{" and not _is_ndjson(beginning)):
        yield from documents_of(lines)
    elif start == b"{":
        yield from _of_lines(lines)
    else:
        yield from readings_of(lines)


def _is_ndjson(beginning: bytes) -> bool:
    """Whether the first line is an object by itself, and not the last; or damaged, and the second
    begins as an object does, which within one none would.
    """
    first, *others = (line for line in beginning.splitlines() if line.strip())
    if not others:
        return False
    try:
        return isinstance(decode(first), dict)
    except RepeatedKeyError:
        return True
    except NO_JSON:
        return others[0].startswith((b"{", MARK))


def _of_lines(lines: Lines) -> Iterator[Entry]:
    for number, line in lines.numbered():
        place = f"line {number}"
        if line is None:
            yield Entry(place, None, fault="must be at most 64 MiB long")
            continue
        try:
            yield entry_of(place, decode(line))
        except NO_JSON as error:
            yield Entry(place, None, fault=f"must be one JSON object: {why_no_json(line, error)}")
        except RepeatedKeyError as error:
            yield Entry(place, None, fault=str(error))
