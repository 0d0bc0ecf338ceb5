"""Every environment variable that the project reads: name, type, unit, default.

Only `environment.py` makes one of the environment. README's table of variables is compared
with this class by a test.
"""

import re
from datetime import date, timedelta
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, get_args

from pydantic import (
    BeforeValidator,
    Field,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    SecretStr,
    ValidationInfo,
    field_validator,
)
from pydantic_settings import BaseSettings, SettingsConfigDict

from ingestion_pipeline.foundation.described.folder import Described, read_folder


def _seconds(value: object) -> object:
    """Read a bare number as seconds; anything else is left to pydantic (ISO 8601: `PT24H`)."""
    bare = isinstance(value, str) and value.isascii() and value.replace(".", "", 1).isdigit()
    return float(str(value)) if bare else value


# Parsers take more: 1_000 for a thousand, 12.0 for a port, 1609459200 for a day of 2021.
_SPELLINGS = {
    int: (re.compile(r"[+-]?[0-9]+"), "a whole number in digits 0 to 9"),
    float: (re.compile(r"[+-]?[0-9]*\.?[0-9]+(?:[eE][+-]?[0-9]+)?"), "a number in digits 0 to 9"),
    date: (re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}"), "a day such as 2026-01-31"),
}

Seconds = Annotated[timedelta, BeforeValidator(_seconds)]


def _plain_type(annotation: Any) -> Any:
    """The type that an `Optional` or `Annotated` one is about."""
    parts = get_args(annotation)
    return _plain_type(parts[0]) if parts else annotation


class Settings(BaseSettings):
    """The configuration of one process, read once from the environment."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", env_ignore_empty=True)

    ingestion_home: Path = Field(
        Path(".ingestion"),
        description="Folder of everything local: embedded database, landed files, Dagster's runs",
    )
    database_url: SecretStr | None = Field(
        None, description="PostgreSQL 15 or newer; unset: an embedded server under INGESTION_HOME"
    )
    key_value_url: SecretStr | None = Field(
        None, description="redis:// URL of the key-value store; unset: a table in the database"
    )
    landing_url: str | None = Field(
        None,
        description="Where received files are kept, any fsspec URL; unset: INGESTION_HOME/landing",
    )
    drop_url: str | None = Field(
        None,
        description="Drop folder, one folder a tenant, any fsspec URL; unset: INGESTION_HOME/drop",
    )
    drop_settle: Seconds = Field(
        timedelta(seconds=5),
        description="Seconds without a change until a dropped file is complete",
    )
    orphan_grace: Seconds = Field(
        timedelta(hours=24), description="Seconds that a row may wait for its parent unreported"
    )
    job_lease: Seconds = Field(
        timedelta(minutes=2), description="Seconds until an unrenewed claim on a job lapses"
    )
    job_backoff: Seconds = Field(
        timedelta(seconds=10), description="Seconds before the second attempt; doubles each time"
    )
    job_attempts: PositiveInt = Field(3, description="Attempts until a job is given up")
    batch_uploads: PositiveInt = Field(200, description="Uploads that one Dagster run takes on")
    batch_updates: PositiveInt = Field(
        10_000, description="KPI updates that are published in one transaction"
    )
    kpi_late: Seconds = Field(
        timedelta(hours=24), description="Seconds after its instant that a reading counts as late"
    )
    kpi_first_day: date = Field(
        date(2020, 1, 1),
        ge=date(1970, 1, 1),
        description="The first daily partition of KPIs; it stands for all days before it, too.",
    )
    kpi_job_timeout: Seconds = Field(
        timedelta(hours=1), description="Seconds that a KPI job may take that says nothing else"
    )
    kpi_document_points: PositiveInt = Field(
        1000, description="Newest points that the document of a time series holds"
    )
    check_rows: PositiveInt = Field(
        100_000, description="Newest rows of a table that a schema check reads"
    )
    gateway_host: str = Field("127.0.0.1", description="Address that the HTTP gateway listens on")
    gateway_port: PositiveInt = Field(8000, description="Port of the HTTP gateway")
    max_json_bytes: PositiveInt = Field(2**20, description="Largest JSON body, in bytes")
    max_upload_bytes: PositiveInt = Field(2**31, description="Largest uploaded file, in bytes")
    tenant_landed_bytes: NonNegativeInt = Field(
        100 * 2**30,
        description="Bytes of landed files that a tenant may keep that has no limit of its own",
    )
    tenant_rejected_bytes: NonNegativeInt = Field(
        10 * 2**30,
        description="Bytes of refused lines that are kept of a tenant that has no limit of its own",
    )
    landed_retention_days: PositiveInt | None = Field(
        None, description="Days that landed files are kept once loaded; unset: for ever"
    )
    max_unpacked_bytes: PositiveInt = Field(
        20 * 2**30, description="What a compressed file may unpack to, in bytes"
    )
    max_unpack_ratio: PositiveInt = Field(
        250, description="To how many times its size a compressed file may unpack"
    )
    body_timeout: Seconds = Field(
        timedelta(seconds=30), description="Seconds that a sender may be silent within a request"
    )
    peer_connections: PositiveInt = Field(
        1_000, description="Connections that an address may have to a gateway, of 2,000 of all"
    )
    trusted_proxies: str = Field(
        "",
        description="Addresses of proxies, commas between, that may have as many as they need",
    )
    rate_limit: PositiveFloat = Field(
        10_000,
        description="Requests a second that a tenant may send on average, to all gateways",
    )
    rate_burst: PositiveInt = Field(
        20_000, description="Requests that a tenant may send at once, to all gateways"
    )
    idempotency_retention: Seconds = Field(
        timedelta(hours=48), description="Seconds that answers are kept under their Idempotency-Key"
    )
    upload_session_lifetime: Seconds = Field(
        timedelta(days=7), description="Seconds until an upload session and its chunks are deleted"
    )
    api_key: SecretStr | None = Field(
        None, description="API key with which `ingest --api-url` uploads"
    )
    cron_secret: SecretStr | None = Field(
        None, description="Bearer secret of the cron endpoints and of /metrics; unset: these refuse"
    )
    http_timeout: Seconds = Field(
        timedelta(seconds=30), description="Seconds that an upstream may be silent in an answer"
    )
    http_backoff: Seconds = Field(
        timedelta(seconds=1),
        description="Seconds before a request to an upstream is tried again; doubles each time",
    )
    http_retry_after_cap: Seconds = Field(
        timedelta(minutes=5), description="Most seconds that an upstream's Retry-After is obeyed"
    )
    breaker_failures: PositiveInt = Field(
        5, description="Failures in a row after which an upstream is left alone"
    )
    breaker_cooldown: Seconds = Field(
        timedelta(minutes=1), description="Seconds that an upstream that failed is left alone"
    )
    ace_iot_api_base_url: str | None = Field(
        None, description="Base URL of the ACE IoT API; unset: nothing is collected"
    )
    ace_iot_api_key: SecretStr | None = Field(None, description="Key of the ACE IoT API")
    ace_requests_per_minute: PositiveInt = Field(
        100, description="Requests a minute to the ACE IoT API, of all runs together"
    )
    ace_page_size: PositiveInt = Field(
        100_000, description="Records a page; the live API takes 10000, 50000, 100000, 300000 …"
    )
    ace_raw_data: bool = Field(
        True, description="Collect every sample; false: the API's buckets of five minutes"
    )
    ace_window_pages: PositiveInt = Field(
        1000, description="Most pages of a window; one with more is taken for an endless one"
    )
    sites: str = Field(
        "demo-site-1,demo-site-2,demo-site-3",
        description="Sites to collect, with commas between; the default, where no file names any",
    )
    configured_points: str | None = Field(
        None, description="Points to keep, with commas between; unset: those that the API names"
    )
    collect_since: date = Field(
        date(2020, 1, 1), description="First day that can be collected, YYYY-MM-DD"
    )
    collect_window: Seconds = Field(
        timedelta(hours=1), description="Seconds that a day is cut into: what a failure costs"
    )
    look_back_days: NonNegativeInt = Field(
        3, description="Days before the last one that are collected again, for late samples"
    )
    retention_months: PositiveInt = Field(
        36, description="Whole months of samples that stay in the database; older go to ARCHIVE_URL"
    )
    archive_url: str | None = Field(
        None, description="Where old months go as Parquet, any fsspec URL; unset: in INGESTION_HOME"
    )
    lake_url: str | None = Field(
        None,
        pattern=r"^(off|/\S.*|file:///.+|s3://[^\s/@?#]+(/[^\s?#]*)?)$",  # no password in it
        description="Where the lake's tables go: a folder, file:///… or s3://bucket/prefix, whose "
        "keys are the usual AWS_* variables; off: there is none; unset: INGESTION_HOME/lake, and "
        "none where DATABASE_URL is set",
    )
    aws_endpoint_url: str | None = Field(
        None,
        pattern=r"^https?://[^\s/@?#]+/?$",
        description="URL of the store of s3:// URLs; unset: Amazon's",
    )
    aws_region: str | None = Field(
        None, description="Region of its buckets; unset: us-east-1, Amazon's is asked"
    )
    dask_scheduler: str | None = Field(
        None,
        pattern=r"^(tcp|tls|ws|wss)://[^\s/@?#]+$",
        description="Address of the scheduler that marts over the lake are worked out by; unset: "
        "processes of this machine",
    )
    defs_folder: Path | None = Field(
        None,
        description="Folder of sources that are described in YAML; unset: the package's own `defs`",
    )
    dagster_is_defs_validation_cli: bool = Field(
        False, description="Set by `dg check defs`: a source that is at fault is an error then"
    )
    sandbox_port: PositiveInt = Field(
        8100, description="Port of the sandbox that `up` starts where an upstream is not configured"
    )
    webhook_secrets: SecretStr | None = Field(
        None,
        description="Secrets that sign webhooks, with commas between; TENANT:SECRET or SECRET, "
        "which is of the tenant `default`; beside tenants' own in the database",
    )
    batch_events: PositiveInt = Field(
        500, description="Events of a type that one Dagster run takes on"
    )
    cache_ttl_macro: Seconds = Field(
        timedelta(minutes=5), description="Seconds that macro data is served without asking FRED"
    )
    cache_ttl_fundamentals: Seconds = Field(
        timedelta(hours=1), description="Seconds that cached fundamentals count as fresh"
    )
    cache_ttl_comps: Seconds = Field(
        timedelta(minutes=30), description="Seconds that cached comparables count as fresh"
    )
    fred_api_base_url: str = Field(
        "https://api.stlouisfed.org/fred", description="Base URL of the FRED API"
    )
    fred_api_key: SecretStr | None = Field(
        None, description="Key of the FRED API; unset: no macro data is fetched"
    )
    fred_series: str = Field(
        "GDP,UNRATE,CPIAUCSL,FEDFUNDS",
        description="FRED series to keep, commas between; the default, where no file names any",
    )
    fred_requests_per_minute: PositiveInt = Field(
        120, description="Requests a minute to the FRED API, of all processes together"
    )
    fred_breaker_failures: PositiveInt = Field(
        3, description="Failures within the window after which FRED is left alone"
    )
    fred_breaker_window: Seconds = Field(
        timedelta(minutes=2), description="Seconds within which failures of FRED are counted"
    )
    fred_breaker_cooldown: Seconds = Field(
        timedelta(minutes=2), description="Seconds that FRED is left alone then"
    )
    health_interval: Seconds = Field(
        timedelta(seconds=5), description="Seconds that the health document is kept"
    )
    alert_webhook_url: SecretStr | None = Field(
        None, description="Where alerts are posted to as JSON; unset: they are in the log only"
    )
    alert_backoff: Seconds = Field(
        timedelta(seconds=30),
        description="Seconds before an alert is posted again; doubles each time, up to an hour",
    )
    alert_hold: Seconds = Field(
        timedelta(minutes=2),
        description="Seconds that all has to be well before an incident counts as over",
    )
    alert_minimum: PositiveInt = Field(
        20, description="Cache lookups and requests below which their rates raise no alert"
    )
    analysis_url: str | None = Field(
        None,
        pattern=r"^https?://[^\s/@?#]+[^\s?#]*$",  # no password: messages show it
        description="Base URL of a server of the OpenAI chat wire (as https://host/v1), which may "
        "reword analyses of KPIs that are worth watching; unset: they stay as they are",
    )
    analysis_key: SecretStr | None = Field(
        None, description="Bearer key of that server; unset: it wants none"
    )
    analysis_model: str = Field("default", description="Model that is asked for there")
    analysis_budget: NonNegativeInt = Field(
        100_000, description="Tokens that rewording may take a UTC day, of all runs together"
    )
    ledger_retention_days: PositiveInt = Field(
        90,
        description="Days that finished jobs, events, receipts of readings, cron logs and alerts "
        "are kept",
    )
    metrics_retention_days: PositiveInt = Field(
        30, description="Days that API requests and cache metrics are kept"
    )
    run_retention_days: PositiveInt = Field(
        30, description="Days that Dagster's finished runs are kept, but for each asset's last ones"
    )
    credential_keys: SecretStr | None = Field(
        None, description="Fernet keys that encrypt credentials, commas between; the first writes"
    )
    platform_imports: PositiveInt = Field(
        2, description="Imports of one book platform that may be under way at once"
    )
    gumroad_api_base_url: str = Field(
        "https://api.gumroad.com/v2", description="Base URL of Gumroad's API"
    )
    gumroad_requests_per_minute: PositiveInt = Field(
        60, description="Requests a minute to Gumroad's API, of all runs together"
    )
    dashboards_database_url: SecretStr | None = Field(
        None,
        description="URL of the login that the pages read with, of `db login dashboards NAME`; "
        "unset: pages are served only where the database is the embedded one",
    )
    session_lifetime: Seconds = Field(
        timedelta(hours=12), description="Seconds until one has to sign in to the pages again"
    )
    web_host: str = Field("127.0.0.1", description="Address that the Dagster UI listens on")
    web_port: PositiveInt = Field(3000, description="Port of the Dagster UI")
    web_hosts: str = Field(
        "", description="Names besides 127.0.0.1, localhost, WEB_HOST under which the UI is opened"
    )

    source_url: str | None = Field(
        None,
        pattern=r"^https?://[^\s/@]+(/\S*)?$",  # no password: the UI shows it
        description="Where the files of this version are read; unset: the UI links to local files",
    )

    @field_validator("*", mode="before")
    @classmethod
    def _spelled_plainly(cls, value: object, info: ValidationInfo) -> object:
        spelling = _SPELLINGS.get(_plain_type(cls.model_fields[str(info.field_name)].annotation))
        if isinstance(value, str) and spelling and not spelling[0].fullmatch(value.strip()):
            raise ValueError(f"must be {spelling[1]}, got {value!r}")
        return value

    @cached_property
    def home(self) -> Path:
        """`INGESTION_HOME` as an absolute path."""
        return self.ingestion_home.expanduser().absolute()

    @property
    def landing(self) -> str:
        """The URL under which received files are kept."""
        return self.landing_url or (self.home / "landing").as_uri()

    @property
    def drop(self) -> str:
        """The URL of the drop folder."""
        return self.drop_url or (self.home / "drop").as_uri()

    @property
    def archive(self) -> str:
        """The URL under which old months are archived."""
        return self.archive_url or (self.home / "archive").as_uri()

    @property
    def lake(self) -> str | None:
        """The folder or the URL that the lake's tables are below; None: there is no lake.

        Runs of one database may be on many machines, whose folders are not one.
        """
        if self.lake_url == "off" or (self.lake_url is None and self.database_url is not None):
            return None
        url = self.lake_url or str(self.home / "lake")
        return url.removeprefix("file://").rstrip("/")

    @property
    def lake_store(self) -> dict[str, str]:
        """Which store the lake's s3:// URLs are of, as pyiceberg's file systems call it; no keys:
        these are read from the environment by the client, and handed to nobody."""
        if self.aws_endpoint_url:
            region = self.aws_region or "us-east-1"
            return {"s3.endpoint": self.aws_endpoint_url.rstrip("/"), "s3.region": region}
        return {"s3.region": self.aws_region} if self.aws_region else {}

    @property
    def site_names(self) -> tuple[str, ...]:
        """The sites to collect: of `SITES`, and of files; its default is for who names none."""
        return self._with_described("AceIotSite", "sites")

    @property
    def trusted_proxy_addresses(self) -> tuple[str, ...]:
        """`TRUSTED_PROXIES`, one by one."""
        return _listed(self.trusted_proxies)

    @property
    def web_host_names(self) -> tuple[str, ...]:
        """`WEB_HOSTS`, one by one."""
        return _listed(self.web_hosts)

    @property
    def fred_series_ids(self) -> tuple[str, ...]:
        """The series to keep: of `FRED_SERIES`, and of files; its default is for who names none."""
        return self._with_described("FredSeries", "fred_series")

    @property
    def described_in(self) -> Path:
        """The folder of sources that are described in YAML, as an absolute path."""
        own = Path(__file__).parents[1] / "defs"
        return own if self.defs_folder is None else self.defs_folder.expanduser().absolute()

    @cached_property
    def described(self) -> Described:
        """The sources that are described in YAML, as they were when it was asked first."""
        taken = {
            "AceIotSite": self._set_by_hand("sites"),
            "FredSeries": self._set_by_hand("fred_series"),
        }
        return read_folder(self.described_in, taken=taken)

    def _set_by_hand(self, field: str) -> tuple[str, ...]:
        return _listed(getattr(self, field)) if field in self.model_fields_set else ()

    def _with_described(self, kind: str, field: str) -> tuple[str, ...]:
        """What variable and files name. A file at fault is no reason to collect the default."""
        if field not in self.model_fields_set and kind not in self.described.kinds:
            return _listed(getattr(self, field))
        return (*self._set_by_hand(field), *self.described.names(kind))

    @property
    def configured_point_names(self) -> frozenset[str] | None:
        """`CONFIGURED_POINTS`, one by one; None where they are unset."""
        if self.configured_points is None:
            return None
        return frozenset(_listed(self.configured_points))


def _listed(text: str) -> tuple[str, ...]:
    names = (name.strip() for name in text.split(","))
    return tuple(dict.fromkeys(name for name in names if name))
