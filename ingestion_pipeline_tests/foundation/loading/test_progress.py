"""What a sender is told of a file that failed."""

import pytest

from ingestion_pipeline.foundation.loading.progress import for_sender


@pytest.mark.parametrize("place", ["/srv/de fs/till/mapping.yaml:42:22", "defs/till.yml:1:1"])
def test_the_servers_paths_stood_in_what_senders_are_told(place: str) -> None:
    said = for_sender(f"{place}: emit.x.y is gone\n{place}: columns.z too", "till/sales")
    assert said == "mapping till/sales: emit.x.y is gone\nmapping till/sales: columns.z too"
    assert for_sender("row 3: no date", "till/sales") == "row 3: no date"
    assert for_sender(None, "till/sales") is None
