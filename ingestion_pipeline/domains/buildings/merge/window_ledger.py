"""What is kept of a window besides its samples: that it is complete, and its unusable records."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from ingestion_pipeline.domains.buildings.contract.windows import Counts, Window
from ingestion_pipeline.domains.buildings.merge.checkpoint import Progress
from ingestion_pipeline.domains.buildings.sources.ace_iot.envelope import Unusable
from ingestion_pipeline.domains.buildings.tables import collected_windows, rejected_records
from ingestion_pipeline.foundation.storage.bulk import copy_rows


@dataclass(frozen=True)
class WindowLedger:
    """The rows of a window in `collected_windows` and `rejected_records`."""

    connection: sa.Connection
    site: str
    window: Window

    def complete(self, counts: Counts, progress: Progress) -> None:
        """Record that the window is complete."""
        values = {
            "dialect": progress.dialect,
            "counts": asdict(counts),
            "missing_points": sorted(progress.missing),
            "collected_at": sa.func.now(),
        }
        statement = insert(collected_windows).values(
            site_name=self.site,
            window_start=self.window.start,
            window_end=self.window.end,
            **values,
        )
        self.connection.execute(
            statement.on_conflict_do_update(
                index_elements=list(collected_windows.primary_key), set_=values
            )
        )

    def was_filled(self) -> bool:
        """Whether rows may be there already; if they are all the same, COPY will say so."""
        c = collected_windows.c
        kept = c.counts["kept"].astext.cast(sa.BigInteger)
        earlier = sa.exists().where(
            c.site_name == self.site,
            c.window_start < self.window.end,
            c.window_end > self.window.start,
            kept > 0,
        )
        return bool(self.connection.scalar(sa.select(earlier)))

    def reject(self, unusable: Sequence[Unusable], page: int) -> None:
        """Keep the records of a page that can't be stored."""
        columns = ["site_name", "window_start", "page", "record", "reason"]
        rows = [
            (self.site, self.window.start, page, storable(each.text), storable(each.reason))
            for each in unusable
        ]
        copy_rows(self.connection, rejected_records.name, columns, rows)

    def delete_rejected(self, *, from_page: int) -> None:
        """Forget those of a page and all after it, which will be fetched again."""
        c = rejected_records.c
        self.connection.execute(
            sa.delete(rejected_records).where(
                c.site_name == self.site,
                c.window_start == self.window.start,
                c.page >= from_page,
            )
        )


def storable(text: str) -> str:
    """A text as PostgreSQL keeps it: what it can't is replaced, so that the rest can be read."""
    return text.encode(errors="replace").decode().replace("\0", "\ufffd")
