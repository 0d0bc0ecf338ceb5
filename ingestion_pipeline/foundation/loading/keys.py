"""Of what a mapping makes ids. One that makes others of the same records would load them twice.

What is kept is a hash of `key:`, of the field that identifies a record, and of every `id:`, by type
of records; of a tenant, a source and a mapping. It is noted with the first file.
"""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from ingestion_pipeline.foundation.errors import ConfigurationError
from ingestion_pipeline.foundation.ledger.tables.intake import intake_keys
from ingestion_pipeline.foundation.ledger.tables.tenants import tenants
from ingestion_pipeline.foundation.loading.known import name_of
from ingestion_pipeline.foundation.mapping.digests import rekeyed
from ingestion_pipeline.foundation.mapping.words import Mapped


class RekeyedError(ConfigurationError):
    """A mapping makes other ids than it did, and nobody has said that this is meant."""


def require_same(connection: sa.Connection, tenant_id: int, mapped: Mapped) -> None:
    """Refuse a mapping that makes other ids; holds the answer until the transaction ends.

    Raises:
        RekeyedError: they are made of something else than before.
    """
    query = sa.select(intake_keys.c.made_of).where(*_mine(tenant_id, mapped)).with_for_update()
    before: dict[str, list[str]] | None = connection.execute(query).scalar_one_or_none()
    if changed := rekeyed(before or {}, mapped.keys):
        named = sa.select(tenants.c.name).where(tenants.c.tenant_id == tenant_id)
        tenant = connection.scalar(named)
        raise RekeyedError(
            f"{name_of(mapped)} makes the ids of {', '.join(changed)} of something else than when "
            f"it loaded files of {tenant} before: what is loaded would be there twice. If that is "
            f"meant: `ingestion-pipeline intake rekey {name_of(mapped)} --tenant {tenant}`"
        )


def note(connection: sa.Connection, tenant_id: int, mapped: Mapped) -> None:
    """Note of what ids are made, with the first file or where there is a further way to make one.

    Raises:
        RekeyedError: they are made of something else than before.
    """
    statement = insert(intake_keys).values(
        tenant_id=tenant_id, source=mapped.source, mapping=mapped.name, made_of=_made_of(mapped)
    )
    connection.execute(statement.on_conflict_do_nothing())
    require_same(connection, tenant_id, mapped)
    mine, now = _mine(tenant_id, mapped), _made_of(mapped)
    before = connection.execute(sa.select(intake_keys.c.made_of).where(*mine)).scalar_one()
    together = {
        name: sorted({*before.get(name, ()), *now.get(name, ())}) for name in {*before, *now}
    }
    if together != before:
        connection.execute(sa.update(intake_keys).where(*mine).values(made_of=together))


def _mine(tenant_id: int, mapped: Mapped) -> list[sa.ColumnElement[bool]]:
    c = intake_keys.c
    return [c.tenant_id == tenant_id, c.source == mapped.source, c.mapping == mapped.name]


def _made_of(mapped: Mapped) -> dict[str, list[str]]:
    return {name: list(hashes) for name, hashes in mapped.keys.items()}


def rekey(connection: sa.Connection, tenant_id: int, mapped: Mapped) -> bool:
    """Say that the ids are made as the mapping makes them now; whether that is another answer."""
    statement = insert(intake_keys).values(
        tenant_id=tenant_id, source=mapped.source, mapping=mapped.name, made_of=_made_of(mapped)
    )
    changed = statement.on_conflict_do_update(
        index_elements=["tenant_id", "source", "mapping"],
        set_={"made_of": statement.excluded.made_of, "noted_at": sa.func.now()},
        where=intake_keys.c.made_of != statement.excluded.made_of,
    )
    return connection.scalar(changed.returning(sa.true())) is True
