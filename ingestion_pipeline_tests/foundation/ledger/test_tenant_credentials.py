"""Credentials of tenants: stored encrypted, each tenant's own, under keys that may be changed."""

import pytest
import sqlalchemy as sa
from pydantic import SecretStr

from ingestion_pipeline.foundation.credentials import new_key
from ingestion_pipeline.foundation.errors import ConfigurationError, ContractError
from ingestion_pipeline.foundation.ledger import tenant_credentials, tenants
from ingestion_pipeline.foundation.settings import Settings

SECRET = "s3cr3t of the plant"


def under(*keys: str) -> Settings:
    return Settings(credential_keys=SecretStr(",".join(keys)))


def test_a_credential_is_its_tenants_own_and_may_be_changed_and_forgotten(
    engine: sa.Engine, tenant_id: int
) -> None:
    keys = under(new_key())
    with engine.begin() as connection:
        other = tenants.ensure(connection, "other")
        for value in ("old", f"{SECRET}\n"):
            tenant_credentials.keep(connection, keys, tenant_id, "plant_token", value)
        read = tenant_credentials.read(connection, keys, tenant_id, ["plant_token", "no_such"])
        assert read == {"plant_token": SECRET}
        assert tenant_credentials.read(connection, keys, other, ["plant_token"]) == {}
        assert not tenant_credentials.remove(connection, other, "plant_token")
        [found] = tenant_credentials.stored(connection, tenant_id)
        row = connection.exec_driver_sql("SELECT * FROM tenant_credentials").one()
        assert found.name == "plant_token"
        assert SECRET not in str(row) + str(found.as_dict())
        assert tenant_credentials.remove(connection, tenant_id, "plant_token")
        assert tenant_credentials.stored(connection, tenant_id) == []


def test_keys_can_be_changed_without_new_credentials(engine: sa.Engine, tenant_id: int) -> None:
    old, new = new_key(), new_key()
    with engine.begin() as connection:
        tenant_credentials.keep(connection, under(old), tenant_id, "a", SECRET)
        with pytest.raises(ConfigurationError, match="no longer holds"):
            tenant_credentials.reseal(connection, under(new))
        assert tenant_credentials.reseal(connection, under(new, old)) == 1
        assert tenant_credentials.read(connection, under(new), tenant_id, ["a"]) == {"a": SECRET}


@pytest.mark.parametrize(
    ("name", "value"),
    [("A", SECRET), ("a__b", SECRET), ("", SECRET), ("a" * 64, SECRET), ("a", " \n"),
     ("a", f"{SECRET}\nb"), ("a", "x" * 9000), ("a", "\x00s3cr3t")],
)  # fmt: skip
def test_what_is_no_credential_is_not_stored_and_not_repeated(
    engine: sa.Engine, tenant_id: int, name: str, value: str
) -> None:
    with engine.begin() as connection, pytest.raises(ContractError) as refused:
        tenant_credentials.keep(connection, under(new_key()), tenant_id, name, value)
    assert "s3cr3t" not in str(refused.value)
