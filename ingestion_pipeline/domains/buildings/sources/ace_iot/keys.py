"""Whether no record of a page has a key twice, found out without looking at any record.

Readers of JSON keep the last of two values of a key, and nothing says that there was another. So
quotes are counted: a page of records without such a key has as many as its records account for.
That costs two fifths of decoding it; looking at each record, fifteen times as much as decoding.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from msgspec import UnsetType

from ingestion_pipeline.domains.buildings.sources.ace_iot.damaged import key_there_twice
from ingestion_pipeline.domains.buildings.sources.ace_iot.records import ABSENT, Record

_QUOTE = 0x22
_BLOCK = 1 << 20  # stays in the processor's cache


def keys_are_single(content: bytes, records: Sequence[Record]) -> bool:
    """Whether it is certain that no object of a page has a key twice; if not, look at each."""
    begin, end = content.find(b"["), content.rfind(b"]")
    if not 0 <= begin < end:
        return True
    if key_there_twice(content[: begin + 1] + content[end:]) is not None:
        return False
    return keys_of_records_are_single(content, records, begin, end)


def keys_of_records_are_single(
    content: bytes, records: Sequence[Record], begin: int = 0, end: int | None = None
) -> bool:
    """The same of the texts of records between two places."""
    optional = _Optional.of(records)
    texts = _count(str, [record.value for record in records]) + optional.texts
    keys = 3 * len(records) + sum(optional.present.values())
    # Two quotes a key and two a text; name and time are texts.
    expected = 2 * (keys + 2 * len(records) + texts) + quotes(optional.metadata)
    if quotes(content, begin, end) == expected:
        return True
    return _counted_by_name(content[begin:end], records, optional)


@dataclass(frozen=True)
class _Optional:
    """What records of the documented dialect may have: how many have it, and their metadata."""

    present: dict[str, int] = field(default_factory=dict)
    texts: int = 0
    metadata: bytes = b""

    @classmethod
    def of(cls, records: Sequence[Record]) -> "_Optional":
        if not records or not hasattr(records[0], "quality"):
            return cls()
        some: Any = records
        qualities = [record.quality for record in some]
        metadata = [record.metadata for record in some]
        absent = {
            "quality": _count(UnsetType, qualities),
            # The default is one object: equal by address.
            "metadata": metadata.count(ABSENT),
            "unit": [record.unit for record in some].count(ABSENT),
        }
        present = {name: len(records) - number for name, number in absent.items()}
        return cls(present, _count(str, qualities), b"".join(metadata))


def _count(wanted: type, values: Sequence[Any]) -> int:
    """How many are of a type; nearly always all or none."""
    types = set(map(type, values))
    if len(types) > 1:
        return Counter(map(type, values))[wanted]
    return len(values) if wanted in types else 0


def quotes(content: bytes, begin: int = 0, end: int | None = None) -> int:
    """How many quotes there are, escaped ones among them."""
    every = np.frombuffer(content, np.uint8)[begin:end]
    blocks = (every[at : at + _BLOCK] == _QUOTE for at in range(0, len(every), _BLOCK))
    return sum(int(np.count_nonzero(block)) for block in blocks)


def _counted_by_name(content: bytes, records: Sequence[Record], optional: _Optional) -> bool:
    """The same where records have more than we know: no key that we know is there too often."""
    if not records or any(b"\\u00%d" % digit in content for digit in (4, 5, 6, 7)):
        return False  # a key's letters may be written like this
    if b'"data"' in content or b'"point_samples"' in content:
        return False
    expected = dict.fromkeys(records[0].__struct_encode_fields__, len(records)) | optional.present
    quoted = {b'"%b"' % name.encode(): number for name, number in expected.items()}
    return all(
        content.count(name) == number + optional.metadata.count(name)
        for name, number in quoted.items()
    )
