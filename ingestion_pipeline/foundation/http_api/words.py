"""The words of a request, as they are understood."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from re import Pattern
from typing import Literal
from zoneinfo import ZoneInfo

UTC = ZoneInfo("UTC")


@dataclass(frozen=True)
class Member:
    """Where something stands in an answer's body; no parts: the body itself.

    Attributes:
        parts: keys, or numbers of items from 0.
    """

    parts: tuple[str, ...] = ()

    def __str__(self) -> str:
        return ".".join(self.parts) or "the body"


@dataclass(frozen=True)
class Header:
    """A header of an answer, in which something stands."""

    name: str

    def __str__(self) -> str:
        return f"the header {self.name}"


Where = Member | Header


@dataclass(frozen=True)
class Secret:
    """The name of a secret, and where its value is.

    Attributes:
        is_stored: it is a credential that the tenant has stored; else an environment variable.
    """

    name: str
    is_stored: bool = False

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True)
class Auth:
    """Who asks: the names of secrets, and where their values go.

    Attributes:
        name: of the header or of the parameter.
        secret: None: there is none (`basic`).
        user: of `basic`, as it is; `user_secret`: the secret that it is.
        prefix: in front of the secret in a header.
    """

    kind: Literal["bearer", "basic", "header", "query"]
    name: str = ""
    secret: Secret | None = None
    user: str = ""
    user_secret: Secret | None = None
    prefix: str = ""

    @property
    def secrets(self) -> tuple[Secret, ...]:
        """Those that it needs."""
        return tuple(each for each in (self.secret, self.user_secret) if each)


@dataclass(frozen=True)
class Pages:
    """How the pages of a list follow each other, and how its end is known.

    Attributes:
        style: `none`: the list is one page.
        query: parameter of the cursor, of the page's number or of the offset.
        at: where the next cursor, or the next URL, stands.
        first: number of the first page.
        size: parameter and number of records that a page is asked to have.
        total: where the number of all records stands.
        total_pages: where the number of all pages stands.
        more: where it says whether there are more pages.
        most: pages of a list; one with more is taken for an endless one.
        ignore: places that may say that there is more, and are not meant.
    """

    style: Literal["none", "cursor", "page", "offset", "link", "next"] = "none"
    query: str = ""
    at: Where = Member()
    first: int = 1
    size: tuple[str, int] | None = None
    total: Where | None = None
    total_pages: Where | None = None
    more: Where | None = None
    most: int = 10_000
    ignore: tuple[Where, ...] = ()


@dataclass(frozen=True)
class Bound:
    """An end of the window, as the API wants it.

    Attributes:
        query: the parameter; empty: it stands in the URL, as `{start}` or `{end}`.
        format: as `strftime` has it, `%:z`, or `unix`, `unix_ms`.
        zone: in which its clock is read; None: that of the window.
    """

    query: str
    format: str
    zone: ZoneInfo | None = None


@dataclass(frozen=True)
class Window:
    """What a partition asks for: a day.

    Attributes:
        start: None: the API is not told one.
        end: None: the API is not told one.
        inclusive: whether the API takes the end as the last of the window; else as the first
            behind it.
        zone: whose days they are.
        first_day: the first partition.
        look_back: days before the last one that are collected again.
        lag: how long after its end a day is complete.
    """

    start: Bound
    end: Bound | None
    first_day: date
    inclusive: bool = False
    zone: ZoneInfo = UTC
    look_back: int = 0
    lag: timedelta = timedelta()


@dataclass(frozen=True)
class Nothing:
    """An answer that stands for an empty page, though its status is none of success.

    Attributes:
        status: of HTTP.
        body: what its text must say, so that a misspelt URL is not taken for an empty day.
    """

    status: int
    body: Pattern[str]


@dataclass(frozen=True)
class Success:
    """What an answer of success says: some answer 200 to everything.

    Attributes:
        texts: one of which stands there.
    """

    at: Where
    texts: frozenset[str]


@dataclass(frozen=True)
class Limits:
    """What the API is not to be asked beyond, and what it must not send.

    Attributes:
        requests_per_minute: of all runs together, to one host.
        body_bytes: of one answer, unpacked.
    """

    requests_per_minute: int = 60
    body_bytes: int = 64 * 2**20


@dataclass(frozen=True)
class HttpApi:
    """How an API is asked.

    Attributes:
        records: where the list of records stands in a page of JSON.
        absent_is_empty: whether a page that lacks it has no records.
        timeout: how long the API may be silent.
        redirects: hosts, or `host:port`, that are asked without a key where an answer redirects to
            them; None: those that the public reaches by https.
    """

    url: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    auth: Auth | None = None
    format: Literal["json", "csv"] = "json"
    records: Member = Member()
    absent_is_empty: bool = False
    pages: Pages = field(default_factory=Pages)
    window: Window | None = None
    nothing: Nothing | None = None
    success: Success | None = None
    limits: Limits = field(default_factory=Limits)
    timeout: timedelta = timedelta(seconds=30)
    redirects: tuple[str, ...] | None = None
