"""Foreign keys hold while a set is merged without their triggers, and after whatever goes wrong."""

import threading
import time
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa

from ingestion_pipeline.foundation.storage.merging import foreign_keys_checked_in_bulk


def test_parents_cannot_be_deleted_between_look_up_and_commit(
    engine: sa.Engine, tenant_id: int
) -> None:
    """Triggers are off while we look parents up: without the lock, orphans would come about."""
    customer = uuid4()
    with engine.begin() as connection:
        connection.execute(
            sa.text("INSERT INTO customers VALUES (:tenant, :id, 'n', 'e', '{}', now(), NULL, 1)"),
            {"tenant": tenant_id, "id": customer},
        )
    deleted = threading.Event()
    errors: list[Exception] = []

    def delete_the_parent() -> None:
        try:
            with engine.begin() as connection:
                connection.exec_driver_sql("DELETE FROM customers")
        except sa.exc.IntegrityError as error:
            errors.append(error)
        deleted.set()

    with engine.begin() as connection:
        customers = sa.table("customers")
        with foreign_keys_checked_in_bulk(connection, [customers]):  # type: ignore[list-item]
            thread = threading.Thread(target=delete_the_parent)
            thread.start()
            time.sleep(0.2)
            assert not deleted.is_set(), "it has to wait for us"
            _insert_order(connection, tenant_id, customer)
    thread.join(10)
    assert len(errors) == 1, "now the foreign key refuses it"
    with engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM customers").scalar() == 1


def test_outside_the_block_the_triggers_are_on_again(engine: sa.Engine, tenant_id: int) -> None:
    with engine.connect() as connection:
        with foreign_keys_checked_in_bulk(connection, [sa.table("customers")]):  # type: ignore[list-item]
            assert _role(connection) == "replica"
        assert _role(connection) == "origin"
        with pytest.raises(sa.exc.IntegrityError, match="orders_tenant_id_customer_id_fkey"):
            _insert_order(connection, tenant_id, uuid4())
        connection.rollback()
        assert _role(connection) == "origin"


def test_after_a_failure_in_the_block_the_pooled_connection_has_its_triggers_on(
    engine: sa.Engine,
) -> None:
    with engine.connect() as connection:
        with (
            pytest.raises(sa.exc.ProgrammingError),
            foreign_keys_checked_in_bulk(connection, [sa.table("customers")]),  # type: ignore[list-item]
        ):
            connection.exec_driver_sql("SELECT no_such_column FROM customers")
        connection.rollback()
        assert _role(connection) == "origin"


def _role(connection: sa.Connection) -> str:
    return str(connection.exec_driver_sql("SHOW session_replication_role").scalar())


def _insert_order(connection: sa.Connection, tenant_id: int, customer: UUID) -> None:
    connection.execute(
        sa.text(
            "INSERT INTO orders VALUES (:tenant, :id, 'x', :customer, 'n', 'e', 1, 'EUR', 's', "
            "now(), '{}', now(), NULL, 1)"
        ),
        {"tenant": tenant_id, "id": uuid4(), "customer": customer},
    )
