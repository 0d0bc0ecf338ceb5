"""The asset of an API: a partition a day, which is there when its list was read to its end and
loaded, and not before.
"""

import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import dagster as dg
import sqlalchemy as sa

from ingestion_pipeline.components.intake.assets import GROUP, key_of
from ingestion_pipeline.components.kit import OWNERS, link_to
from ingestion_pipeline.components.series import checks
from ingestion_pipeline.domains.registry import DescribedSeries
from ingestion_pipeline.foundation.collecting.asking import Asker, name_of, open_asker
from ingestion_pipeline.foundation.collecting.credentials import secrets_for
from ingestion_pipeline.foundation.collecting.fetching import Fetching
from ingestion_pipeline.foundation.collecting.windows import Collected, Collecting
from ingestion_pipeline.foundation.errors import (
    IngestionError,
    PermanentError,
    TransientError,
    is_permanent,
)
from ingestion_pipeline.foundation.http_api.windows import complete_at
from ingestion_pipeline.foundation.http_api.words import Window
from ingestion_pipeline.foundation.ledger import tenants
from ingestion_pipeline.foundation.loading.refused import first_rejected, why
from ingestion_pipeline.foundation.upstreams.client import Patience
from ingestion_pipeline.orchestration.metadata import as_table
from ingestion_pipeline.orchestration.partitions import each_partition
from ingestion_pipeline.orchestration.resources import Configuration, Database, LandingStore

_RETRIES = dg.RetryPolicy(max_retries=2, delay=5, backoff=dg.Backoff.EXPONENTIAL)
_SHOWN = 20  # refused rows
_NO_POOL = re.compile(r"[^A-Za-z0-9_]+")


def series_asset(found: DescribedSeries) -> dg.AssetsDefinition:
    """The asset of an API."""
    key, source, window = key_of(found.known), found.source, found.source.api.window
    mapped = found.known.mapped

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.BetaWarning)

        @dg.asset(
            key=key,
            group_name=GROUP,
            partitions_def=None if window is None else days_of(window),
            backfill_policy=None if window is None else dg.BackfillPolicy.single_run(),
            pool=_NO_POOL.sub("_", name_of(source.api)),
            retry_policy=_RETRIES,
            owners=OWNERS,
            kinds={"api", "yaml"},
            code_version=mapped.sha256[:12],
            description=source.mapped.description or _said(found),
            metadata={
                "makes": ", ".join(found.known.targets),
                "tenant": source.tenant,
                "url": source.api.url,
                **link_to(*dict.fromkeys([source.mapped.file, mapped.file])),
            },
            check_specs=checks.specs(key, mapped, window),
        )
        def series(
            context: dg.AssetExecutionContext,
            configuration: Configuration,
            database: Database,
            landing: LandingStore,
        ) -> Iterator[dg.MaterializeResult[None]]:
            engine = database.engine()
            with _opened(context, configuration, engine, landing, found) as work:
                metadata = work.all_of_the_run()
            with engine.connect() as connection:
                results = list(checks.results(connection, found, work.collected, key=key))
            yield dg.MaterializeResult(metadata=metadata, check_results=results)

    return series


def days_of(window: Window) -> dg.DailyPartitionsDefinition:
    """The days of a window as partitions."""
    return dg.DailyPartitionsDefinition(
        start_date=window.first_day.isoformat(), timezone=window.zone.key
    )


@dataclass(frozen=True)
class _Work:
    """The work of a run.

    Attributes:
        since: what was read since then is not asked for again.
        collected: what its windows came to.
    """

    context: dg.AssetExecutionContext
    engine: sa.Engine
    asker: Asker
    collecting: Collecting
    fetching: Fetching
    key: dg.AssetKey
    window: Window | None
    since: datetime | None
    collected: list[Collected]

    def all_of_the_run(self) -> dict[str, Any]:
        """Collect its days, or the one list; metadata of what is no partition's."""
        if not self.context.has_partition_key and not self.context.has_partition_key_range:
            try:
                return self._collect(None)
            except IngestionError as error:
                raise dg.Failure(str(error), allow_retries=not is_permanent(error)) from error
        each_partition(
            self.context,
            [self.key],
            lambda partition: {self.key: self._collect(date.fromisoformat(partition))},
        )
        return {}

    def _collect(self, day: date | None) -> dict[str, Any]:
        if day is not None and self.window is not None:
            _require_complete(self.window, day)
        asked = self.asker.counts
        found = self.collecting.collect(self.fetching, day, since=self.since)
        self.collected.append(found)
        self.context.log.info(f"{found}")
        counts = self.asker.counts
        came_to = {name: value for name, value in found.came_to.items() if value is not None}
        return {
            "dagster/partition_row_count": found.records,
            "pages": found.pages,
            "records": found.records,
            "changed": found.is_new,
            "requests": counts.requests - asked.requests,
            "retries": counts.retries - asked.retries,
            "upload": found.upload_id or "none",
            **({} if found.total is None else {"total": found.total}),
            **{
                name: dg.MetadataValue.json(value) if isinstance(value, dict) else value
                for name, value in came_to.items()
            },
            **(_first_rejected(self.engine, found.upload_id) if came_to.get("rejected") else {}),
        }


def _first_rejected(engine: sa.Engine, upload_id: int | None) -> dict[str, Any]:
    """The first refused rows of a list, without their text: it may hold what is personal."""
    with engine.connect() as connection:
        rows = first_rejected(connection, [upload_id or 0], most=_SHOWN)
    told = [{"line": row["line"], "why": why(row["reasons"])} for row in rows]
    return {"first_rejected": as_table(told)} if told else {}


def _begun(context: dg.AssetExecutionContext) -> datetime | None:
    """Since when this work is done, where it is taken up again; None: it begins with this run.

    What was read since then is not asked for once more. A run whose process was killed is followed
    by another (`run_retries`, or by hand); one that follows a success is meant to ask for all.
    """
    instance, run = context.instance, context.run
    moments = []
    if context.retry_number:
        moments.append(instance.get_run_record_by_id(run.run_id))
    while run.parent_run_id:
        before = instance.get_run_record_by_id(run.parent_run_id)
        if before is None or before.dagster_run.status is dg.DagsterRunStatus.SUCCESS:
            break
        moments.append(before)
        run = before.dagster_run
    began = [each.start_time for each in moments if each is not None and each.start_time]
    return datetime.fromtimestamp(min(began), UTC) if began else None


def _require_complete(window: Window, day: date) -> None:
    """A day whose lag is not over would be there with what has come by now, and no more."""
    at = complete_at(window, day)
    if datetime.now(UTC) < at:
        raise TransientError(f"{day} is complete at {at.isoformat()}, and not before (window.lag)")


@contextmanager
def _opened(
    context: dg.AssetExecutionContext,
    configuration: Configuration,
    engine: sa.Engine,
    landing: LandingStore,
    found: DescribedSeries,
) -> Iterator[_Work]:
    """Whoever asks the API; what is missing is no reason to try again."""
    settings, api, tenant = configuration.read(), found.source.api, found.source.tenant
    try:
        with engine.connect() as connection:
            tenant_id = tenants.find(connection, tenant)
            secrets = secrets_for(connection, settings, tenant_id, api, configuration.secrets)
        asking = open_asker(engine, api, secrets=secrets, patience=Patience.configured(settings))
        with asking as asker:
            collecting = Collecting(
                engine, settings, landing.landed(), tenant_id, tenant, found.known,
                context.run.run_id,
            )  # fmt: skip
            fetching = Fetching(asker, api, found.known.mapped.read)
            yield _Work(
                context, engine, asker, collecting, fetching, key_of(found.known), api.window,
                _begun(context), [],
            )  # fmt: skip
    except PermanentError as error:
        raise dg.Failure(str(error), allow_retries=False) from error


def _said(found: DescribedSeries) -> str:
    source, mapped = found.source, found.known.mapped
    days = "" if source.api.window is None else " A partition is a day, read to its end."
    return (
        f"{source.api.url} by the mapping {mapped.name}, of {source.tenant}: "
        f"{', '.join(found.known.targets)}.{days}"
    )
