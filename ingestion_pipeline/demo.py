"""`ingestion-pipeline demo`: sample data through every asset, in a database that is thrown away."""

import os
import tempfile
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import sqlalchemy as sa

from ingestion_pipeline.commerce.drop import scan
from ingestion_pipeline.commerce.sample_data import write_sample_data
from ingestion_pipeline.kpis.sample_data import write_sample_readings
from ingestion_pipeline.ledger import tenants
from ingestion_pipeline.settings import settings
from ingestion_pipeline.storage import database
from ingestion_pipeline.storage.embedded import EmbeddedServer
from ingestion_pipeline.storage.landing import Landing

TENANT = "demo"
SAMPLE_DAYS = 3  # whole days before today
_QUIET = {"loggers": {"console": {"config": {"log_level": "ERROR"}}}}


@dataclass
class DemoAsset:
    """An asset, how many rows it has, and how its checks went.

    Attributes:
        external: recorded by senders, not materialized by Dagster.
    """

    name: str
    external: bool
    materialized: bool = False
    rows: int | None = None
    passed_checks: int = 0
    failed_checks: list[str] = field(default_factory=list)


@dataclass
class DemoResult:
    """What the demo did."""

    assets: list[DemoAsset]

    @property
    def all_well(self) -> bool:
        """Whether every asset was materialized and every check passed."""
        return all(
            (asset.materialized or asset.external) and not asset.failed_checks
            for asset in self.assets
        )

    def as_dict(self) -> dict[str, Any]:
        """The document that `demo --json` prints."""
        return {"all_well": self.all_well, "assets": [asdict(asset) for asset in self.assets]}


def write_dropped_sample(drop: Path) -> None:
    """Put sample files into the drop folder of the demo tenant, each in one step."""
    folder = drop / TENANT
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=drop, prefix=".sample-") as aside:
        write_sample_data(
            Path(aside), customers=1_000, products=250, orders=2_500, order_items=5_000
        )
        for file in sorted(Path(aside).iterdir()):
            file.rename(folder / file.name)


def sample_days() -> list[date]:
    """The days of sample readings: the last whole ones, in UTC."""
    today = datetime.now(UTC).date()
    return [today - timedelta(days=ago) for ago in range(SAMPLE_DAYS, 0, -1)]


def write_readings(engine: sa.Engine, tenant_id: int) -> int:
    """Record sample readings of the demo tenant; returns how many."""
    return write_sample_readings(engine, tenant_id, days=sample_days(), until=datetime.now(UTC))


def run() -> DemoResult:
    """Materialize every asset from sample data in a temporary home."""
    with tempfile.TemporaryDirectory(prefix="ingestion-demo-") as home:
        server = EmbeddedServer(Path(home))
        os.environ["INGESTION_HOME"] = home
        os.environ["DATABASE_URL"] = server.url()
        for name in ("DROP_URL", "LANDING_URL", "KEY_VALUE_URL"):
            os.environ.pop(name, None)
        settings.cache_clear()
        try:
            return _materialize()
        finally:
            database.engine().dispose()
            server.stop()


def _materialize() -> DemoResult:
    from ingestion_pipeline.definitions import defs

    configuration = settings()
    engine = database.engine()
    database.upgrade(engine)
    with engine.begin() as connection:
        tenant_id = tenants.ensure(connection, TENANT)
    write_readings(engine, tenant_id)
    write_dropped_sample(configuration.home / "drop")
    scan(
        engine,
        drop_url=configuration.drop,
        landing=Landing(configuration.landing),
        settle=timedelta(0),
        attempts=1,
        until=datetime.now(UTC) + timedelta(minutes=1),
    )
    graph = defs.resolve_asset_graph()
    keys = sorted(graph.get_all_asset_keys())
    assets = {
        key.to_user_string(): DemoAsset(
            key.to_user_string(), external=key in graph.external_asset_keys
        )
        for key in keys
    }
    daily = dg.AssetSelection.assets(*(key for key in keys if graph.get(key).is_partitioned))
    jobs = [
        dg.define_asset_job("demo_of_a_day", daily.without_checks()),
        # All checks come last, when everything is there.
        dg.define_asset_job(
            "demo_of_the_rest",
            (dg.AssetSelection.all() - daily).without_checks()
            | dg.AssetSelection.all_asset_checks(),
        ),
    ]
    with_jobs = dg.Definitions.merge(defs, dg.Definitions(jobs=jobs))
    with dg.DagsterInstance.ephemeral() as instance:
        for day in sample_days():
            _execute(with_jobs, "demo_of_a_day", instance, assets, day.isoformat())
        _execute(with_jobs, "demo_of_the_rest", instance, assets)
    return DemoResult(list(assets.values()))


def _execute(
    definitions: dg.Definitions,
    job_name: str,
    instance: dg.DagsterInstance,
    assets: dict[str, DemoAsset],
    partition_key: str | None = None,
) -> None:
    """Run a job, and note what became of its assets and their checks."""
    result = definitions.resolve_job_def(job_name).execute_in_process(
        instance=instance, run_config=_QUIET, raise_on_error=False, partition_key=partition_key
    )
    for event in result.get_asset_materialization_events():
        materialization = event.step_materialization_data.materialization
        asset = assets[materialization.asset_key.to_user_string()]
        asset.materialized = True
        if rows := materialization.metadata.get("dagster/row_count"):
            asset.rows = int(str(rows.value))
    for evaluation in result.get_asset_check_evaluations():
        asset = assets[evaluation.asset_key.to_user_string()]
        if evaluation.passed:
            asset.passed_checks += 1
        else:
            asset.failed_checks.append(evaluation.check_name)
