"""Who has gone quiet, and who sends far less than usual: by a sender's own rhythm."""

from dataclasses import dataclass
from typing import Literal

from ingestion_pipeline.foundation.unusual.series import Floats, Ints


@dataclass(frozen=True)
class Arrivals:
    """What came from a sender, or for a series.

    Attributes:
        instants: int64[n], seconds since 1970 in UTC, ascending; several at one instant are fine.
        volumes: float64[n], rows, or points.
    """

    instants: Ints
    volumes: Floats


@dataclass(frozen=True)
class Quiet:
    """A stretch in which nothing came, or far too little.

    Attributes:
        kind: `silence`: nothing came; `volume`: it came, with far fewer rows.
        began: the last arrival before it (of `volume`: the first that was too small).
        ended: the arrival that ended it; None while it lasts.
        raised: the instant from which it was longer than is usual.
        interval: the usual interval in seconds, of the clock.
        value: rows that came (of `volume`); None for silence.
        usual: rows that usually come; None for silence.
        rarity: false alarms a week, were this the threshold.
    """

    kind: Literal["silence", "volume"]
    began: int
    ended: int | None
    raised: int
    interval: float
    value: float | None
    usual: float | None
    rarity: float
