"""Markets: series that came in files are seen by the tenant whose file told of them.

FRED's are everybody's; a tenant's have its name in front, `acme/ecb/EXR`, and no series of FRED has
a stroke in its id.
"""

from alembic import op

revision = "0030"
down_revision = "0029"

_MINE = """(SELECT tenants.name FROM tenants JOIN tenant_readers USING (tenant_id)
     WHERE tenant_readers.role_name = current_user::text)"""


def upgrade() -> None:
    connection = op.get_bind()
    connection.exec_driver_sql(
        "LOCK TABLE macro_series, macro_observations IN ACCESS EXCLUSIVE MODE"
    )
    for table in ("macro_series", "macro_observations"):
        connection.exec_driver_sql(f"""
            ALTER TABLE {table} ENABLE ROW LEVEL SECURITY;
            CREATE POLICY own_rows ON {table} FOR SELECT USING (
                position('/' IN series_id) = 0 OR split_part(series_id, '/', 1) = {_MINE});
        """)
