"""UUIDs of version 5 that a mapping makes of parts: of tenant, source, kind and what a row says.

Most of a file's time would go here, so a batch's names are put together by Python's own `map`, and
a name that comes again (an order's, in each of its lines) is not worked out again.
"""

import hashlib
import uuid
from collections.abc import Callable, Iterator, Sequence
from itertools import repeat

from ingestion_pipeline.foundation.mapping.batch import Batch, Cell, Remembered
from ingestion_pipeline.foundation.mapping.cells import Evaluate
from ingestion_pipeline.foundation.mapping.occurrences import DIGEST_BYTES, Occurrences
from ingestion_pipeline.foundation.mapping.refusals import Refusal
from ingestion_pipeline.foundation.mapping.words import Identity
from ingestion_pipeline.foundation.spreadsheets import SHORTENED_RULE, is_shortened

_BETWEEN = "\x1f"  # between the parts of an id
_VARIANT = dict(zip("0123456789abcdef", "89ab" * 4, strict=True))  # RFC 9562, 4.1
_NOTHING = Refusal("has nothing to make an id of")


def uuid_maker(space: uuid.UUID) -> Callable[[str], str]:
    """What makes the UUID of version 5 of a name, as `uuid.uuid5` does in three times the time."""
    beginning = hashlib.sha1(space.bytes, usedforsecurity=False)

    def make(name: str) -> str:
        digest = beginning.copy()
        digest.update(name.encode(errors="surrogatepass"))
        text = digest.hexdigest()
        version, variant = f"5{text[13:16]}", f"{_VARIANT[text[16]]}{text[17:20]}"
        return f"{text[:8]}-{text[8:12]}-{version}-{variant}-{text[20:32]}"

    return make


def identity_maker(
    identity: Identity, parts: list[Evaluate], ids: Remembered
) -> Callable[[Batch], Sequence[Cell]]:
    """What makes the ids of a batch's rows.

    Args:
        ids: of names, which all ids of a mapping share.
    """
    kind = identity.kind
    part = Remembered(_part_reader(lower=identity.lower))
    nothing = _BETWEEN.join((kind, *[""] * len(parts)))
    occurrences = Occurrences()

    def evaluate(batch: Batch) -> Sequence[Cell]:
        columns = [list(map(part.__getitem__, each(batch))) for each in parts]
        names = _names(kind, columns)
        if nothing in names:
            names = [_NOTHING if name == nothing else name for name in names]
        if identity.occurrence:
            names = _numbered(names, occurrences)
        try:
            return list(map(ids.__getitem__, names))
        except AttributeError:  # a refusal is no name
            return [ids[name] if isinstance(name, str) else name for name in names]

    return evaluate


def _part_reader(*, lower: bool) -> Callable[[Cell], str | Refusal]:
    def read(cell: Cell) -> str | Refusal:
        if isinstance(cell, Refusal):
            return cell
        text = str(cell).strip()
        if is_shortened(text):
            return Refusal(SHORTENED_RULE, text)
        return text.lower() if lower else text

    return read


def _names(kind: str, columns: list[list[str | Refusal]]) -> list[str | Refusal]:
    """What each row's id is made of."""
    try:
        return list(map(_BETWEEN.join, zip(repeat(kind), *columns)))
    except TypeError:  # there are refusals among them, the first of a row counts
        return [
            next((cell for cell in row if isinstance(cell, Refusal)), None)
            or _BETWEEN.join((kind, *map(str, row)))
            for row in zip(*columns, strict=True)
        ]


def _numbered(names: list[str | Refusal], seen: Occurrences) -> list[str | Refusal]:
    """Names with the number of their occurrence in the file."""
    numbers: Iterator[int] = iter(seen.number([
        hashlib.blake2b(name.encode(errors="surrogatepass"), digest_size=DIGEST_BYTES).digest()
        for name in names if isinstance(name, str)
    ]))  # fmt: skip
    return [f"{name}{_BETWEEN}{next(numbers)}" if isinstance(name, str) else name for name in names]
