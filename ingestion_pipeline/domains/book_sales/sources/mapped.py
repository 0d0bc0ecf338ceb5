"""What a mapping makes of a report, as events: of a file of any shape, and of a platform's report.

Both doors come here, so a report that came through one is the same events through the other.
"""

import io
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from itertools import groupby
from operator import attrgetter
from typing import Any

from ingestion_pipeline.domains.book_sales.contract.events import DAY, Event, Parsed, RejectedRow
from ingestion_pipeline.domains.book_sales.contract.mapped import fault_of
from ingestion_pipeline.domains.book_sales.sources.formats.notation import NOTHING_TOLD, Told
from ingestion_pipeline.foundation.errors import ContractError
from ingestion_pipeline.foundation.intake.grouping import to_the_end
from ingestion_pipeline.foundation.intake.ordering import Keyed
from ingestion_pipeline.foundation.intake.run import Made, Run
from ingestion_pipeline.foundation.loading.choosing import fits
from ingestion_pipeline.foundation.mapping.faults import MappingError
from ingestion_pipeline.foundation.mapping.refusals import Reason, Rejected
from ingestion_pipeline.foundation.mapping.words import Emit, Mapped
from ingestion_pipeline.foundation.storage.file_kinds import Limits, WrongFileError

_AHEAD = timedelta(hours=14)  # the latest day that it is anywhere on earth
_WARNINGS = 100

Refuse = Callable[[Rejected], object]


@dataclass(frozen=True)
class Teller:
    """Who tells of records: whose ids they have, the mapping, and when the file came."""

    source: str
    mapping: str
    received_at: datetime

    def keyed(self, record: dict[str, Any], line: int, emit: Emit) -> Keyed | Rejected:
        """A record under its natural key, or its id; refused where it breaks a rule of events."""
        latest = self.received_at.astimezone(UTC) + _AHEAD
        if fault := fault_of(record, latest=latest):
            return _refused(line, record, *fault)
        label, key = emit.label.partition("/")[2], record["external_id"]
        if not emit.key:  # two mappings of a source may tell of the same sale
            return Keyed(key, line, [self.source, False, record])
        report = f"{self.mapping}/{label}" if label else self.mapping
        return Keyed(key.rpartition(":")[0], line, [report, True, record])


def events_of(group: Iterable[Keyed], refuse: Refuse) -> list[Event]:
    """The events of all records of a key; of an id, the one that they tell.

    What contradicts an earlier row of the same id is refused: the id is then no sale's own, and to
    let one of them win would lose the other's money.
    """
    first, *others = group
    report, natural, known = first.told
    if natural:
        return [_event(each) for each in (first, *others)]
    for each in others:
        record = each.told[2]
        differing = [name for name, value in record.items() if known.get(name, value) != value]
        if differing:
            rule = (f"is there twice in this file, with another {differing[0]} in line "
                    f"{first.line}: it identifies no event")  # fmt: skip
            refuse(_refused(each.line, record, "external_id", rule, first.key))
        else:
            known = known | record
    return [_event(Keyed(first.key, first.line, [report, natural, known]))]


def _event(row: Keyed) -> Event:
    report, natural, record = row.told
    quantity, refunded = record["quantity"], record.get("refunded_units")
    return Event(
        event_type=record["event_type"], report=report, external_id=record["external_id"],
        natural_key=row.key if natural else None,
        occurred_at=datetime.fromisoformat(record["occurred_at"]),
        date_precision=record.get("date_precision", DAY),
        quantity=quantity, amount=_decimal(record.get("amount")),
        list_price=_decimal(record.get("list_price")),
        refunded_units=None if refunded is None else max(refunded, -quantity),
        raw=record, source_row=row.line, title=record.get("title"), author=record.get("author"),
        asin=record.get("asin"), isbn=record.get("isbn"), marketplace=record.get("marketplace"),
        currency=record.get("currency"), list_currency=record.get("list_currency"),
    )  # fmt: skip


def _decimal(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)


def _refused(line: int, record: dict[str, Any], field: str, rule: str, value: str = "") -> Rejected:
    reason = Reason(line, field, rule, value[:60])
    return Rejected(line, json.dumps(record, ensure_ascii=False), (reason,))


def with_columns(rejected: Rejected, columns: Mapping[str, tuple[str, ...]]) -> Rejected:
    """A refused record with the columns of the file that its fields are from, by field."""
    reasons = (
        replace(each, columns=each.columns or columns.get(each.field, ()))
        for each in rejected.reasons
    )
    return replace(rejected, reasons=tuple(reasons))


@dataclass(frozen=True)
class MappedReports:
    """Reads a platform's reports by mappings; of several, by the one whose `match` fits.

    Attributes:
        mappings: each with the tenants whose reports it reads; None: everybody's.
        limits: of what a packed report may come to.
        tenant: whose ids are made.
    """

    mappings: tuple[tuple[Mapped, tuple[str, ...] | None], ...]
    limits: Limits
    tenant: str = ""

    def are_for(self, tenant: str) -> bool:
        """Whether a tenant may send such reports."""
        return any(whose is None or tenant in whose for _, whose in self.mappings)

    def __call__(self, content: bytes, *, file_name: str, told: Told = NOTHING_TOLD) -> Parsed:
        """The events of a report.

        Raises:
            ContractError: no mapping reads it, or it leaves open which; its mapping says how
                numbers and dates are written, so nobody else does.
        """
        if told != NOTHING_TOLD:
            raise ContractError("decimal, dates: the platform's mapping says how they are written")
        mine = [each for each, whose in self.mappings if whose is None or self.tenant in whose]
        mapped = self._chosen(mine, content, file_name)
        try:
            return to_the_end(partial(self._read, mapped, content, file_name))
        except (MappingError, WrongFileError) as error:
            raise ContractError(str(error)) from None

    def _chosen(self, among: Sequence[Mapped], content: bytes, file_name: str) -> Mapped:
        if len(among) > 1:
            among = [
                each for each in among
                if fits(each, lambda: io.BytesIO(content), file_name, self.limits)
            ]  # fmt: skip
        if len(among) != 1:
            names = ", ".join(each.name for each in among) or "none"
            raise ContractError(f"{file_name}: of the platform's mappings {names} fits (match)")
        return among[0]

    def _read(
        self, mapped: Mapped, content: bytes, file_name: str, scattered: frozenset[bytes]
    ) -> Parsed:
        run = Run(
            mapped, io.BytesIO(content), file_name=file_name, tenant=self.tenant,
            limits=self.limits, scattered=scattered,
        )  # fmt: skip
        parsed, rows = Parsed(), list[Keyed]()
        teller = Teller(mapped.source, mapped.name, datetime.now(UTC))

        def refuse(rejected: Rejected) -> None:
            reasons = tuple(
                {"field": each.field, "rule": each.rule, "columns": list(each.columns)}
                for each in rejected.reasons
            )
            parsed.rejected.append(RejectedRow(rejected.line, rejected.text, reasons))

        for part in run.parts():
            for rejected in part.rejected:
                refuse(rejected)
            parsed.warnings += map(str, part.warnings[: _WARNINGS - len(parsed.warnings)])
            for made in part.made:
                for row in _keyed_rows(made, teller):
                    if isinstance(row, Keyed):
                        rows.append(row)
                    else:
                        refuse(with_columns(row, run.columns[made.emit.label]))
        rows.sort(key=attrgetter("key"))  # stable: as they came within a key
        for _, group in groupby(rows, key=attrgetter("key")):
            parsed.events += events_of(group, refuse)
        counts = run.counts
        parsed.passed_over = dict(counts.skipped)
        parsed.warnings += map(str, run.warnings)
        parsed.lines = {
            "lines": counts.lines, "blank": counts.blank,
            "header": counts.preamble + counts.footer, "rejected": counts.rejected,
            "passed_over": counts.skipped.total(), "rows": counts.used,
        }  # fmt: skip
        return parsed


def _keyed_rows(made: Made, teller: Teller) -> Iterable[Keyed | Rejected]:
    for line, row in zip(made.lines, made.rows, strict=True):
        told = zip(made.names, row, strict=True)
        record = {name: value for name, value in told if value is not None}
        yield teller.keyed(record, line, made.emit)
