"""Records of a file in order of a key, put so by PostgreSQL: whoever has to see those of one key
together, or to take locks in one order, does so in memory that does not grow with the file.
"""

from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
import sqlalchemy as sa

from ingestion_pipeline.foundation.storage.bulk import copy_rows

_AT_ONCE = 5_000
_COLUMNS = ("key", "then", "place", "line", "told")
_MAKE = """
    CREATE TEMPORARY TABLE IF NOT EXISTS records_in_order (
        key text NOT NULL, "then" text NOT NULL, place bigint NOT NULL, line bigint NOT NULL,
        told text NOT NULL
    ) ON COMMIT DROP
"""
_IN_ORDER = sa.text("""
    SELECT key, line, told FROM records_in_order ORDER BY key, "then" COLLATE "C", place
""")
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode


@dataclass(frozen=True, slots=True)
class Keyed:
    """A record under its key.

    Attributes:
        line: of the mapped file.
        told: whatever JSON can hold.
        then: by which records of a key are in order; else as they came.
    """

    key: str
    line: int
    told: Any
    then: str = ""


@dataclass
class InOrder:
    """Takes records as they come, and gives them in order; within one transaction, once.

    Attributes:
        number: of records that were added.
    """

    connection: sa.Connection
    number: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        self.connection.exec_driver_sql(_MAKE)
        self.connection.exec_driver_sql("TRUNCATE records_in_order")

    def add(self, records: Sequence[Keyed]) -> None:
        """Take records; those of one key stay in the order in which they came."""
        rows = [
            (each.key, each.then, place, each.line, _encode(each.told).decode())
            for place, each in enumerate(records, start=self.number)
        ]
        copy_rows(self.connection, "records_in_order", _COLUMNS, rows)
        self.number += len(rows)

    def __iter__(self) -> Generator[Keyed]:
        """Who may stop before its end closes it (`contextlib.closing`): a cursor is open."""
        found = self.connection.execute(_IN_ORDER, execution_options={"yield_per": _AT_ONCE})
        with found:
            for key, line, told in found:
                yield Keyed(key, line, _decode(told))
