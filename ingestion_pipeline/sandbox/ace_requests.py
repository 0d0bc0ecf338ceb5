"""What both dialects of the stand-in of ACE IoT read from a request."""

import base64
import binascii
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache

from starlette.requests import Request

from ingestion_pipeline.sandbox.ace_buckets import Buckets
from ingestion_pipeline.sandbox.ace_data import AceData, Damage
from ingestion_pipeline.sandbox.ace_pages import Page, read_page
from ingestion_pipeline.sandbox.faults import Faults


class BadParameterError(Exception):
    """A parameter is missing or wrong; becomes a 400."""

    def __init__(self, parameter: str, message: str) -> None:
        super().__init__(message)
        self.parameter = parameter


@dataclass(frozen=True)
class Ace:
    """What both dialects serve, and the key that they accept."""

    data: AceData
    key: str
    faults: Faults

    def damage(self, path: str) -> Damage:
        """What is wrong with the data for this request."""
        return Damage(
            late=self.faults.take("late_rows", path) is not None,
            corrected=self.faults.take("corrected_rows", path) is not None,
            odd=self.faults.take("odd_values", path) is not None,
            missing_point=self.faults.take("missing_point", path),
        )


@dataclass(frozen=True)
class Answered:
    """A page as it is to be sent, faults included.

    Attributes:
        cursor: of the next page; None: this is the last.
        repeated: how many of its last rows come twice.
        not_found: there is nothing, and the live API says so by 404.
    """

    page: Page
    damage: Damage
    cursor: str | None = None
    repeated: int = 0
    not_found: bool = False


def page_of(ace: Ace, request: Request, site: str, *, size: int, buckets: bool) -> Answered:
    """The page that a request asks for, of raw samples or of buckets of five minutes.

    Raises:
        BadParameterError: a parameter is missing or wrong.
    """
    start, end = window_of(request)
    cursor = request.query_params.get("cursor")
    after = 0 if not cursor else number_of(cursor)
    path = request.url.path
    damage = ace.damage(path)
    nothing = ace.faults.take("no_data", path)
    if nothing is not None:
        return Answered(Page([], None), damage, not_found=nothing == "404")
    if ace.faults.take("empty_page_with_cursor", path) is not None:
        return Answered(Page([], after), damage, cursor_of(after))
    source = Buckets(ace.data) if buckets else ace.data
    page = read_page(source, site, start, end, after=after, size=size, damage=damage)
    following = page.next_number
    if ace.faults.take("repeated_cursor", path) is not None:
        following = after
    repeated = int(ace.faults.take("duplicate_rows", path) or 0)
    return Answered(
        page,
        damage,
        cursor=None if following is None else cursor_of(following),
        repeated=repeated,
        not_found=len(page) == 0,
    )


def window_of(request: Request) -> tuple[datetime, datetime]:
    """The instants `start_time` and `end_time`; naive ones are UTC."""
    return _instant(request, "start_time"), _instant(request, "end_time")


def page_size_of(request: Request, parameter: str, *, default: int) -> int:
    """A number of records."""
    text = request.query_params.get(parameter, str(default))
    if not (text.isascii() and text.isdigit() and 0 < int(text) <= 500_000):
        raise BadParameterError(parameter, f"{text!r} is not a number from 1 to 500000")
    return int(text)


def cursor_of(number: int) -> str:
    """The opaque cursor of the sample that the next page begins with."""
    return base64.urlsafe_b64encode(f"sample:{number}".encode()).decode()


def number_of(cursor: str) -> int:
    """The reverse of `cursor_of`."""
    try:
        word, _, number = base64.urlsafe_b64decode(cursor).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        raise BadParameterError("cursor", "is not one of ours") from None
    if word != "sample" or not number.isdigit():
        raise BadParameterError("cursor", "is not one of ours")
    return int(number)


@lru_cache(maxsize=64)
def total_of(data: AceData, site: str, start: datetime, end: datetime, damage: Damage) -> int:
    """How many samples a window holds; counted once."""
    return sum(len(block) for block in data.blocks(site, start, end, damage=damage))


def _instant(request: Request, parameter: str) -> datetime:
    text = request.query_params.get(parameter)
    if text is None:
        raise BadParameterError(parameter, "is missing")
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise BadParameterError(parameter, f"{text!r} is not an ISO 8601 time") from None
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
