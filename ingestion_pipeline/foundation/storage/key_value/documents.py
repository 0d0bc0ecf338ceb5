"""Many key-value documents at once, where `KeyValue.put` would be one round trip each.

Where the store is the database's table they are one statement in the caller's transaction: they
are there exactly when what it does besides is. On another server they are written one by one,
before the caller commits.
"""

from collections.abc import Callable, Mapping
from typing import Any

import sqlalchemy as sa

from ingestion_pipeline.foundation.storage.key_value.contract import (
    LONGEST_KEY,
    KeyValue,
    checked,
    encoded,
)

Elsewhere = Callable[[str], KeyValue]
"""The store of a namespace on a server that is not the database."""

# A document that is there already, word for word, is not written again.
_WRITE = sa.text("""
    INSERT INTO key_value AS known (namespace, key, value, version, updated_at)
    SELECT :namespace, key, value, nextval('key_value_versions'), statement_timestamp()
    FROM json_to_recordset(CAST(:documents AS json)) AS sent (key text, value jsonb)
    ORDER BY key
    ON CONFLICT (namespace, key) DO UPDATE SET
        value = excluded.value, version = nextval('key_value_versions'), expires_at = NULL,
        updated_at = statement_timestamp()
    WHERE known.value IS DISTINCT FROM excluded.value OR known.expires_at IS NOT NULL
""")


def write_documents(
    connection: sa.Connection,
    namespace: str,
    documents: Mapping[str, Any],
    *,
    elsewhere: Elsewhere | None,
) -> None:
    """Write documents by key, whatever was there; they live for ever.

    Args:
        connection: in a transaction of the database.
        namespace: that all of them are in.
        documents: by key.
        elsewhere: the stores of another server, where the documents are not in the database.

    Raises:
        ContractError: a key or document is not as `KeyValue` has it; nothing was written.
        TransientError: another server than the database did not answer; some may be written.
    """
    rows = [
        f'{{"key":{encoded(key, checked(key, name="key", longest=LONGEST_KEY))},'
        f'"value":{encoded(key, document)}}}'
        for key, document in documents.items()
    ]
    if not rows:
        return
    if elsewhere is None:
        values = {"namespace": namespace, "documents": f"[{','.join(rows)}]"}
        connection.execute(_WRITE, values)
        return
    store = elsewhere(namespace)
    for key, document in documents.items():
        store.put(key, document)
