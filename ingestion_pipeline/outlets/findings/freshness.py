"""How old what is found may be."""

from collections.abc import Mapping
from datetime import timedelta


def ages() -> Mapping[str, timedelta | str]:
    """By asset, how long ago it may have been made."""
    return {
        "analyses": "analyses are made when readings come",
        "findings": "what is found is made when points come",
        "silences": "silences are looked for while somebody sends",
    }
