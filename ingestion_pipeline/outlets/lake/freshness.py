"""Why age is no fault of a table of the lake: it is written when something has changed."""

from collections.abc import Mapping
from datetime import timedelta

from ingestion_pipeline.outlets.lake.tables import TABLES

_WHY = "written where something has changed; `caught_up` says where that waits"


def ages() -> Mapping[str, timedelta | str]:
    """By asset, why it may be old."""
    return dict.fromkeys((table.name for table in TABLES), _WHY)
