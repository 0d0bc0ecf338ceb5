"""`AceIotSite`: a building site of the ACE IoT API, a file each."""

import dagster as dg

from ingestion_pipeline.components.kit import OWNERS, Described, Example
from ingestion_pipeline.foundation.described import kinds


class SiteExample(Example):
    """A site that is called as its folder is."""

    attributes = """\
  site: "{name}"    # its name in the ACE IoT API
  # description: The plant by the river, since 2019.
"""


@dg.scaffold_with(SiteExample)
class AceIotSite(Described):
    """A building site of the ACE IoT API: its samples and its weather are collected every day.

    It is a partition of `buildings/…`, beside the sites of `SITES`.
    """

    kind = kinds.AceIotSite
    feeds = ("buildings/timeseries_raw", "buildings/weather_raw")
    shows = {"api"}  # noqa: RUF012

    @classmethod
    def get_spec(cls) -> dg.ComponentTypeSpec:
        """What the list of components shows."""
        return dg.ComponentTypeSpec(
            description="A building site of the ACE IoT API, collected every day.",
            owners=OWNERS,
            tags=["buildings", "ace-iot"],
        )

    def said(self) -> str:
        """What the asset is."""
        site = self.attributes.names[0]
        return f"The site {site} at the ACE IoT API; its days are the partitions `…|{site}`."
