"""The kinds of sources that a file may describe, and their attributes."""

import re
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator

from ingestion_pipeline.foundation.mapping.documents import Node

HOME = "ingestion_pipeline.components"  # where Dagster finds the types of these names

# Part of a partition's key (`day|site`, without `...`) and of a path in the API (`/sites/SITE/…`).
_SITE = re.compile(r"[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*")
_SERIES = re.compile(r"[A-Z0-9_]{1,60}")
# Part of an asset's key, of a path and of a folder's name.
_PLAIN = re.compile(r"[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*")


def _named_as_a_site(site: str) -> str:
    if not _SITE.fullmatch(site):
        raise ValueError("must be letters, digits, _ and -, with single dots between them")
    return site


def _named_as_a_series(series: str) -> str:
    if not _SERIES.fullmatch(series):
        raise ValueError("must be an id as GDP is: up to 60 capitals, digits and _")
    return series


def named_plainly(name: str) -> str:
    """A name that may be part of an asset's key, of a path and of a folder's name."""
    if not _PLAIN.fullmatch(name):
        raise ValueError("must be letters, digits, _ and -, with single dots between them")
    return name


class Kind(BaseModel):
    """What all kinds of sources have."""

    # Strict: what YAML reads as a number or a boolean is no text.
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    claims: ClassVar[str]  # the field of which every value is its own, in all files
    variable: ClassVar[str]  # the environment variable that may name the same

    description: str | None = Field(
        default=None,
        max_length=2000,
        description="What it is, in a sentence; the catalog shows it.",
    )

    @property
    def names(self) -> tuple[str, ...]:
        """What this source adds to what is collected."""
        value = getattr(self, self.claims)
        return (value,) if isinstance(value, str) else tuple(value)

    def key(self, folder: tuple[str, ...]) -> tuple[str, ...]:
        """The key of the asset that shows this source; `folder` is where its file is."""
        raise NotImplementedError


class AceIotSite(Kind):
    """A building site of the ACE IoT API."""

    claims: ClassVar[str] = "site"
    variable: ClassVar[str] = "SITES"

    site: Annotated[str, AfterValidator(_named_as_a_site)] = Field(
        max_length=200,
        description="Name of the site in the ACE IoT API; its partitions are called so, too.",
        examples=["plant-1"],
    )

    def key(self, folder: tuple[str, ...]) -> tuple[str, ...]:  # noqa: ARG002
        """By the site's name, wherever its file is."""
        return ("ace_iot", self.site)


class FredSeries(Kind):
    """A list of series of FRED."""

    claims: ClassVar[str] = "series"
    variable: ClassVar[str] = "FRED_SERIES"

    series: list[Annotated[str, AfterValidator(_named_as_a_series)]] = Field(
        min_length=1,
        max_length=1000,
        description="Ids of the series at FRED.",
        examples=[["DGS10", "T10Y2Y"]],
    )

    @field_validator("series")
    @classmethod
    def _are_different(cls, series: list[str]) -> list[str]:
        if twice := sorted({each for each in series if series.count(each) > 1}):
            raise ValueError(f"{', '.join(twice)} is there twice")
        return series

    def key(self, folder: tuple[str, ...]) -> tuple[str, ...]:
        """A list is called as its folder is."""
        return ("fred", *folder)


class MappedFiles(Kind):
    """Files of any shape, by a mapping (docs/mappings.md)."""

    claims: ClassVar[str] = "mapping"
    variable: ClassVar[str] = ""

    mapping: Any = Field(
        description="The mapping; or the name of a file beside this one, or of a shipped mapping.",
        json_schema_extra={"type": ["object", "string"]},
        examples=["shopify_orders", "till.yaml"],
    )
    source: Annotated[str, AfterValidator(named_plainly)] | None = Field(
        default=None,
        description="Whose ids these are, where it is another than the mapping says: each of two "
        "shops that use one mapping is a source of its own.",
    )
    settings: Any = Field(
        default=None,
        description="Settings in place of the mapping's own, by name.",
        json_schema_extra={"type": ["object", "null"]},
        examples=[{"currency": "NOK"}],
    )
    tenants: list[str] | None = Field(
        default=None, min_length=1, description="Who may send such files; all, where it is missing."
    )

    @field_validator("mapping")
    @classmethod
    def _is_one_or_named(cls, mapping: Any) -> Any:
        value = mapping.value if isinstance(mapping, Node) else mapping
        if not isinstance(value, dict) and not (isinstance(value, str) and value.strip()):
            raise ValueError("must be a mapping, or the name of one")
        return mapping

    @field_validator("settings")
    @classmethod
    def _are_texts(cls, settings: Any) -> Any:
        value = settings.value if isinstance(settings, Node) else settings
        inside = value.values() if isinstance(value, dict) else [value]
        plain = (each.value if isinstance(each, Node) else each for each in inside)
        if value is not None and not (
            isinstance(value, dict) and all(isinstance(each, str) for each in plain)
        ):
            raise ValueError("must be texts by their names")
        return settings

    @property
    def names(self) -> tuple[str, ...]:
        """What it adds to what is collected: the mapping says that (`mappings.py`)."""
        return ()


def _said(description: str, *examples: Any, default: Any = None) -> Any:
    """An attribute that is read as it is written, by the language of requests (`series.py`)."""
    return Field(default=default, description=description, examples=list(examples) or None)


class HttpSeries(Kind):
    """An HTTP API of JSON or CSV, by a mapping (docs/http-series.md)."""

    claims: ClassVar[str] = "url"
    variable: ClassVar[str] = ""

    tenant: Any = _said("Whose records they are.", "default", default=...)
    url: Any = _said("Where the list is, without '?'.", "https://api.example.com/v1/x", default=...)
    method: Any = _said("How it is asked: get.", "get")
    query: Any = _said("Parameters that are the same in every request.", {"site": "plant-1"})
    headers: Any = _said("Headers that are the same in every request, none of them secret.")
    auth: Any = _said("Who asks: the NAME of an environment variable, and where its value goes.")
    format: Any = _said("json or csv.", "json")
    records: Any = _said("Where the list of records stands in a page.", "data.items")
    pages: Any = _said(
        "How the pages of the list follow each other: one of cursor, page, offset, link, next; "
        "`ignore` names what says that there is more and is not meant.",
        {"link": "next"},
    )
    window: Any = _said("How a day is asked for; without it, there is one list and no days.")
    nothing: Any = _said("The answer that stands for an empty page, where that is an error.")
    success: Any = _said("What an answer of success says.", {"at": "status", "is": "ok"})
    limits: Any = _said("What the API is not to be asked beyond.", {"requests_per_minute": 60})
    timeout: Any = _said("Seconds that the API may be silent.", 30)
    redirects: Any = _said(
        "Hosts that are asked, without a key, where an answer redirects to them.",
        ["files.example.com"],
    )
    schedule: Any = _said("When it is asked, as cron has it, on the clock of the window's zone.")
    mapping: Any = _said(
        "The mapping of a record; or the name of a file beside this one, or of a shipped one.",
        "readings.yaml",
        default=...,
    )
    source: Annotated[str, AfterValidator(named_plainly)] | None = Field(
        default=None, description="Whose ids these are, where the mapping says another."
    )
    settings: Any = _said("Settings in place of the mapping's own, by name.")

    @property
    def names(self) -> tuple[str, ...]:
        """What it adds to what is collected: the mapping says that (`series.py`)."""
        return ()


KINDS: dict[str, type[Kind]] = {
    each.__name__: each for each in (AceIotSite, FredSeries, MappedFiles, HttpSeries)
}
