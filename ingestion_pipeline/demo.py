"""`ingestion-pipeline demo`: sample data through every asset, in a database that is thrown away."""

import os
import tempfile
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg

from ingestion_pipeline.commerce.drop import scan
from ingestion_pipeline.commerce.sample_data import write_sample_data
from ingestion_pipeline.ledger import tenants
from ingestion_pipeline.settings import settings
from ingestion_pipeline.storage import database
from ingestion_pipeline.storage.embedded import EmbeddedServer
from ingestion_pipeline.storage.landing import Landing

TENANT = "demo"
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
        tenants.ensure(connection, TENANT)
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
    assets = {
        key.to_user_string(): DemoAsset(
            key.to_user_string(), external=key in graph.external_asset_keys
        )
        for key in sorted(graph.get_all_asset_keys())
    }
    job = defs.resolve_implicit_global_asset_job_def()
    with dg.DagsterInstance.ephemeral() as instance:
        result = job.execute_in_process(instance=instance, run_config=_QUIET, raise_on_error=False)
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
    return DemoResult(list(assets.values()))
