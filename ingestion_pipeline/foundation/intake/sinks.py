"""Where records go that a mapping made: the seam between files of any shape and the domains.

    file ─ Run ─▶ Records (lines of JSON, a file each label) ─ Sink.land ─▶ the domain ─ Sink.settle

A domain shows its sink in a face of its own, `mapped.py`; `domains.registry.sinks()` finds it.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from itertools import islice, starmap
from pathlib import Path
from typing import Any, Protocol

import msgspec
import sqlalchemy as sa

from ingestion_pipeline.foundation.intake.run import Made
from ingestion_pipeline.foundation.mapping.refusals import Rejected
from ingestion_pipeline.foundation.mapping.targets import Target
from ingestion_pipeline.foundation.mapping.words import Emit

_BATCH = 5_000


@dataclass(frozen=True)
class Delivery:
    """A file that came to be mapped.

    Attributes:
        upload_id: of the file; later ones win over earlier ones.
        source: whose ids the records have, as the mapping says.
        settings: of the mapping, for the domain.
        received_at: when the file came, UTC.
    """

    tenant_id: int
    tenant: str
    upload_id: int
    source: str
    mapping: str
    settings: Mapping[str, str]
    file_name: str
    location: str
    received_at: datetime


@dataclass(frozen=True)
class Records:
    """The records of one label that a file came to.

    Attributes:
        path: a file of this machine: a JSON object a line, as the target's fields are called; what
            is empty is left out; decimals and instants are texts, objects are objects.
        lines: a file beside it: for each record the number of its first line in the mapped file.
        number: how many there are.
        columns: of the mapped file, by the field that is from them.
    """

    emit: Emit
    path: Path
    lines: Path
    number: int
    columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def batches(self, most: int = _BATCH) -> Iterator[list[tuple[int, dict[str, Any]]]]:
        """The records in order, each with the number of its line; `most` at once."""
        decode = msgspec.json.Decoder(dict[str, Any]).decode
        with self.path.open("rb") as records, self.lines.open("rb") as lines:
            pairs = zip(lines, records, strict=True)
            while batch := [(int(line), decode(record)) for line, record in islice(pairs, most)]:
                yield batch


@cache
def _record_type(names: tuple[str, ...]) -> type[msgspec.Struct]:
    """What is written as an object without what is None, in half the time that a dict takes."""
    fields = [(name, Any, None) for name in names]
    return msgspec.defstruct("Record", fields, omit_defaults=True, gc=False)


class Keeping:
    """Writes the records of one label, part by part.

    Again from the beginning (`restart`), where the file has to be read again.
    """

    def __init__(self, folder: Path, emit: Emit, number: int) -> None:
        """Begin two files in a folder; `number` tells them from those of other labels."""
        self._emit = emit
        self._objects = {each.name for each in emit.target.fields if each.kind == "object"}
        self._path = folder / f"{number}-{emit.target.name}.ndjson"
        self._lines = self._path.with_suffix(".lines")
        self.restart()

    def restart(self) -> None:
        """Forget what was written."""
        self.columns: Mapping[str, tuple[str, ...]] = {}
        self._number = 0
        self._path.write_bytes(b"")
        self._lines.write_bytes(b"")

    def add(self, made: Made) -> None:
        """Write records of a part."""
        record = _record_type(made.names)
        rows = starmap(record, self._with_objects(made))
        with self._path.open("ab") as file:
            file.write(msgspec.json.Encoder().encode_lines(rows))
        with self._lines.open("ab") as file:
            file.write("".join(map("%d\n".__mod__, made.lines)).encode())
        self._number += len(made.rows)

    def _with_objects(self, made: Made) -> Iterable[Sequence[Any]]:
        """The rows, with objects in the place of their texts, which the mapping has made."""
        places = [place for place, name in enumerate(made.names) if name in self._objects]
        if not places:
            return made.rows
        return (
            [msgspec.Raw(value.encode()) if place in places else value
             for place, value in enumerate(row)]
            for row in made.rows
        )  # fmt: skip

    def records(self) -> Records:
        """What was written."""
        return Records(self._emit, self._path, self._lines, self._number, self.columns)


@dataclass
class Taken:
    """What became of records.

    Attributes:
        by_target: by the target's name and by what became of them (inserted, updated, unchanged,
            waiting …), how many.
        rejected: those that break a rule that only their domain knows.
    """

    by_target: dict[str, dict[str, int]] = field(default_factory=dict)
    rejected: list[Rejected] = field(default_factory=list)


class Sink(Protocol):
    """A domain that takes records."""

    @property
    def targets(self) -> Mapping[str, Target]:
        """The types of records that it takes, by name."""
        ...

    def land(
        self, connection: sa.Connection, delivery: Delivery, records: Sequence[Records]
    ) -> Taken:
        """Make records the domain's, within the transaction that notes the file as loaded.

        Landing the same file again changes nothing: it may have been killed after its commit.

        Args:
            records: all that the mapping made of the file, in the mapping's order.

        Raises:
            ContractError: the file as a whole can't be taken.
        """
        ...

    def settle(self, engine: sa.Engine, delivery: Delivery) -> Taken:
        """What follows, in transactions of its own; who is killed before it, loses nothing by it:
        it is done with the next delivery, or by the domain's own runs.
        """
        ...


Land = Callable[[sa.Connection, Delivery, Sequence[Records]], Taken]
Settle = Callable[[sa.Engine, Delivery], Taken]


def nothing_follows(_: sa.Engine, __: Delivery) -> Taken:
    """What follows in a domain whose own runs do the rest."""
    return Taken()


@dataclass(frozen=True)
class DomainSink:
    """A sink made of what its domain does with records, and of what follows then."""

    targets: Mapping[str, Target]
    lands: Land
    follows: Settle = nothing_follows

    def land(
        self, connection: sa.Connection, delivery: Delivery, records: Sequence[Records]
    ) -> Taken:
        """See `Sink.land`."""
        return self.lands(connection, delivery, records)

    def settle(self, engine: sa.Engine, delivery: Delivery) -> Taken:
        """See `Sink.settle`."""
        return self.follows(engine, delivery)
