"""UUIDs of version 5 that a mapping makes of parts: of tenant, source, kind and what a row says.

Most of a file's time would go here, so a batch's names are put together by Python's own `map`, its
ids are written at once, and a name that comes again (an order's, in each of its lines) is not
worked out again.
"""

import hashlib
import uuid
from collections.abc import Callable, Iterator, Sequence
from hashlib import sha1
from itertools import repeat
from typing import Any

import numpy as np

from ingestion_pipeline.foundation.mapping.batch import Batch, Cell, Remembered
from ingestion_pipeline.foundation.mapping.cells import Evaluate
from ingestion_pipeline.foundation.mapping.occurrences import DIGEST_BYTES, Occurrences
from ingestion_pipeline.foundation.mapping.refusals import Refusal
from ingestion_pipeline.foundation.mapping.words import Identity
from ingestion_pipeline.foundation.spreadsheets import SHORTENED_RULE, are_whole, is_shortened

_BETWEEN = "\x1f"  # between the parts of an id
_LENGTH = 36  # of a UUID as a text
_DIGITS = [at for at in range(_LENGTH) if at not in (8, 13, 18, 23)]
_REMEMBERED = 50_000  # names
_AT_ONCE = 10_000
_NOTHING = Refusal("has nothing to make an id of")


class Ids:
    """The UUIDs of version 5 of names, as `uuid.uuid5` makes them, a batch at a time."""

    def __init__(self, space: uuid.UUID) -> None:
        """Args: space: of the names."""
        self._space = space.bytes
        self._known: dict[str, str] = {}

    def of(self, names: Sequence[str]) -> list[str]:
        """The id of each name."""
        known, ids = self._known, list[str]()
        for at in range(0, len(names), _AT_ONCE):
            some = names[at : at + _AT_ONCE]
            if len(known) > _REMEMBERED:
                known.clear()
            new = list(set(some).difference(known))
            known.update(zip(new, self._made(new), strict=True))
            ids += map(known.__getitem__, some)
        return ids

    def _made(self, names: Sequence[str]) -> Iterator[str]:
        space = self._space
        digests = [
            sha1(space + name.encode(errors="surrogatepass"), usedforsecurity=False).digest()[:16]
            for name in names
        ]
        numbers = np.frombuffer(b"".join(digests), dtype=np.uint8).reshape(-1, 16).copy()
        numbers[:, 6] = numbers[:, 6] & 0x0F | 0x50  # version and variant: RFC 9562, 5.5
        numbers[:, 8] = numbers[:, 8] & 0x3F | 0x80
        written = np.full((len(names), _LENGTH), ord("-"), dtype=np.uint8)
        written[:, _DIGITS] = np.frombuffer(numbers.tobytes().hex().encode(), np.uint8).reshape(
            -1, 32
        )
        text = written.tobytes().decode()
        return (text[at : at + _LENGTH] for at in range(0, len(text), _LENGTH))


def identity_maker(
    identity: Identity, parts: list[Evaluate], ids: Ids
) -> Callable[[Batch], Sequence[Cell]]:
    """What makes the ids of a batch's rows.

    Args:
        ids: of the mapping's space, which all of it share.
    """
    kind = identity.kind
    read = _part_reader(lower=identity.lower)
    nothing = _BETWEEN.join((kind, *[""] * len(parts)))
    occurrences = Occurrences()

    def evaluate(batch: Batch) -> Sequence[Cell]:
        columns = [read(each(batch)) for each in parts]
        names = _names(kind, columns)
        if nothing in names:
            names = [_NOTHING if name == nothing else name for name in names]
        if identity.occurrence:
            names = _numbered(names, occurrences)
        if set(map(type, names)) <= {str}:
            return ids.of(names)
        made = iter(ids.of([name for name in names if isinstance(name, str)]))  # others: refusals
        return [next(made) if isinstance(name, str) else name for name in names]

    return evaluate


def _part_reader(*, lower: bool) -> Callable[[Sequence[Any]], list[Any]]:
    """What makes of a column's cells parts of names, each a text or a refusal."""

    def one(cell: Cell) -> str | Refusal:
        if isinstance(cell, Refusal):
            return cell
        text = str(cell).strip()
        if is_shortened(text):
            return Refusal(SHORTENED_RULE, text)
        return text.lower() if lower else text

    remembered = Remembered(one)

    def read(cells: Sequence[Any]) -> list[Any]:
        try:
            if are_whole("".join(cells)):
                return list(map(str.lower if lower else str, map(str.strip, cells)))
        except TypeError:  # there is a number or a refusal among them
            pass
        return list(map(remembered.__getitem__, cells))

    return read


def _names(kind: str, columns: list[list[Any]]) -> list[Any]:
    """What each row's id is made of."""
    try:
        return list(map(_BETWEEN.join, zip(repeat(kind), *columns)))
    except TypeError:  # there are refusals among them, the first of a row counts
        return [
            next((cell for cell in row if isinstance(cell, Refusal)), None)
            or _BETWEEN.join((kind, *map(str, row)))
            for row in zip(*columns, strict=True)
        ]


def _numbered(names: list[Any], seen: Occurrences) -> list[Any]:
    """Names with the number of their occurrence in the file."""
    numbers: Iterator[int] = iter(seen.number([
        hashlib.blake2b(name.encode(errors="surrogatepass"), digest_size=DIGEST_BYTES).digest()
        for name in names if isinstance(name, str)
    ]))  # fmt: skip
    return [f"{name}{_BETWEEN}{next(numbers)}" if isinstance(name, str) else name for name in names]
