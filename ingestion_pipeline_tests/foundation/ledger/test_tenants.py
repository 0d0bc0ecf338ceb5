"""Tenants and keys: who may send, and what the database knows of their keys."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa

from ingestion_pipeline.foundation.errors import ContractError, UnknownTenantError
from ingestion_pipeline.foundation.ledger import tenants


def tenant_of(connection: sa.Connection, key: str) -> int | None:
    [holder] = tenants.holders_of_keys(connection, [tenants.key_hash(key)])
    return holder.tenant_id if holder else None


def test_a_tenant_is_made_once_and_found_again(engine: sa.Engine) -> None:
    with engine.begin() as connection:
        made = tenants.ensure(connection, "acme")
        assert tenants.ensure(connection, "acme") == made
        assert tenants.find(connection, "acme") == made
        assert tenants.ensure(connection, "globex") != made


def test_ten_who_make_the_same_tenant_get_the_same_number(engine: sa.Engine) -> None:
    def make(_: int) -> int:
        with engine.begin() as connection:
            return tenants.ensure(connection, "acme")

    with ThreadPoolExecutor(10) as pool:
        assert len(set(pool.map(make, range(10)))) == 1


def test_good_names(engine: sa.Engine) -> None:
    with engine.begin() as connection:
        for name in ("a", "0", "acme-eu_1", "x" * 63):
            assert tenants.ensure(connection, name) > 0


def test_bad_names_are_refused_and_the_message_names_the_field(engine: sa.Engine) -> None:
    bad = ["", "Acme", "-a", "_a", "a b", "a/b", "..", "x" * 64, "acme\n", "ümlaut", "a\x00"]
    with engine.begin() as connection:
        for name in bad:
            with pytest.raises(ContractError, match=r"^tenant: "):
                tenants.ensure(connection, name)
        assert tenants.everyone(connection) == []


@pytest.mark.parametrize("name", ["buildings", "markets"])
def test_no_tenant_shares_a_namespace_with_our_own_documents(engine: sa.Engine, name: str) -> None:
    with engine.begin() as connection, pytest.raises(ContractError, match="a name of our own"):
        tenants.ensure(connection, name)


def test_an_unknown_tenant_is_said_to_be_unknown_and_how_to_make_it(engine: sa.Engine) -> None:
    with (
        engine.connect() as connection,
        pytest.raises(UnknownTenantError, match="tenants create nobody"),
    ):
        tenants.find(connection, "nobody")


def test_a_key_opens_its_own_tenant_only(engine: sa.Engine) -> None:
    with engine.begin() as connection:
        acme, globex = tenants.ensure(connection, "acme"), tenants.ensure(connection, "globex")
        acme_key, globex_key = (tenants.issue_key(connection, t) for t in (acme, globex))
        assert tenant_of(connection, acme_key) == acme
        assert tenant_of(connection, globex_key) == globex
        for wrong in ("", "ik_", acme_key[:-1], acme_key + "x", acme_key.upper()):
            assert tenant_of(connection, wrong) is None


def test_only_the_hash_of_a_key_is_stored(engine: sa.Engine, tenant_id: int) -> None:
    with engine.begin() as connection:
        key = tenants.issue_key(connection, tenant_id)
        stored = connection.exec_driver_sql("SELECT * FROM api_keys").mappings().one()
    assert key.startswith("ik_")
    assert len(key) >= 46
    assert stored["sha256"] == tenants.key_hash(key)
    assert key not in repr(dict(stored))
    assert len(stored["hint"]) <= 8


def test_a_revoked_key_opens_nothing(engine: sa.Engine, tenant_id: int) -> None:
    with engine.begin() as connection:
        keys = [tenants.issue_key(connection, tenant_id) for _ in range(2)]
        assert tenants.revoke_keys(connection, tenant_id) == 2
        assert tenants.revoke_keys(connection, tenant_id) == 0
        assert [tenant_of(connection, key) for key in keys] == [None, None]


def test_rotating_keeps_the_new_key_alone_in_force(engine: sa.Engine) -> None:
    with engine.begin() as connection:
        acme, globex = tenants.ensure(connection, "acme"), tenants.ensure(connection, "globex")
        old, bystander = tenants.issue_key(connection, acme), tenants.issue_key(connection, globex)
        new = tenants.issue_key(connection, acme)
        assert tenants.revoke_keys(connection, acme, except_key=new) == 1
        assert tenant_of(connection, old) is None
        assert tenant_of(connection, new) == acme
        assert tenant_of(connection, bystander) == globex


def test_the_list_shows_tenants_by_name_and_their_keys_in_force(engine: sa.Engine) -> None:
    with engine.begin() as connection:
        for name in ("zeta", "alpha"):
            tenant = tenants.ensure(connection, name)
        tenants.issue_key(connection, tenant)
        tenants.revoke_keys(connection, tenant)
        tenants.issue_key(connection, tenant)
        shown = [(tenant.name, tenant.active_keys) for tenant in tenants.everyone(connection)]
    assert shown == [("alpha", 1), ("zeta", 0)]


def test_the_holders_of_many_keys_come_in_the_order_of_the_keys(engine: sa.Engine) -> None:
    with engine.begin() as connection:
        acme, globex = tenants.ensure(connection, "acme"), tenants.ensure(connection, "globex")
        one, two = tenants.issue_key(connection, acme), tenants.issue_key(connection, globex)
        asked = [tenants.key_hash(key) for key in (two, "nobody's", one, two)]
        holders = tenants.holders_of_keys(connection, asked)
    assert [holder and holder.tenant for holder in holders] == ["globex", None, "acme", "globex"]
