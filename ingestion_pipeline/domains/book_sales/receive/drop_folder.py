"""The drop folder: reports that somebody puts into `DROP_URL/{tenant}/{platform}/`, once each.

A complete report is copied to the landing store, recorded with its job, and then taken out of the
folder. The same bytes are one report, so whoever is killed in between, or comes second, takes it
out only. The platform is the folder's name, by any name that it goes by; nothing is told from a
report's own name or content. Files in a folder of another name stay, and are named.
"""

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Any

import sqlalchemy as sa

from ingestion_pipeline.domains.book_sales.contract.events import DOMAIN
from ingestion_pipeline.domains.book_sales.land import queue
from ingestion_pipeline.domains.book_sales.land.queue import Report
from ingestion_pipeline.domains.book_sales.sources.described import platforms
from ingestion_pipeline.domains.book_sales.sources.registry import canonical
from ingestion_pipeline.foundation.described.mappings import folders_of
from ingestion_pipeline.foundation.errors import IngestionError
from ingestion_pipeline.foundation.ledger import dropping, tenants, uploads
from ingestion_pipeline.foundation.ledger.dropping import Dropped, due
from ingestion_pipeline.foundation.settings import Settings
from ingestion_pipeline.foundation.storage.dropped import DroppedFile, files_in, folders_in
from ingestion_pipeline.foundation.storage.file_names import file_name_problem
from ingestion_pipeline.foundation.storage.landing import Landed, Landing, file_system


def receive_dropped(
    engine: sa.Engine,
    configuration: Settings,
    *,
    drop_url: str,
    landing: Landing,
    until: datetime,
) -> Dropped:
    """Record the complete reports in the drop folder, until time is up; the next scan goes on."""
    outcome = Dropped()
    files, root = file_system(drop_url)
    others = folders_of(configuration.described)
    with_reports = [
        name for name, each in platforms(configuration).items() if each.parse is not None
    ]
    found = _list(files, root, outcome, with_reports, others)
    for platform, dropped in due(
        found, outcome, settle=configuration.drop_settle, until=until
    ):  # fmt: skip
        try:
            with engine.begin() as connection:
                tenant_id = tenants.find(connection, dropped.tenant)
            taken = _take(engine, configuration, files, dropped, tenant_id, platform, landing)
        except FileNotFoundError:
            continue  # another scan, or the sender, was faster
        except IngestionError as error:
            outcome.left.append(f"{dropped.tenant}/{platform}/{dropped.name}: {error}")
            continue
        if taken is None:
            continue
        job_id, new = taken
        if new:
            outcome.recorded.append(job_id)
        else:
            where = f"{dropped.tenant}/{platform}/{dropped.name}"
            outcome.known.append(f"{where}: its bytes had come before, as job {job_id}")
    return outcome


def _list(
    files: Any, root: str, outcome: Dropped, with_reports: Sequence[str], others: frozenset[str]
) -> list[tuple[str, DroppedFile]]:
    """The reports in the folders of platforms, oldest first, each with its platform.

    Folders of `others` are of sources that mappings read, also where a platform is called so.
    """
    files.invalidate_cache()
    if not files.exists(root):
        return []
    found: list[tuple[str, DroppedFile]] = []
    for tenant, folder in folders_in(files, root):
        for name, inner in folders_in(files, folder):
            if name in others:
                continue
            within = files_in(files, inner, root=root, tenant=tenant)
            below = folders_in(files, inner)
            platform = canonical(name)
            if platform in with_reports:
                found += [(platform, file) for file in within]
                outcome.left += [
                    f"{tenant}/{name}/{each}: is a folder within a platform's, where none is looked"
                    " for"
                    for each, _ in below
                ]
            elif within or below:
                outcome.left.append(
                    f"{tenant}/{name}: is the folder of no platform that has reports; those that "
                    f"have: {', '.join(with_reports)}"
                )
    return sorted(found, key=lambda each: (each[1].changed, each[1].path))


def _take(
    engine: sa.Engine,
    configuration: Settings,
    files: Any,
    dropped: DroppedFile,
    tenant_id: int,
    platform: str,
    landing: Landing,
) -> tuple[int, bool] | None:
    """Land, record and take out a report: its job's id and whether it is new; None: it is none."""
    return dropping.take(
        engine, files, dropped, landing=landing, tenant_id=tenant_id,
        keeps=configuration.tenant_landed_bytes,
        record=partial(_record, configuration, dropped, tenant_id, platform),
    )  # fmt: skip


def _record(
    configuration: Settings,
    dropped: DroppedFile,
    tenant_id: int,
    platform: str,
    connection: sa.Connection,
    landed: Landed,
) -> tuple[tuple[int, bool] | None, bool]:
    report = Report(dropped.name, landed.location, landed.size, landed.sha256)
    if rule := file_name_problem(dropped.name):
        _record_refused(connection, dropped, tenant_id, platform, report, rule)
        return None, True
    job_id, is_new = queue.land_report(
        connection, configuration, tenant_id=tenant_id, platform=platform, report=report,
        source="drop",
    )  # fmt: skip
    return (job_id, is_new), is_new


def _record_refused(
    connection: sa.Connection,
    dropped: DroppedFile,
    tenant_id: int,
    platform: str,
    report: Report,
    rule: str,
) -> None:
    uploads.record(
        connection, tenant_id=tenant_id, domain=DOMAIN, type_=platform,
        file_name=report.file_name, source="drop", location=report.location, size=report.size,
        source_key=dropping.key_of(dropped), sha256=report.sha256,
        error=f"file name: {rule}",
    )  # fmt: skip
