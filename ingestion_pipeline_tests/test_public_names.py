"""Names that people, databases and Dagster's storage hold on to stay, whatever is moved."""

import json

from ingestion_pipeline_tests.public_names import KEPT, found


def test_no_public_name_has_changed() -> None:
    kept, now = json.loads(KEPT.read_text()), json.loads(json.dumps(found()))
    assert now.keys() == kept.keys()
    for sort, names in kept.items():
        assert now[sort] == names, sort
