"""A text is storable exactly where PostgreSQL takes it; both sides were asked in four spellings."""

import json
from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from ingestion_pipeline.foundation.storable import is_storable, shown

TEXTS = (
    "", "plain", "\N{GRINNING FACE}", "\ud7ff\ue000", "\x7f\x01",
    "\0", "a\0b", "é\0", "\ud800", "\udfff", "a\ud83d", "\ude00\ud83d",
)  # fmt: skip


@pytest.fixture(scope="module")
def connection(shared_database_url: str) -> Iterator[sa.Connection]:
    with sa.create_engine(shared_database_url, poolclass=sa.NullPool).connect() as connection:
        yield connection


@pytest.mark.parametrize("text", TEXTS, ids=ascii)
def test_storable_is_what_the_database_takes_as_json(connection: sa.Connection, text: str) -> None:
    taken = True
    try:
        connection.execute(
            sa.text("SELECT CAST(CAST(:document AS text) AS jsonb)"), {"document": json.dumps(text)}
        )
    except sa.exc.DataError:
        taken = False
    finally:
        connection.rollback()
    assert is_storable(text) is taken


@pytest.mark.parametrize("text", TEXTS, ids=ascii)
def test_what_is_shown_of_it_can_be_stored(text: str) -> None:
    assert is_storable(shown(text))
    assert shown(text) == text or not text.isascii() or "\0" in text
