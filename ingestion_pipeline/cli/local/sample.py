"""The sample of `up`: brought in the way that users bring theirs, and watched until it is there."""

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import sqlalchemy as sa

from ingestion_pipeline.cli import console
from ingestion_pipeline.domains.book_sales.sample import queue_reports
from ingestion_pipeline.domains.buildings.merge.sites import add_site
from ingestion_pipeline.domains.markets.sample import write_sample_events
from ingestion_pipeline.foundation.errors import TransientError
from ingestion_pipeline.foundation.ledger import tenants
from ingestion_pipeline.foundation.ledger.tables.uploads import uploads
from ingestion_pipeline.foundation.settings import Settings
from ingestion_pipeline.outlets.findings.analysis.packages import any_wanted

_SECONDS = 240
# What starts by itself minutes or hours later: whoever looks around now sees it, too. Checks come
# after what they check; those of KPIs ran beside the first readings, and rest for five minutes.
_ELSE_LATER = (
    "look_for_findings", "listen_for_silences", "add_up_receipts",
    "check_kpis", "check_marts", "check_analyses",
)  # fmt: skip
_PENDING = sa.text("""
    SELECT greatest(0, 4 - (SELECT count(*) FROM uploads WHERE domain = 'commerce'))
         + (SELECT count(*) FROM jobs WHERE status IN ('pending', 'processing', 'retrying'))
         + (SELECT count(*) FROM kpi_updates WHERE tenant_id = :tenant_id AND pending)
         + (SELECT count(*) FROM ingestion_events WHERE status IN ('received', 'validated'))
         + :sites - (SELECT count(*) FROM collected_days WHERE day = :day)
""")
_LAUNCH = """
mutation ($job: String!, $tags: [ExecutionTag!]!) {
  launchRun(executionParams: {
    selector: {
      repositoryLocationName: "ingestion_pipeline", repositoryName: "__repository__", jobName: $job
    }
    runConfigData: "{}"
    executionMetadata: {tags: $tags}
  }) { __typename ... on PythonError { message } }
}
"""


def load(configuration: Settings, engine: sa.Engine) -> None:
    """Bring sample data for the tenant `demo`, and watch Dagster load, publish and collect it.

    Does nothing in a database that has seen an upload.
    """
    from ingestion_pipeline.cli.local.demo import TENANT, write_dropped_sample, write_readings

    with engine.begin() as connection:
        if connection.scalar(sa.select(sa.func.count()).select_from(uploads)):
            return
        tenant_id = tenants.ensure(connection, TENANT)
    write_dropped_sample(configuration.home / "drop")
    readings = write_readings(engine, tenant_id)
    write_sample_events(engine, tenant_id)
    queue_reports(engine, configuration, tenant_id=tenant_id)
    yesterday = datetime.now(UTC).date() - timedelta(days=1)
    stands_in = configuration.ace_iot_api_base_url is None
    sites = configuration.site_names[:1] if stands_in else ()
    with engine.begin() as connection:
        for site in sites:
            add_site(connection, TENANT, site)  # its pages show it
    for site in sites:
        key = f"{yesterday}|{site}"
        tags = {f"dagster/asset_partition_range_{end}": key for end in ("start", "end")}
        _launch(configuration, "collect_buildings", tags)
    if sites:
        _launch(configuration, "snapshot_of_weather", {})
        _launch(configuration, "archive_buildings", {})
    console.say(
        f"sample     dropped four files, recorded {readings} readings and some market events,"
    )
    console.say(f"           queued three sales reports for {TENANT!r},")
    if sites:
        console.say(f"           collecting {yesterday} of {', '.join(sites)} …")
    waiting = {"tenant_id": tenant_id, "sites": len(sites), "day": yesterday}
    deadline = time.monotonic() + _SECONDS
    while time.monotonic() < deadline:
        with engine.connect() as connection:
            if not connection.scalar(_PENDING, waiting) and not any_wanted(connection):
                console.show_uploads(connection, tenant_id)
                samples = connection.scalar(sa.text("SELECT count(*) FROM timeseries_raw"))
                console.say(f"  {readings} readings are published as packages and time series")
                console.say(f"  {samples:,} samples of a building are collected\n")
                break
        time.sleep(0.5)
    else:
        console.warn("the sample is not loaded yet; see the runs in the UI")
    for job in (*_ELSE_LATER, *(["write_lake", "keep_lake"] if configuration.lake else [])):
        _launch(configuration, job, {})


def _launch(configuration: Settings, job: str, tags: dict[str, str]) -> None:
    """Launch a run as a click in the UI does."""
    variables = {"job": job, "tags": [{"key": k, "value": v} for k, v in tags.items()]}
    answer = httpx.post(
        f"http://{configuration.web_host}:{configuration.web_port}/graphql",
        json={"query": _LAUNCH, "variables": variables},
        timeout=60,
    )
    document: dict[str, Any] = answer.raise_for_status().json()
    outcome = (document.get("data") or {}).get("launchRun") or {}
    if outcome.get("__typename") != "LaunchRunSuccess":
        raise TransientError(f"Dagster does not launch {job}: {document}")
