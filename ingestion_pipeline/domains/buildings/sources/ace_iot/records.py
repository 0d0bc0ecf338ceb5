"""A record of a page as it is decoded, in either dialect."""

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from ingestion_pipeline.domains.buildings.contract.values import Value

Quality = int | float | str | bool | None
ABSENT = Raw(b"")


class Documented(Struct, gc=False):
    """A record as the design documents have it; some name the unit beside the metadata."""

    name: str = msgspec.field(name="point_name")
    time: str = msgspec.field(name="timestamp")
    value: Value = msgspec.field()
    quality: Quality | UnsetType = UNSET
    metadata: Raw = ABSENT
    unit: Raw = ABSENT


class Live(Struct, gc=False):
    """A record as the live API sends it."""

    name: str
    time: str
    value: Value


Record = Documented | Live
