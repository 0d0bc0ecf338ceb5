"""Rows reach the database as they are, to the last digit."""

import json
from datetime import UTC, datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ingestion_pipeline.foundation.storage.json_rows import encode_json

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text()
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=12,
)  # fmt: skip


@given(JSON)
def test_any_value_is_what_it_was(value: Any) -> None:
    assert json.loads(encode_json(value)) == value


def test_integers_stay_numbers_however_large() -> None:
    rows = [{"data": {"wei": [2**64, -(2**63) - 1]}, "at": datetime(2026, 1, 1, tzinfo=UTC)}]
    read = json.loads(encode_json(rows))
    assert read[0]["data"]["wei"] == [2**64, -(2**63) - 1]
    assert datetime.fromisoformat(read[0]["at"]) == rows[0]["at"]
