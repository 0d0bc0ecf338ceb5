"""How old sweeping may be; age is no fault of tables, which are written when something changes."""

from collections.abc import Mapping
from datetime import timedelta

from ingestion_pipeline.outlets.lake.tables import TABLES

_DAILY = timedelta(hours=26)
_WHY = "written where something has changed; `caught_up` says where that waits"


def ages() -> Mapping[str, timedelta | str]:
    """By asset, why it may be old."""
    return {**dict.fromkeys((table.name for table in TABLES), _WHY), "maintenance": _DAILY}
