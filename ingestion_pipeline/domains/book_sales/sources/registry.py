"""The platforms that code reads: a module that reads its reports, or its API, and a row here.

Those of mappings stand beside them (`described.py`). What is fetched from an API, and how a
platform's books are kept: `merge/books.py`.
"""

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from ingestion_pipeline.domains.book_sales.contract.events import Parsed
from ingestion_pipeline.domains.book_sales.sources import draft2digital, smashwords
from ingestion_pipeline.domains.book_sales.sources.formats.notation import Told
from ingestion_pipeline.domains.book_sales.sources.gumroad import api as gumroad_api
from ingestion_pipeline.domains.book_sales.sources.kdp import report as kdp
from ingestion_pipeline.foundation.described.kinds import named_plainly
from ingestion_pipeline.foundation.errors import ContractError


class Parse(Protocol):
    """Makes events of a report's bytes; `ContractError` for what is no report."""

    def __call__(self, content: bytes, *, file_name: str, told: Told = ...) -> Parsed:
        """The events of a report; `told` is what its values need not decide."""
        ...


@dataclass(frozen=True)
class Platform:
    """A platform, and what can be done with it.

    Attributes:
        api: whether it is asked by an API, not by reports.
        check: refuses a payload with which the API can't be asked, before it is recorded.
    """

    name: str
    title: str
    parse: Parse | None = None
    api: bool = False
    check: Callable[[dict[str, Any]], None] = field(default=lambda _: None)


PLATFORMS = {
    platform.name: platform
    for platform in (
        Platform("amazon_kdp", "Amazon KDP", parse=kdp.parse),
        Platform(
            "gumroad",
            "Gumroad",
            api=True,
            check=gumroad_api.check,
        ),
        Platform("smashwords", "Smashwords", parse=smashwords.parse),
        Platform("draft2digital", "Draft2Digital", parse=draft2digital.parse),
    )
}

_LONGEST = 60  # of a name: a folder's, a partition's, a part of the kind of its jobs

# What else senders call a platform; what is stored and shown is the name itself.
ALIASES = {"kdp": "amazon_kdp"}


def canonical(name: str) -> str:
    """The name under which a platform is stored, of any name that it goes by; else `name`."""
    return ALIASES.get(name, name)


def platform_of(name: str, among: Mapping[str, Platform] = PLATFORMS) -> Platform:
    """The platform of that name, or alias.

    Args:
        name: as somebody calls it.
        among: the platforms that there are (`described.platforms`).

    Raises:
        ContractError: there is none.
    """
    platform = among.get(canonical(name))
    if platform is None:
        raise ContractError(f"platform: unknown {name[:80]!r}; known are {', '.join(among)}")
    return platform


def parser_of(name: str, among: Mapping[str, Platform] = PLATFORMS) -> Parse:
    """What reads the reports of a platform; `among` as `platform_of` has it.

    Raises:
        ContractError: there is no such platform, or it has an API in place of reports.
    """
    parse = platform_of(name, among).parse
    if parse is None:
        with_reports = ", ".join(p.name for p in among.values() if p.parse)
        raise ContractError(f"platform: {name!r} has no reports; those that have: {with_reports}")
    return parse


def platform_for(settings: Mapping[str, str], source: str) -> str:
    """The platform whose events a mapping makes: what its settings say, else its source.

    Raises:
        ContractError: it is no name of one, its books are kept from an API, or the setting's name
            is misspelt: events of another platform would be none of this one's.
    """
    if near := difflib.get_close_matches("platform", settings.keys() - {"platform"}, 1, 0.75):
        raise ContractError(f"settings.{near[0]} says nothing, did you mean 'platform'?")
    name = canonical(settings.get("platform", source))
    try:
        named_plainly(name)
    except ValueError as error:
        raise ContractError(f"settings.platform: {name[:80]!r} {error}") from None
    if len(name) > _LONGEST:
        raise ContractError(f"settings.platform: {name[:80]!r} has more than {_LONGEST} letters")
    platform = PLATFORMS.get(name)
    if platform is not None and platform.api:
        rule = f"{name} is asked by its API, and its books are kept from what that says"
        raise ContractError(f"settings.platform: {rule}; say another name")
    return name
