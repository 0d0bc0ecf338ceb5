"""The asset of a mapping: the files of a day, loaded, and what is told of them.

Loading is the queue's: a run takes what waits of its day, whoever asked for it. Materializing a day
twice is therefore safe, and tells the same; to read its files again is a decision (`again: true`).
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date
from typing import Any

import dagster as dg
import sqlalchemy as sa

from ingestion_pipeline.components.intake import checks
from ingestion_pipeline.components.kit import OWNERS, link_to
from ingestion_pipeline.foundation.described.mappings import MappedSource
from ingestion_pipeline.foundation.ledger import uploads
from ingestion_pipeline.foundation.ledger.tables.tenants import tenants
from ingestion_pipeline.foundation.ledger.worker import Worker
from ingestion_pipeline.foundation.loading import days
from ingestion_pipeline.foundation.loading.claimed import load_waiting
from ingestion_pipeline.foundation.loading.days import Told
from ingestion_pipeline.foundation.loading.known import Known
from ingestion_pipeline.foundation.loading.recording import record_again
from ingestion_pipeline.foundation.loading.refused import first_rejected, why
from ingestion_pipeline.foundation.printable import printable
from ingestion_pipeline.foundation.settings import Settings
from ingestion_pipeline.orchestration.metadata import as_table
from ingestion_pipeline.orchestration.resources import Configuration, Database, LandingStore

GROUP = "intake"
_FIRST_DAY = "2026-01-01"  # nobody's files came by mappings before
_SHOWN = 20
DAYS = dg.DailyPartitionsDefinition(start_date=_FIRST_DAY, end_offset=1)  # today's files, too


class ReadAgain(dg.Config):
    """What a run is to do beside loading what waits.

    Attributes:
        again: read the day's files once more, by what the mapping says today.
    """

    again: bool = False


def key_of(known: Known) -> dg.AssetKey:
    """The key of a mapping's asset."""
    return dg.AssetKey([known.mapped.source, known.mapped.name])


def mapped_asset(source: MappedSource, known: Known) -> dg.AssetsDefinition:
    """The asset of a mapping."""
    key, mapped = key_of(known), source.mapped

    @dg.asset(
        key=key,
        group_name=GROUP,
        partitions_def=DAYS,
        owners=OWNERS,
        kinds={"file", "yaml"},
        code_version=mapped.sha256[:12],
        description=source.description or _said(known),
        metadata={
            "makes": ", ".join(known.targets),
            "send_to": f"POST /api/ingestion/files/{known.name}",
            **link_to(*dict.fromkeys([source.file, mapped.file])),
        },
        check_specs=checks.specs(key, mapped),
    )
    def files(
        context: dg.AssetExecutionContext,
        config: ReadAgain,
        configuration: Configuration,
        database: Database,
        landing: LandingStore,
    ) -> Iterator[dg.MaterializeResult[None]]:
        engine, settings = database.engine(), configuration.read()
        day = date.fromisoformat(context.partition_key)
        with engine.begin() as connection:
            only = days.waiting_on(connection, known.name, day)
            if config.again:
                only += _again(connection, settings, known, day)
        loaded: list[int] = []
        worker = Worker(
            f"dagster {known.name}", context.run.run_id, settings.job_lease, settings.job_backoff
        )
        for attempt in load_waiting(
            engine, settings, known, worker, only=only, landing=landing.landed()
        ):
            loaded.append(attempt.upload_id)
            if attempt.error is not None:
                said = printable(str(attempt.error))
                context.log.warning("upload %s %s: %s", attempt.upload_id, attempt.status, said)
        with engine.connect() as connection:
            told = days.told_on(connection, known.name, day, beside=loaded)
            metadata = _metadata(connection, told)
        yield dg.MaterializeResult(
            metadata=metadata, check_results=list(checks.results(key, mapped, told))
        )

    return files


def _again(connection: sa.Connection, settings: Settings, known: Known, day: date) -> list[int]:
    return [
        record_again(connection, upload_id, attempts=settings.job_attempts).job_id
        for upload_id in days.loaded_on(connection, known.name, day)
    ]


def _said(known: Known) -> str:
    who = "any tenant" if known.tenants is None else ", ".join(known.tenants)
    return (
        f"Files of {known.mapped.source} by the mapping {known.mapped.name}, of {who}: "
        f"{', '.join(known.targets)}. A partition is the files that came on a day, UTC."
    )


def _metadata(connection: sa.Connection, told: Sequence[Told]) -> dict[str, Any]:
    """What came of the files of a day: the counts of all, and of each what is out of the way."""
    by_status = [each.upload["status"] for each in told]
    metadata: dict[str, Any] = {
        "files": len(told),
        "failed_files": by_status.count("failed"),
        "dagster/partition_row_count": sum(each.upload["staged"] for each in told),
        **days.totals(told),
    }
    names = _tenants(connection, told)
    tables = {
        "files_of_the_day": list(_files(told, names)),
        "sums": list(_sums(told, names)),
        "rejected_by_reason": _reasons(connection, told),
        "first_rejected": _first_rejected(connection, told, names),
        "failed": [
            {"file": each.upload["file_name"], "tenant": names[each.upload["tenant_id"]],
             "why": each.upload["error"] or ""}
            for each in told if each.upload["status"] == "failed"
        ],
    }  # fmt: skip
    return metadata | {name: as_table(rows[:_SHOWN]) for name, rows in tables.items() if rows}


def _tenants(connection: sa.Connection, told: Sequence[Told]) -> dict[int, str]:
    of_these = tenants.c.tenant_id.in_({each.upload["tenant_id"] for each in told})
    query = sa.select(tenants.c.tenant_id, tenants.c.name).where(of_these)
    return {row.tenant_id: row.name for row in connection.execute(query)}


def _files(told: Sequence[Told], names: Mapping[int, str]) -> Iterator[dict[str, Any]]:
    for each in told:
        row, said = each.upload, each.delivery
        yield {
            "upload": row["upload_id"], "file": row["file_name"], "tenant": names[row["tenant_id"]],
            "arrived": f"{row['recorded_at'].astimezone(UTC):%Y-%m-%d %H:%M}",
            "status": row["status"],
            "lines": row["lines"], "rejected": row["rejected"], "used": row["staged"],
            "records": sum(said["made"].values()) if said else 0,
            "warned": said["warned"] if said else 0,
            "mapping": said["mapping_sha256"][:12] if said else "",
        }  # fmt: skip


def _sums(told: Sequence[Told], names: Mapping[int, str]) -> Iterator[dict[str, Any]]:
    for each in told:
        whose = {"file": each.upload["file_name"], "tenant": names[each.upload["tenant_id"]]}
        for entry in each.delivery["sums"] if each.delivery else ():
            yield {**whose, "of": " ".join(entry["of"]), "amount": entry["amount"]}
        for name, value in (each.delivery["file_says"] if each.delivery else {}).items():
            yield {**whose, "of": f"it says: {name}", "amount": value}


def _reasons(connection: sa.Connection, told: Sequence[Told]) -> list[dict[str, Any]]:
    reasons = uploads.rejected_by_reason(connection, [each.upload["upload_id"] for each in told])
    return [{"reason": reason, "lines": lines} for reason, lines in reasons.items()]


def _first_rejected(
    connection: sa.Connection, told: Sequence[Told], names: Mapping[int, str]
) -> list[dict[str, Any]]:
    """The first refused rows, without their text: it may hold what is personal."""
    whose = {each.upload["upload_id"]: names[each.upload["tenant_id"]] for each in told}
    return [
        {"file": row["file"], "tenant": whose[row["upload_id"]], "line": row["line"],
         "why": why(row["reasons"])}
        for row in first_rejected(connection, list(whose), most=_SHOWN)
    ]  # fmt: skip
