"""A page → rows in COPY's binary format, where all that is kept of it is plainly right.

That is nearly every page: all times are within the window, all values are finite numbers. A column
at a time, in numpy, takes the client half the CPU time of tuples and CSV, and the server a fifth
less. Any other page is left to samples.py, and so is one that the database refuses. What both read,
they read the same: a property test holds them to it.
"""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from struct import pack as struct_pack

import numpy as np
import numpy.typing as npt

from ingestion_pipeline.domains.buildings.contract.instants import read_instant
from ingestion_pipeline.domains.buildings.contract.windows import GOOD, Window
from ingestion_pipeline.domains.buildings.land.samples import COLUMNS, all_finite
from ingestion_pipeline.domains.buildings.sources.ace_iot.envelope import Page
from ingestion_pipeline.domains.buildings.sources.ace_iot.records import Documented, Record
from ingestion_pipeline.domains.buildings.sources.ace_iot.saying import (
    SayingKey,
    are_sound,
    read_saying,
    saying_key,
)
from ingestion_pipeline.foundation.storage.bulk import binary_copy

Integers = npt.NDArray[np.int64]
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)  # PostgreSQL's
_MICROSECOND = timedelta(microseconds=1)
_NULL = struct_pack(">i", -1)
# Instant and value, each after its length.
_FIXED = np.dtype([("eight", ">i4"), ("instant", ">i8"), ("8", ">i4"), ("value", ">f8")])


@dataclass(frozen=True)
class Packed:
    """A page whose kept records are all in the payload.

    Attributes:
        payload: for COPY … (FORMAT binary) of the columns `samples.COLUMNS`; sorted by point.
        kept: how many rows it has.
        seen: configured points that have a row here.
        skipped: records of points that are not configured.
        skipped_points: names of these points.
    """

    payload: bytes
    kept: int
    seen: AbstractSet[str]
    skipped: int
    skipped_points: AbstractSet[str]


def pack(page: Page, *, site: str, window: Window, points: AbstractSet[str]) -> Packed | None:
    """Pack the page's records of configured points; None where one needs a closer look."""
    if page.unusable:
        return None
    names = {record.name for record in page.records}
    records: Sequence[Record] = [r for r in page.records if r.name in points]
    seen = names & points
    payload = b""
    if records:
        instants = _instants([record.time for record in records], window)
        numbers = None if instants is None else all_finite([record.value for record in records])
        tails = None if numbers is None else _tails(records)
        if instants is None or numbers is None or tails is None:
            return None
        payload = _rows(
            site, records, instants, numbers=np.array(numbers), names=sorted(seen), tails=tails
        )
    return Packed(payload, len(records), seen, len(page.records) - len(records), names - points)


def _instants(texts: list[str], window: Window) -> Integers | None:
    """Microseconds since 2000, if all can be read and are within the window."""
    # Many points are read at one instant, so texts repeat.
    try:
        known = {text: read_instant(text) for text in set(texts)}
    except (ValueError, OverflowError):
        return None
    if min(known.values()) < window.start or max(known.values()) >= window.end:
        return None
    since = {text: (instant - _EPOCH) // _MICROSECOND for text, instant in known.items()}
    return np.array([since[text] for text in texts])


def _rows(
    site: str,
    records: Sequence[Record],
    instants: Integers,
    *,
    numbers: npt.NDArray[np.float64],
    names: list[str],
    tails: list[bytes],
) -> bytes:
    """Rows in order of point, because an index grows three times as fast in its order."""
    places = {name: place for place, name in enumerate(names)}
    which = np.array([places[record.name] for record in records])
    order = np.argsort(which, kind="stable")
    heads = [
        struct_pack(">h", len(COLUMNS)) + _field(site.encode()) + _field(name.encode())
        for name in names
    ]
    fixed = np.empty(len(records), _FIXED)
    fixed["eight"] = fixed["8"] = 8
    fixed["instant"], fixed["value"] = instants[order], numbers[order]
    pieces = [b""] * (3 * len(records))
    pieces[0::3] = map(heads.__getitem__, which[order].tolist())
    pieces[1::3] = fixed.view(f"V{_FIXED.itemsize}").tolist()
    pieces[2::3] = (
        tails * len(records) if len(tails) == 1 else map(tails.__getitem__, order.tolist())
    )
    return binary_copy(pieces)


def _tails(records: Sequence[Record]) -> list[bytes] | None:
    """value_text, quality and metadata of each record; of one, where it is that of all.

    None where one can't be stored.
    """
    if not isinstance(records[0], Documented):
        return [_tail(None, b"")]
    keys = list(map(saying_key, records))
    different = set(keys)
    sound = are_sound({metadata for _, _, metadata, _ in different if metadata})
    known: dict[SayingKey, bytes] = {}
    for key in different:
        _, quality, metadata, unit = key
        if (
            sound
            and not unit
            and isinstance(quality, str)
            and quality.strip()
            and "\0" not in quality
        ):
            known[key] = _tail(quality, metadata)
            continue
        said = read_saying(quality, metadata, unit)
        if said.fault is not None:
            return None
        known[key] = _tail(said.quality, (said.metadata or "").encode())
    return list(map(known.__getitem__, keys))


def _tail(quality: str | None, metadata: bytes) -> bytes:
    # A jsonb is its text after the number of the format.
    last = _NULL if metadata in (b"", b"null") else _field(b"\x01" + metadata)
    return _NULL + _field((quality or GOOD).encode()) + last


def _field(value: bytes) -> bytes:
    return struct_pack(">i", len(value)) + value
