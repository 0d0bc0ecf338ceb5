"""A mapping in a text, a file in a text: what comes of it."""

import io
from collections import defaultdict
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from ingestion_pipeline.domains.book_sales.contract import mapped as book_sales
from ingestion_pipeline.domains.commerce.contract import mapped as commerce
from ingestion_pipeline.foundation.intake.grouping import ScatteredError
from ingestion_pipeline.foundation.intake.run import Counts, Run
from ingestion_pipeline.foundation.mapping.parsing import read_mapping
from ingestion_pipeline.foundation.mapping.refusals import Reason, Rejected
from ingestion_pipeline.foundation.mapping.words import Mapped

TARGETS = commerce.TARGETS | book_sales.TARGETS


@dataclass
class Came:
    """What came of a file.

    Attributes:
        made: records by type and key; one that is never to overwrite is kept as it came first.
    """

    counts: Counts
    made: dict[str, dict[str, dict[str, Any]]] = field(default_factory=lambda: defaultdict(dict))
    rejected: list[Rejected] = field(default_factory=list)
    warnings: list[Reason] = field(default_factory=list)

    def of(self, name: str) -> list[dict[str, Any]]:
        """The records of a type."""
        return list(self.made[name].values())

    def total(self, name: str, amount: str) -> Decimal:
        """The sum of an amount."""
        return sum((Decimal(each[amount]) for each in self.of(name)), Decimal(0))

    def by_currency(self, name: str, amount: str) -> dict[str, Decimal]:
        """The sum of an amount, by currency."""
        sums: dict[str, Decimal] = defaultdict(Decimal)
        for each in self.of(name):
            sums[each["currency"]] += Decimal(each[amount])
        return dict(sums)

    @property
    def rules(self) -> list[str]:
        """Why rows were refused: `4: quantity is not a number …`."""
        return [
            f"{row.line}: {reason.field} {reason.rule}"
            for row in self.rejected for reason in row.reasons
        ]  # fmt: skip


def understood(text: str) -> Mapped:
    """A mapping."""
    return read_mapping(Path("mapping.yaml"), text, TARGETS)


def came_of(
    mapping: str, *files: str | bytes, encoding: str = "utf-8", tenant: str = "acme"
) -> Came:
    """What comes of some files, one after the other, of which the later wins."""
    mapped = understood(mapping)
    came = Came(Counts())
    for number, each in enumerate(files, start=1):
        content = each.encode(encoding) if isinstance(each, str) else each
        run = read_once(mapped, content, f"file{number}.csv", tenant, came)
        physical = io.StringIO(content.decode(encoding, "replace"), newline=None).readlines()
        assert run.counts.lines == len(physical)
        came.counts = run.counts
        came.warnings += run.warnings
    return came


def read_once(
    mapped: Mapped, content: bytes, name: str, tenant: str, came: Came,
    scattered: frozenset[bytes] = frozenset(),
) -> Run:  # fmt: skip
    """A file, read again where its records turn out not to stand together."""
    run = Run(mapped, io.BytesIO(content), file_name=name, tenant=tenant, scattered=scattered)
    try:
        parts = list(run.parts())
    except ScatteredError as error:
        return read_once(mapped, content, name, tenant, came, error.keys)
    for part in parts:
        came.rejected += part.rejected
        came.warnings += part.warnings
        for made in part.made:
            kept, key = came.made[made.emit.target.name], made.emit.target.key
            for row in made.rows:
                record = dict(zip(made.names, row, strict=True))
                if made.emit.only_new and record[key] in kept:
                    continue
                kept[record[key]] = record
    return run
