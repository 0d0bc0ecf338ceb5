"""`MappedFiles`: files of any shape, by a mapping, a file each."""

from pathlib import Path

import dagster as dg

from ingestion_pipeline.components.kit import OWNERS, Described, Example
from ingestion_pipeline.foundation.described import kinds


class FilesExample(Example):
    """A small mapping that is whole: a till's daily export."""

    attributes = """\
  # tenants: [acme]  # who may send such files; all, where it is missing
  # description: The till in the lobby, exported every evening.
  mapping:           # or the name of a shipped one, or of a file beside this one (docs/mappings.md)
    source: "{name}"
    mapping: sales
    dates: ["%Y-%m-%d"]
    emit:
      sales_events:
        key: [Day, Article, Kind]
        fields:
          event_type:  {{of: Kind, lookup: {{sold: sale, returned: refund}}}}
          occurred_at: Day
          quantity:    Count
          amount:      Paid
          currency:    {{is: EUR}}
          title:       Article
"""


@dg.scaffold_with(FilesExample)
class MappedFiles(Described):
    """Files of any shape, by a mapping: sent over HTTP, dropped, or loaded by the command line.

    Each is an asset of its own, `source/mapping`, whose partitions are the days on which files
    came, UTC. What its records become are the assets of their domains.
    """

    kind = kinds.MappedFiles
    feeds = ()
    shows = {"file", "yaml"}  # noqa: RUF012

    @classmethod
    def get_spec(cls) -> dg.ComponentTypeSpec:
        """What the list of components shows."""
        return dg.ComponentTypeSpec(
            description="Files of any shape, by a mapping in YAML.", owners=OWNERS, tags=["intake"]
        )

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:
        """The asset of the file at this place, read anew: Dagster guesses types in a mapping."""
        from ingestion_pipeline.components.intake.definitions import of_file

        path = Path(context.path)
        return of_file(path if path.is_file() else path / "defs.yaml")
