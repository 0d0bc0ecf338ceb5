"""A key made of columns, where a source has no id: with the number of the occurrence in the file,
so that two equal rows are two records, and the same file again makes the same keys."""

import hashlib
from collections.abc import Sequence

from ingestion_pipeline.foundation.mapping.batch import Batch, Cell
from ingestion_pipeline.foundation.mapping.cells import Evaluate
from ingestion_pipeline.foundation.mapping.occurrences import DIGEST_BYTES, Occurrences
from ingestion_pipeline.foundation.mapping.words import Emit

_DIGEST_BYTES = 16  # of a key's name


def natural_key(emit: Emit, name: str) -> Evaluate:
    """What makes the key of each row: `name:hash:occurrence`, as of reports that code reads.

    Args:
        name: of the mapping, and of what it makes where that is labelled.
    """
    seen = Occurrences()
    label = emit.label.partition("/")[2]
    name = f"{name}/{label}" if label else name

    def evaluate(batch: Batch) -> Sequence[Cell]:
        rows = zip(*(batch.columns[column] for column in emit.key), strict=True)
        digests = [
            hashlib.sha256(text.encode(errors="surrogatepass")).digest()[:_DIGEST_BYTES]
            for text in map("\x1f".join, rows)
        ]
        numbers = seen.number([digest[:DIGEST_BYTES] for digest in digests])
        return [
            f"{name}:{digest.hex()}:{number}"
            for digest, number in zip(digests, numbers, strict=True)
        ]  # fmt: skip

    return evaluate
