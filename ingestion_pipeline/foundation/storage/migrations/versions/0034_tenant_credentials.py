"""Credentials of tenants to APIs of files, encrypted (`ledger/tenant_credentials.py`)."""

from alembic import op

revision = "0034"
down_revision = "0033"


def upgrade() -> None:
    op.get_bind().exec_driver_sql(_TABLE)


_TABLE = """
    CREATE TABLE tenant_credentials (
        tenant_id integer NOT NULL
            CONSTRAINT tenant_credentials_tenant_id_fkey REFERENCES tenants,
        name text COLLATE "C" NOT NULL,
        sealed text NOT NULL,
        created_at timestamptz NOT NULL DEFAULT now(),
        changed_at timestamptz NOT NULL DEFAULT now(),
        CONSTRAINT tenant_credentials_pkey PRIMARY KEY (tenant_id, name)
    );
    ALTER TABLE tenant_credentials ENABLE ROW LEVEL SECURITY;
    CREATE POLICY own_rows ON tenant_credentials FOR SELECT USING (tenant_id =
        (SELECT tenant_id FROM tenant_readers WHERE role_name = current_user::text));
    COMMENT ON TABLE tenant_credentials IS
        'Credentials of tenants to APIs that are asked for them';
    COMMENT ON COLUMN tenant_credentials.tenant_id IS
        'Whose row it is (tenants.tenant_id)';
    COMMENT ON COLUMN tenant_credentials.name IS
        'By which files of APIs name it';
    COMMENT ON COLUMN tenant_credentials.sealed IS
        'The credential, encrypted';
    COMMENT ON COLUMN tenant_credentials.created_at IS
        'When the row was made, UTC';
    COMMENT ON COLUMN tenant_credentials.changed_at IS
        'When it got the value that it has, UTC';
"""
