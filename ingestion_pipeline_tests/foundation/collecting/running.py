"""A series that is collected from a server of the tests' own, its records kept on a shelf."""

import os
import random
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path

import sqlalchemy as sa

from ingestion_pipeline.foundation.collecting.asking import Asker, open_asker
from ingestion_pipeline.foundation.collecting.fetching import Fetching, as_landed
from ingestion_pipeline.foundation.collecting.windows import Collected, Collecting
from ingestion_pipeline.foundation.http_api.parsing import WORDS, read_api
from ingestion_pipeline.foundation.http_api.words import HttpApi
from ingestion_pipeline.foundation.ledger import tenants
from ingestion_pipeline.foundation.loading.known import Known
from ingestion_pipeline.foundation.mapping.documents import Node, read_node
from ingestion_pipeline.foundation.mapping.reader import Reader
from ingestion_pipeline.foundation.settings import Settings
from ingestion_pipeline.foundation.storage.landing import Landing
from ingestion_pipeline.foundation.upstreams.client import Patience
from ingestion_pipeline_tests.foundation.loading.running import Shelf, known

PATIENCE = Patience(
    backoff=timedelta(milliseconds=5),
    retry_after_cap=timedelta(seconds=2),
    breaker_failures=100,
    breaker_cooldown=timedelta(minutes=1),
)
DAY = date(2026, 3, 1)
REQUEST = """
records: rows
pages: {offset: offset, size: {limit: 3}, total: count}
window: {start: {query: day, format: "%Y-%m-%d"}, first_day: 2026-01-01}
"""
MAPPING = """
source: kiosk
mapping: sales
emit:
  sales_events:
    fields:
      external_id: id
      event_type: {is: sale}
      occurred_at: {is: "2026-01-01"}
      quantity: {is: "1"}
      amount: paid
      currency: {is: EUR}
"""


def api_of(text: str, url: str) -> HttpApi:
    """An API that a YAML describes."""
    file = Path("defs.yaml")
    fast = "" if "limits:" in text else "limits: {requests_per_minute: 60000}\n"
    node = read_node(file, f"url: {url}/readings\n{fast}{text}")
    assert isinstance(node, Node), node
    reader = Reader(file)
    api = read_api(reader, node, reader.mapping(node, WORDS))
    assert not reader.faults, reader.faults
    return api


@dataclass
class Series:
    """Collects the windows of one series."""

    engine: sa.Engine
    configuration: Settings
    url: str
    shelf: Shelf
    mapping: str = MAPPING
    request: str = REQUEST

    @property
    def known(self) -> Known:
        found = known(self.mapping, self.shelf)
        return replace(found, mapped=as_landed(found.mapped, api_of(self.request, self.url)))

    @contextmanager
    def opened(self) -> Iterator[tuple[Asker, Collecting, Fetching]]:
        """Whoever asks, for as long as the context lasts."""
        api = api_of(self.request, self.url)
        with self.engine.begin() as connection:
            tenant_id = tenants.ensure(connection, "acme")
        with open_asker(self.engine, api, secrets={}, patience=PATIENCE) as asker:
            landing = Landing(self.configuration.landing)
            collecting = Collecting(
                self.engine, self.configuration, landing, tenant_id, "acme", self.known
            )
            yield asker, collecting, Fetching(asker, api, self.known.mapped.read)

    def collect(self, day: date = DAY) -> Collected:
        """One window."""
        with self.opened() as (_, collecting, fetching):
            return collecting.collect(fetching, day)


def main(database: str, home: str, url: str, days: int, seed: int) -> None:
    """Collect days, in an order by chance, in a process of its own, which may be killed."""
    engine = sa.create_engine(database)
    # Whoever was killed has had its claim long enough.
    configuration = Settings(ingestion_home=Path(home), job_lease=timedelta(seconds=2))
    series = Series(engine, configuration, url, Shelf())
    for number in random.Random(seed).sample(range(days), days):
        series.collect(DAY + timedelta(days=number))
    engine.dispose()


if __name__ == "__main__":
    main(
        os.environ["SERIES_DATABASE"], sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    )
