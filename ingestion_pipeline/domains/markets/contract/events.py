"""The contract of events: a body of `/api/ingest/webhook` → an event, or every fault; pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from ingestion_pipeline.domains.markets.contract.days import latest_day, parse_day
from ingestion_pipeline.domains.markets.contract.fields import Fields, unstorable_at
from ingestion_pipeline.foundation.errors import ContractError, FieldError
from ingestion_pipeline.foundation.storable import UNSTORABLE

FUNDAMENTALS = "market.fundamentals.upsert"
COMPS = "comps.upsert"
MACRO = "macro.update"
PREDICTION = "api.prediction"
WARMING = "cache.warming"
EVENT_TYPES = (FUNDAMENTALS, COMPS, MACRO, PREDICTION, WARMING)
OF_A_MARKET = (FUNDAMENTALS, COMPS)

MOST_COMPARABLES = 1000
SLUG = re.compile(r"[a-z0-9][a-z0-9_-]{0,99}")
SERIES_ID = re.compile(r"[A-Z0-9_]{1,25}")

# name: (least, most, required)
FUNDAMENTALS_NUMBERS: Mapping[str, tuple[float | None, float | None, bool]] = {
    "vacancy_rate_pct": (0, 40, True),
    "avg_asking_rent_psf_yr_nnn": (5, 150, True),
    "yoy_rent_growth_pct": (-20, 50, True),
    "avg_cap_rate_pct": (2, 20, True),
    "under_construction_sf": (0, None, False),
    "absorption_sf_ytd": (None, None, False),  # it may be negative: space was given back
    "inventory_sf": (0, None, False),
}
COMPS_NUMBERS: Mapping[str, tuple[float | None, float | None, bool]] = {
    "building_sf": (1_000, 10_000_000, True),
    "price_per_sf_usd": (10, 1_000, True),
    "cap_rate_pct": (1, 25, False),
    "noi_annual": (None, None, False),
    "year_built": (1600, 2200, False),
    "occupancy_pct": (0, 100, False),
}
COMPS_TEXTS = ("address", "city", "submarket", "building_class")


@dataclass(frozen=True)
class Fundamentals:
    """A market's state; `as_of_date` is None where it goes by the event's time."""

    numbers: Mapping[str, Decimal | None]
    city: str | None
    as_of_date: date | None


@dataclass(frozen=True)
class Comparable:
    """A sale; `comp_key` is its identity: its id, else address and day of sale."""

    comp_key: str
    comp_id: str | None
    sale_date: date
    numbers: Mapping[str, Decimal | None]
    texts: Mapping[str, str | None]


@dataclass(frozen=True)
class Rejected:
    """A comparable that could not be used, by its place in the batch."""

    index: int
    errors: tuple[FieldError, ...]

    def as_dict(self) -> dict[str, Any]:
        """As it is kept on the event's row."""
        faults = [{"field": each.field, "message": each.message} for each in self.errors]
        return {"index": self.index, "errors": faults}


@dataclass(frozen=True)
class Event:
    """What was sent, checked.

    Attributes:
        sent_at: when the sender says that it happened, in the sender's offset.
        sent_day: the day of `sent_at` as it was written.
        series: of a `macro.update`; none: all.
    """

    event_type: str
    source: str
    market_slug: str | None
    sent_at: datetime | None
    fundamentals: Fundamentals | None = None
    comparables: tuple[Comparable, ...] = ()
    rejected: tuple[Rejected, ...] = ()
    series: tuple[str, ...] = field(default=())
    sent_day: date | None = None


def parse_event(body: object) -> Event:
    """The event of a decoded body.

    Raises:
        ContractError: it breaks the contract; every field at fault is listed.
    """
    if not isinstance(body, dict):
        raise ContractError("body: must be a JSON object")
    if (at := unstorable_at(body, "")) is not None:
        raise ContractError(f"{at}: {UNSTORABLE}", [FieldError(at, UNSTORABLE)])
    fields = Fields(body, "")
    faults = fields.faults
    event_type = body.get("event_type")
    if event_type not in EVENT_TYPES:
        faults.append(FieldError("event_type", f"must be one of {', '.join(EVENT_TYPES)}"))
    source = fields.text("source", required=True)
    sent_at = fields.instant("timestamp")
    slug = _slug(body.get("market_slug"), needed=event_type in OF_A_MARKET, faults=faults)
    data = body.get("data")
    if not isinstance(data, dict):
        faults.append(FieldError("data", "must be an object"))
        data = {}
    elif event_type == FUNDAMENTALS:
        fundamentals = parse_fundamentals(data, faults)
        sent_day = parse_day(body["timestamp"]) if sent_at is not None else None
        return _checked(
            Event(
                event_type, source or "", slug, sent_at, fundamentals=fundamentals,
                sent_day=sent_day,
            ),
            faults,
        )  # fmt: skip
    elif event_type == COMPS:
        usable, rejected = parse_comparables(data, faults)
        return _checked(
            Event(event_type, source or "", slug, sent_at, comparables=usable, rejected=rejected),
            faults,
        )
    series = _series(data.get("series"), faults) if event_type == MACRO else ()
    return _checked(Event(str(event_type), source or "", slug, sent_at, series=series), faults)


def parse_fundamentals(data: Mapping[str, Any], faults: list[FieldError]) -> Fundamentals:
    """The fundamentals in `data`; its faults are added to `faults`."""
    fields = Fields(data, "data", faults)
    numbers = {
        name: fields.number(name, low, high, required=required)
        for name, (low, high, required) in FUNDAMENTALS_NUMBERS.items()
    }
    city, as_of = fields.text("city"), fields.day("as_of_date")
    # It would be the newest for ever: what is told of a later day is never replaced by an earlier.
    if as_of is not None and as_of > latest_day():
        faults.append(FieldError("data.as_of_date", "is in the future"))
    return Fundamentals(numbers, city, as_of)


def parse_comparables(
    data: Mapping[str, Any], faults: list[FieldError]
) -> tuple[tuple[Comparable, ...], tuple[Rejected, ...]]:
    """The comparables that can be used, and those that can't; none usable is a fault."""
    sent = data.get("comparables")
    if not isinstance(sent, list) or not 1 <= len(sent) <= MOST_COMPARABLES:
        faults.append(FieldError("data.comparables", f"must be a list of 1 to {MOST_COMPARABLES}"))
        return (), ()
    usable: list[Comparable] = []
    rejected: list[Rejected] = []
    for index, each in enumerate(sent):
        own = Fields(each if isinstance(each, dict) else {}, f"data.comparables[{index}]")
        found = _comparable(own)
        if found is None:
            rejected.append(Rejected(index, tuple(own.faults)))
        else:
            usable.append(found)
    if not usable:
        faults.extend(error for each in rejected for error in each.errors)
    return tuple(usable), tuple(rejected)


def _comparable(fields: Fields) -> Comparable | None:
    comp_id = fields.identity("id")
    sale_date = fields.day("sale_date", required=True)
    # The public health document says of which day the newest sale is.
    if sale_date is not None and sale_date > latest_day():
        fields.faults.append(FieldError(f"{fields.path}.sale_date", "is in the future"))
    numbers = {
        name: fields.number(name, low, high, required=required)
        for name, (low, high, required) in COMPS_NUMBERS.items()
    }
    texts = {name: fields.text(name) for name in COMPS_TEXTS}
    if comp_id is None and texts["address"] is None:
        fields.faults.append(FieldError(f"{fields.path}.id", "is required where address is not"))
    built = numbers["year_built"]
    if built is not None and built != built.to_integral_value():
        fields.faults.append(FieldError(f"{fields.path}.year_built", "must be a whole number"))
    if fields.faults or sale_date is None:
        return None
    address = " ".join((texts["address"] or "").casefold().split())
    comp_key = f"id:{comp_id}" if comp_id is not None else f"at:{address}|{sale_date}"
    return Comparable(comp_key, comp_id, sale_date, numbers, texts)


def _slug(value: object, *, needed: bool, faults: list[FieldError]) -> str | None:
    if value is None and not needed:
        return None
    if isinstance(value, str) and SLUG.fullmatch(value):
        return value
    rule = "must be 1 to 100 of a-z, 0-9, '_' and '-', beginning with a letter or digit"
    faults.append(FieldError("market_slug", rule))
    return None


def _series(value: object, faults: list[FieldError]) -> tuple[str, ...]:
    if value is None:
        return ()
    names = [value] if isinstance(value, str) else value
    if isinstance(names, list) and all(
        isinstance(name, str) and SERIES_ID.fullmatch(name) for name in names
    ):
        return tuple(dict.fromkeys(names))
    faults.append(FieldError("data.series", "must be a list of FRED's series ids, like GDP"))
    return ()


def _checked(event: Event, faults: list[FieldError]) -> Event:
    if faults:
        first = faults[0]
        message = f"{first.field}: {first.message}"
        if len(faults) > 1:
            message = f"{len(faults)} faults, the first: {message}"
        raise ContractError(message, faults)
    return event
