"""Why it is no fault of a mart that it was made long ago."""

from collections.abc import Mapping
from datetime import timedelta

_NAMES = (
    "kpi_hourly", "kpi_daily", "building_hours", "orders_daily", "customer_days",
    "book_income_daily", "macro_latest",
)  # fmt: skip


def ages() -> Mapping[str, timedelta | str]:
    """By asset, why it is no fault that it was made long ago."""
    why = "It is made when its tables change; the check `caught_up` looks at changes that wait"
    return dict.fromkeys(_NAMES, why)
