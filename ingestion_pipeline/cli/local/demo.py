"""`ingestion-pipeline demo`: sample data through every asset, in a database that is thrown away."""

import os
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import sqlalchemy as sa

from ingestion_pipeline.cli.local.services import free_port, running
from ingestion_pipeline.cli.local.stand_ins import KEY, sandbox, upstreams
from ingestion_pipeline.domains.book_sales.sample import queue_samples
from ingestion_pipeline.domains.book_sales.sources.described import platforms
from ingestion_pipeline.domains.commerce.receive.drop_folder import receive_dropped
from ingestion_pipeline.domains.commerce.sample import write_sample_data
from ingestion_pipeline.domains.kpis.sample import write_sample_readings
from ingestion_pipeline.domains.markets.sample import write_sample_events
from ingestion_pipeline.foundation.environment import settings
from ingestion_pipeline.foundation.ledger import tenants
from ingestion_pipeline.foundation.sealing import new_key
from ingestion_pipeline.foundation.settings import Settings
from ingestion_pipeline.foundation.storage import database, roles, schema
from ingestion_pipeline.foundation.storage.embedded import EmbeddedServer
from ingestion_pipeline.foundation.storage.landing import Landing

TENANT = "demo"
SAMPLE_DAYS = 3  # whole days before today
# What a demo takes from its own sandbox and folders, whatever the shell says.
_ELSEWHERE = (
    "DROP_URL", "LANDING_URL", "KEY_VALUE_URL", "FRED_API_KEY", "GUMROAD_API_BASE_URL",
)  # fmt: skip
_QUIET = {"loggers": {"console": {"config": {"log_level": "ERROR"}}}}


@dataclass
class DemoAsset:
    """An asset, how many rows it has, and how its checks went.

    Attributes:
        external: recorded by senders, not materialized by Dagster.
        warnings: checks that did not pass and are no errors, like gaps of a silent sensor.
    """

    name: str
    external: bool
    materialized: bool = False
    rows: int | None = None
    passed_checks: int = 0
    failed_checks: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


@dataclass
class DemoQuery:
    """A question to the lake, answered by another engine than ours.

    Attributes:
        asked: the question, as one types it in Python.
        columns: of the answer.
        rows: of the answer.
        as_in_database: whether PostgreSQL answers the same.
    """

    asked: str
    columns: list[str]
    rows: list[list[Any]]
    as_in_database: bool


@dataclass
class DemoResult:
    """What the demo did.

    Attributes:
        assets: all of them.
        query: of the lake; None: polars is not installed.
    """

    assets: list[DemoAsset]
    query: DemoQuery | None = None

    @property
    def all_well(self) -> bool:
        """Whether every asset was materialized, every check passed, and the lake says the same."""
        return all(
            (asset.materialized or asset.external) and not asset.failed_checks
            for asset in self.assets
        ) and (self.query is None or self.query.as_in_database)

    def as_dict(self) -> dict[str, Any]:
        """The document that `demo --json` prints."""
        return {
            "all_well": self.all_well,
            "assets": [asdict(asset) for asset in self.assets],
            "query": asdict(self.query) if self.query else None,
        }


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
        os.environ["LAKE_URL"] = f"{home}/lake"
        for name in _ELSEWHERE:
            os.environ.pop(name, None)
        (Path(home) / "defs").mkdir()  # of sample data, not of what files describe
        os.environ["DEFS_FOLDER"] = f"{home}/defs"
        port = free_port()
        os.environ["CREDENTIAL_KEYS"] = new_key()
        os.environ["COLLECT_WINDOW"] = "PT6H"  # few requests for few samples
        os.environ["POLARS_ICEBERG_PLANNER"] = "pyiceberg"  # else it warns that it is not its own
        os.environ |= upstreams(Settings(), port)
        settings.cache_clear()
        stand_ins = sandbox(settings(), port=port, points=20, interval_seconds=300)
        try:
            with running([stand_ins]):
                stand_ins.wait_until_ready()
                roles.ensure(schema.upgraded(settings()))  # the lake reads under tenants' own
                return _materialize()
        finally:
            database.engine(settings()).dispose()
            server.stop()


def _materialize() -> DemoResult:
    from ingestion_pipeline.definitions import defs

    configuration = settings()
    engine = database.engine(settings())
    schema.upgrade(engine)
    with engine.begin() as connection:
        tenant_id = tenants.ensure(connection, TENANT)
    write_readings(engine, tenant_id)
    queue_samples(engine, configuration, tenant_id=tenant_id, gumroad_token=KEY)
    write_sample_events(engine, tenant_id)
    write_dropped_sample(configuration.home / "drop")
    receive_dropped(
        engine,
        drop_url=configuration.drop,
        landing=Landing(configuration.landing),
        settle=timedelta(0),
        attempts=1,
        keeps=configuration.tenant_landed_bytes,
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
    of_days, of_sites, of_platforms = _by_partitions(graph, keys)
    jobs = [
        dg.define_asset_job("demo_of_a_day", of_days.without_checks()),
        dg.define_asset_job("demo_of_sites", of_sites.without_checks()),
        dg.define_asset_job("demo_of_platforms", of_platforms.without_checks()),
        # All checks come last, when everything is there.
        dg.define_asset_job(
            "demo_of_the_rest",
            (dg.AssetSelection.all() - of_days - of_sites - of_platforms).without_checks()
            | dg.AssetSelection.all_asset_checks(),
        ),
    ]
    with_jobs = dg.Definitions.merge(defs, dg.Definitions(jobs=jobs))
    with dg.DagsterInstance.ephemeral() as instance:
        for day in sample_days():
            _execute(with_jobs, "demo_of_a_day", instance, assets, day.isoformat())
        _execute(with_jobs, "demo_of_sites", instance, assets, tags=_of_all_sites(sample_days()))
        _execute(with_jobs, "demo_of_platforms", instance, assets, tags=_of_all_platforms())
        _execute(with_jobs, "demo_of_the_rest", instance, assets)
    return DemoResult(list(assets.values()), _query(engine, tenant_id))


def _query(engine: sa.Engine, tenant_id: int) -> DemoQuery | None:
    """Ask the lake for days of KPIs with polars, and the database for the same."""
    try:
        import polars
    except ImportError:
        return None
    from pyiceberg.table import StaticTable

    folder = f"{settings().lake}/tenant_{tenant_id}/kpi_daily"
    days = polars.scan_iceberg(StaticTable.from_metadata(folder))
    found = (
        days.group_by("kpi_id")
        .agg(
            polars.len().alias("days"),
            polars.col("points").sum(),
            polars.col("minimum").min(),
            polars.col("maximum").max(),
        )
        .sort("kpi_id")
        .collect()
    )
    with engine.connect() as connection:
        known = connection.execute(_SAME, {"tenant_id": tenant_id}).all()
    rows = [list(row) for row in found.rows()]
    return DemoQuery(
        f'polars.scan_iceberg(StaticTable.from_metadata("{folder}"))',
        found.columns,
        rows,
        as_in_database=rows == [list(row) for row in known],
    )


_SAME = sa.text("""
    SELECT kpi_id, count(*), sum(points), min(minimum), max(maximum) FROM kpi_daily
    WHERE tenant_id = :tenant_id GROUP BY kpi_id ORDER BY kpi_id COLLATE "C"
""")


def _by_partitions(
    graph: Any, keys: Sequence[dg.AssetKey]
) -> tuple[dg.AssetSelection, dg.AssetSelection, dg.AssetSelection]:
    """The assets with a partition a day, a day and site, a book platform."""
    partitioned = [key for key in keys if graph.get(key).is_partitioned]
    of_sites = [
        key
        for key in partitioned
        if isinstance(graph.get(key).partitions_def, dg.MultiPartitionsDefinition)
    ]
    of_platforms = [
        key
        for key in partitioned
        if isinstance(graph.get(key).partitions_def, dg.StaticPartitionsDefinition)
        and key not in graph.external_asset_keys
    ]
    others = {*of_sites, *of_platforms, *graph.external_asset_keys}
    of_days = [key for key in partitioned if key not in others]
    return (
        dg.AssetSelection.assets(*of_days),
        dg.AssetSelection.assets(*of_sites),
        dg.AssetSelection.assets(*of_platforms),
    )


def _of_all_platforms() -> dict[str, str]:
    """The tags of one run for all book platforms."""
    names = list(platforms(settings()))
    return {
        "dagster/asset_partition_range_start": names[0],
        "dagster/asset_partition_range_end": names[-1],
    }


def _of_all_sites(days: Sequence[date]) -> dict[str, str]:
    """The tags of one run for some days of all sites."""
    sites = settings().site_names
    return {
        "dagster/asset_partition_range_start": f"{days[0]}|{sites[0]}",
        "dagster/asset_partition_range_end": f"{days[-1]}|{sites[-1]}",
    }


def _execute(
    definitions: dg.Definitions,
    job_name: str,
    instance: dg.DagsterInstance,
    assets: dict[str, DemoAsset],
    partition_key: str | None = None,
    *,
    tags: dict[str, str] | None = None,
) -> None:
    """Run a job, and note what became of its assets and their checks."""
    result = definitions.resolve_job_def(job_name).execute_in_process(
        instance=instance, run_config=_QUIET, raise_on_error=False, partition_key=partition_key,
        tags=tags,
    )  # fmt: skip
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
        elif evaluation.severity == dg.AssetCheckSeverity.WARN:
            asset.warnings.append(evaluation.check_name)
        else:
            asset.failed_checks.append(evaluation.check_name)
