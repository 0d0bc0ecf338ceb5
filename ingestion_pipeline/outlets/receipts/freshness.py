"""How old the sums may be."""

from collections.abc import Mapping
from datetime import timedelta

_DAILY = timedelta(hours=26)


def ages() -> Mapping[str, timedelta | str]:
    """By asset, how long ago it may have been made."""
    return {"balances": _DAILY}
