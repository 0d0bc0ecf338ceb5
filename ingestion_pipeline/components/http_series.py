"""`HttpSeries`: an HTTP API of JSON or CSV, by a mapping, a file each."""

from pathlib import Path

import dagster as dg

from ingestion_pipeline.components.kit import OWNERS, Described, Example
from ingestion_pipeline.foundation.described import kinds
from ingestion_pipeline.foundation.described.folder import NAME


class SeriesExample(Example):
    """An API whose pages are linked by a cursor, and that is asked for a day."""

    attributes = """\
  tenant: default    # whose records they are
  url: https://api.example.com/v1/readings
  auth: {{type: bearer, secret: EXAMPLE_API_TOKEN}}   # the NAME of an environment variable
  records: data      # where the list stands in the body
  pages: {{cursor: meta.next_cursor, query: cursor}}
  window:
    start: {{query: from, format: "%Y-%m-%dT%H:%M:%SZ"}}
    end: {{query: to, format: "%Y-%m-%dT%H:%M:%SZ"}}
    end_is: exclusive
    first_day: 2026-01-01
    look_back: 2     # days that are asked for again, for late records
  mapping:           # or the name of a file beside this one (docs/http-series.md)
    source: "{name}"
    mapping: readings
    dates: ["%Y-%m-%dT%H:%M:%S%z"]
    emit:
      kpi_points:
        fields:
          kpi_id:    name
          timestamp: time
          value:     value
"""


@dg.scaffold_with(SeriesExample)
class HttpSeries(Described):
    """An HTTP API of JSON or CSV, by a mapping: asked every day, page by page, to its end.

    Each is an asset of its own, `source/mapping`, whose partitions are days. What its records
    become are the assets of their domains.
    """

    kind = kinds.HttpSeries
    feeds = ()
    shows = {"api", "yaml"}  # noqa: RUF012

    @classmethod
    def get_spec(cls) -> dg.ComponentTypeSpec:
        """What the list of components shows."""
        return dg.ComponentTypeSpec(
            description="An HTTP API of JSON or CSV, by a mapping in YAML.",
            owners=OWNERS,
            tags=["intake"],
        )

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:
        """The asset of the file at this place, read anew: Dagster guesses types in a mapping."""
        from ingestion_pipeline.components.series.definitions import of_file

        path = Path(context.path)
        return of_file(path if path.is_file() else path / NAME)
