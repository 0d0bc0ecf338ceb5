"""How old what is found may be."""

from collections.abc import Mapping
from datetime import timedelta


def ages() -> Mapping[str, timedelta | str]:
    """By asset, how long ago it may have been made."""
    return {"analyses": "analyses are made when readings come"}
