"""CSV files: each record becomes the JSON line that it stands for, so that one parser serves all.

A record may span lines (a quoted newline); it counts as one line, and the header as none.
"""

import csv
from collections.abc import Iterator

import msgspec

from ingestion_pipeline.commerce.contract import MAXIMUM_LINE_BYTES, Entity, Kind
from ingestion_pipeline.commerce.lines import UnusableLine
from ingestion_pipeline.errors import ContractError

# What CSV can only write as text and JSON has a form of its own for.
_BARE: frozenset[Kind] = frozenset({"integer", "boolean", "object"})


def csv_as_json(blocks: Iterator[list[bytes]], entity: Entity) -> Iterator[list[bytes]]:
    """Blocks of CSV lines (the first is the header) → blocks of JSON lines.

    Raises:
        ContractError: the header lacks a column that every row needs.
    """
    kinds = {field.name: field.kind for field in entity.fields}
    header: list[str] | None = None
    for block in _records(blocks):
        lines: list[bytes] = []
        for record in block:
            if isinstance(record, UnusableLine):
                lines.append(record)
            elif header is None:
                header = [name.strip() for name in record]
                _require_columns(header, entity)
            else:
                lines.append(_as_json(record, header, kinds))
        yield lines


def _records(blocks: Iterator[list[bytes]]) -> Iterator[list[list[str] | UnusableLine]]:
    """Parsed records, about as many at a time as lines came."""
    unusable: list[UnusableLine] = []
    taken, last = 0, b""

    def text() -> Iterator[str]:
        nonlocal taken, last
        for block in blocks:
            for line in block:
                taken += 1
                if isinstance(line, UnusableLine):
                    unusable.append(line)
                else:
                    last = line
                    yield line.decode("utf-8", "surrogateescape") + "\n"

    csv.field_size_limit(MAXIMUM_LINE_BYTES)
    reader = csv.reader(text(), strict=True)
    records: list[list[str] | UnusableLine] = []
    record: list[str] | UnusableLine
    while True:
        try:
            record = next(reader)
        except StopIteration:
            break
        except csv.Error as error:
            record = UnusableLine(last, f"must be a CSV record: {error}")
        records += [*unusable, record]  # what the reader passed over came before the record
        unusable.clear()
        if taken >= 5_000:
            yield records
            records, taken = [], 0
    yield [*records, *unusable]


def _require_columns(header: list[str], entity: Entity) -> None:
    try:
        readable = b"\x00" not in "".join(header).encode()
    except UnicodeEncodeError:
        readable = False
    if not readable:
        raise ContractError(f"header: must be UTF-8 without NUL, found {header!r}")
    needed = {
        field.name for field in entity.fields if not field.nullable and field.kind != "object"
    }
    if missing := needed - set(header):
        raise ContractError(
            f"header: {entity.name} needs the columns {', '.join(sorted(missing))}; "
            f"found {', '.join(header)}"
        )


def _as_json(record: list[str], header: list[str], kinds: dict[str, Kind]) -> bytes:
    if not record:
        return b""
    try:
        text = "".join(record).encode()
    except UnicodeEncodeError:
        return UnusableLine(",".join(record).encode("utf-8", "surrogateescape"), "must be UTF-8")
    if len(record) > len(header):
        return UnusableLine(text, f"must have at most {len(header)} values, got {len(record)}")
    values: dict[str, object] = {}
    for name, value in zip(header, record, strict=False):
        kind = kinds.get(name)
        if kind in _BARE:
            values[name] = _bare(value, kind)
        elif value or kind == "text":
            values[name] = value
    return msgspec.json.encode(values)


def _bare(value: str, kind: Kind | None) -> object:
    """The text as the JSON that it is (exact, unread), or as a text, which the rules refuse."""
    if not value:
        return None
    plain = value.strip().lower() if kind == "boolean" else value
    try:
        return msgspec.json.decode(plain, type=msgspec.Raw)
    except (msgspec.DecodeError, RecursionError):
        return value
