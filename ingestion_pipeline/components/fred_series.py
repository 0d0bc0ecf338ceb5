"""`FredSeries`: a list of series of FRED, a file each."""

import dagster as dg

from ingestion_pipeline.components.kit import OWNERS, Described, Example
from ingestion_pipeline.foundation.described import kinds


class SeriesExample(Example):
    """A list of two series."""

    attributes = """\
  series:           # their ids at FRED
    - DGS10
    - T10Y2Y
  # description: Long rates, for the dashboard of the treasury.
"""


@dg.scaffold_with(SeriesExample)
class FredSeries(Described):
    """A list of series of FRED: they are refreshed and served beside those of `FRED_SERIES`."""

    kind = kinds.FredSeries
    feeds = ("markets/macro_observations",)
    shows = {"api"}  # noqa: RUF012

    @classmethod
    def get_spec(cls) -> dg.ComponentTypeSpec:
        """What the list of components shows."""
        return dg.ComponentTypeSpec(
            description="A list of series of FRED, refreshed with all others.",
            owners=OWNERS,
            tags=["markets", "fred"],
        )

    def said(self) -> str:
        """What the asset is."""
        return f"Series of FRED: {', '.join(self.attributes.names)}."
