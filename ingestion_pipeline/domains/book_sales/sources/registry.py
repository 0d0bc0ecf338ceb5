"""The platforms: a module with `parse` (reports) or `fetch` (an API), and a row here."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

import sqlalchemy as sa

from ingestion_pipeline.domains.book_sales.contract.events import Parsed
from ingestion_pipeline.domains.book_sales.merge import gumroad as gumroad_load
from ingestion_pipeline.domains.book_sales.merge.events import Origin, load
from ingestion_pipeline.domains.book_sales.sources import draft2digital, smashwords
from ingestion_pipeline.domains.book_sales.sources.formats.notation import Told
from ingestion_pipeline.domains.book_sales.sources.gumroad import api as gumroad_api
from ingestion_pipeline.domains.book_sales.sources.kdp import report as kdp
from ingestion_pipeline.foundation.errors import ContractError
from ingestion_pipeline.foundation.ledger.uploads import Counts
from ingestion_pipeline.foundation.settings import Settings


class Parse(Protocol):
    """Makes events of a report's bytes; `ContractError` for what is no report."""

    def __call__(self, content: bytes, *, file_name: str, told: Told = ...) -> Parsed:
        """The events of a report; `told` is what its values need not decide."""
        ...


class Fetch(Protocol):
    """Asks an API; what is to be noted when its events are stored comes with them."""

    def __call__(
        self,
        engine: sa.Engine,
        configuration: Settings,
        *,
        tenant_id: int,
        payload: dict[str, Any],
    ) -> tuple[Parsed, Callable[[sa.Connection], None]]:
        """The events of an API."""
        ...


class Load(Protocol):
    """Stores what was parsed; under the lock of `load.lock`, in the caller's transaction."""

    def __call__(self, connection: sa.Connection, origin: Origin, parsed: Parsed) -> Counts:
        """What became of its rows."""
        ...


@dataclass(frozen=True)
class Platform:
    """A platform, and what can be done with it.

    Attributes:
        load: stores what was parsed or fetched; for most, events as they are.
        check: refuses a payload that `fetch` can't use, before it is recorded.
    """

    name: str
    title: str
    parse: Parse | None = None
    fetch: Fetch | None = None
    check: Callable[[dict[str, Any]], None] = field(default=lambda _: None)
    load: Load = load


PLATFORMS = {
    platform.name: platform
    for platform in (
        Platform("amazon_kdp", "Amazon KDP", parse=kdp.parse),
        Platform(
            "gumroad",
            "Gumroad",
            fetch=gumroad_api.fetch,
            check=gumroad_api.check,
            load=gumroad_load.load,
        ),
        Platform("smashwords", "Smashwords", parse=smashwords.parse),
        Platform("draft2digital", "Draft2Digital", parse=draft2digital.parse),
    )
}

# What else senders call a platform; what is stored and shown is the name itself.
ALIASES = {"kdp": "amazon_kdp"}


def canonical(name: str) -> str:
    """The name under which a platform is stored, of any name that it goes by; else `name`."""
    return ALIASES.get(name, name)


def platform_of(name: str) -> Platform:
    """The platform of that name, or alias.

    Raises:
        ContractError: there is none.
    """
    platform = PLATFORMS.get(canonical(name))
    if platform is None:
        raise ContractError(f"platform: unknown {name[:80]!r}; known are {', '.join(PLATFORMS)}")
    return platform


def parser_of(name: str) -> Parse:
    """What reads the reports of a platform.

    Raises:
        ContractError: there is no such platform, or it has an API in place of reports.
    """
    parse = platform_of(name).parse
    if parse is None:
        with_reports = ", ".join(p.name for p in PLATFORMS.values() if p.parse)
        raise ContractError(f"platform: {name!r} has no reports; those that have: {with_reports}")
    return parse
