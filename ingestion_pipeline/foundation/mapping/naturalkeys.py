"""A key made of columns, where a source has no id: with the number of the occurrence in the file,
so that two equal rows are two records, and the same file again makes the same keys."""

import hashlib
from collections import Counter
from collections.abc import Sequence

from ingestion_pipeline.foundation.mapping.batch import Batch, Cell
from ingestion_pipeline.foundation.mapping.cells import Evaluate
from ingestion_pipeline.foundation.mapping.words import Emit


def natural_key(emit: Emit, name: str) -> Evaluate:
    """What makes the key of each row: `name:hash:occurrence`, as of reports that code reads.

    Args:
        name: of the mapping, and of what it makes where that is labelled.
    """
    seen: Counter[bytes] = Counter()
    label = emit.label.partition("/")[2]
    name = f"{name}/{label}" if label else name

    def evaluate(batch: Batch) -> Sequence[Cell]:
        keys: list[Cell] = []
        for row in zip(*(batch.columns[name] for name in emit.key), strict=True):
            text = "\x1f".join(row).encode(errors="surrogatepass")
            digest = hashlib.sha256(text).digest()[:16]
            seen[digest] += 1
            keys.append(f"{name}:{digest.hex()}:{seen[digest]}")
        return keys

    return evaluate
