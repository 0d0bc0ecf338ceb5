"""Changed parts: a ledger of what has changed, for marts (and whoever else follows from tables).

Triggers write it in the very transaction of the rows, so that no way into a table can forget it
(decision 0044). Once a statement, from its transition table: bulk loads pay for a DISTINCT over
what they wrote. They are ENABLE ALWAYS, because merges set `session_replication_role`. Of KPI
points only values count, not how they are graded: that one is by row, and where no value changes
it is not even queued.

What is there already is marked as one part a source, which the first refresh takes apart.
"""

from alembic import op

revision = "0036"
down_revision = "0035"

_MINE = "(SELECT tenant_id FROM tenant_readers WHERE role_name = current_user::text)"
_UTC = "CAST({} AT TIME ZONE 'UTC' AS date)"
# By source: tenant, key and day of a row's part.
_PARTS = {
    "kpi_points": ("tenant_id", "kpi_id", _UTC.format("observed_at")),
    "orders": ("tenant_id", "''", _UTC.format("order_date")),
    "sales_events": (
        "tenant_id", "platform", "CAST(date_trunc('month', occurred_at AT TIME ZONE 'UTC') AS date)"
    ),
    "timeseries_hourly": ("0", "site_name", _UTC.format("hour")),
    "macro_observations": ("0", "series_id", "CAST('-infinity' AS date)"),
}  # fmt: skip
_BY_ROW = "kpi_points"  # where it is updated
_EVENTS = (("INSERT", "NEW"), ("DELETE", "OLD"), ("UPDATE", "OLD"), ("UPDATE", "NEW"))


def upgrade() -> None:
    connection = op.get_bind()
    op.execute(
        f"LOCK TABLE {', '.join(_PARTS)}, building_alert_rules, tenant_sites, tenants "
        "IN SHARE ROW EXCLUSIVE MODE"
    )
    connection.exec_driver_sql(_TABLE)
    op.execute(f"""
        ALTER TABLE changed_parts ENABLE ROW LEVEL SECURITY;
        CREATE POLICY own_rows ON changed_parts FOR SELECT USING (tenant_id = {_MINE});
    """)
    op.execute("CREATE INDEX orders_order_date_idx ON orders (tenant_id, order_date)")
    for source, (tenant, key, day) in _PARTS.items():
        op.execute(f"""
            CREATE FUNCTION note_changed_{source}() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                INSERT INTO changed_parts (source, tenant_id, key, day)
                SELECT DISTINCT '{source}', {tenant}, {key}, {day} FROM changed;
                RETURN NULL;
            END $$;
        """)  # noqa: S608
        for event, rows in _EVENTS:
            if (source, event) != (_BY_ROW, "UPDATE"):
                _trigger(
                    source,
                    f"note_{event.lower()}_{rows.lower()}",
                    f"""
                    AFTER {event} ON {source} REFERENCING {rows} TABLE AS changed
                    FOR EACH STATEMENT EXECUTE FUNCTION note_changed_{source}()
                """,
                )
        op.execute(f"""
            INSERT INTO changed_parts (source, tenant_id, key, day)
            SELECT '{source}', 0, '', 'infinity' WHERE EXISTS (SELECT FROM {source})
        """)  # noqa: S608
    tenant, key, day = _PARTS[_BY_ROW]
    op.execute(f"""
        CREATE FUNCTION note_changed_value() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            INSERT INTO changed_parts (source, tenant_id, key, day)
            SELECT DISTINCT '{_BY_ROW}', {tenant}, {key}, {day}
            FROM (VALUES (OLD.tenant_id, OLD.kpi_id, OLD.observed_at),
                         (NEW.tenant_id, NEW.kpi_id, NEW.observed_at))
                AS changed (tenant_id, kpi_id, observed_at);
            RETURN NULL;
        END $$;
    """)  # noqa: S608
    _trigger(
        _BY_ROW,
        "note_update",
        f"""
        AFTER UPDATE OF tenant_id, kpi_id, observed_at, value ON {_BY_ROW} FOR EACH ROW
        WHEN ((OLD.tenant_id, OLD.kpi_id, OLD.observed_at, OLD.value)
              IS DISTINCT FROM (NEW.tenant_id, NEW.kpi_id, NEW.observed_at, NEW.value))
        EXECUTE FUNCTION note_changed_value()
    """,
    )
    connection.exec_driver_sql(_OF_BUILDINGS)
    for table in ("building_alert_rules", "tenant_sites"):
        for event, rows in _EVENTS:
            _trigger(
                table,
                f"note_{event.lower()}_{rows.lower()}",
                f"""
                AFTER {event} ON {table} REFERENCING {rows} TABLE AS changed
                FOR EACH STATEMENT EXECUTE FUNCTION note_changed_{table}()
            """,
            )
    _trigger(
        "tenants",
        "note_zone",
        """
        AFTER UPDATE OF time_zone ON tenants FOR EACH ROW
        WHEN (OLD.time_zone IS DISTINCT FROM NEW.time_zone)
        EXECUTE FUNCTION note_changed_zone()
    """,
    )


def _trigger(table: str, name: str, what: str) -> None:
    op.execute(f"CREATE TRIGGER {name} {what}")
    op.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {name}")


# A limit, and whose clock says when a site is occupied, are of all its hours;
# a tenant's clock is of all its days.
_OF_BUILDINGS = """
    CREATE FUNCTION note_changed_zone() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO changed_parts (source, tenant_id, key, day)
        SELECT source, NEW.tenant_id, '', CAST('infinity' AS date)
        FROM unnest(ARRAY['kpi_points', 'orders', 'sales_events']) AS source
        UNION
        SELECT 'timeseries_hourly', 0, site_name, 'infinity'
        FROM tenant_sites WHERE tenant_id = NEW.tenant_id;
        RETURN NULL;
    END $$;
    CREATE FUNCTION note_changed_building_alert_rules() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO changed_parts (source, tenant_id, key, day)
        SELECT DISTINCT 'timeseries_hourly', 0,
               CASE WHEN strpos(site_name, '*') > 0 THEN '' ELSE site_name END,
               CAST('infinity' AS date)
        FROM changed;
        RETURN NULL;
    END $$;
    CREATE FUNCTION note_changed_tenant_sites() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO changed_parts (source, tenant_id, key, day)
        SELECT DISTINCT 'timeseries_hourly', 0, site_name, CAST('infinity' AS date) FROM changed;
        RETURN NULL;
    END $$;
"""

_TABLE = """
    CREATE TABLE changed_parts (
        change_id BIGINT GENERATED ALWAYS AS IDENTITY,
        reader TEXT DEFAULT 'marts' NOT NULL,
        source TEXT NOT NULL,
        tenant_id INTEGER NOT NULL,
        key TEXT NOT NULL,
        day DATE NOT NULL,
        changed_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
        CONSTRAINT changed_parts_pkey PRIMARY KEY (change_id)
    );
    CREATE INDEX changed_parts_part_idx ON changed_parts (reader, source, tenant_id, key, day);
    COMMENT ON TABLE changed_parts IS
        'Parts of tables that have changed: a row a change, written in its transaction by '
        'triggers (note_changed_*), deleted by the reader that has worked the part out';
    COMMENT ON COLUMN changed_parts.change_id IS 'Number of the change, in order of arrival';
    COMMENT ON COLUMN changed_parts.reader IS 'Who is to work the part out anew';
    COMMENT ON COLUMN changed_parts.source IS 'Table whose rows have changed';
    COMMENT ON COLUMN changed_parts.tenant_id IS
        'Whose rows (tenants.tenant_id); 0: nobody''s, or where all are: all';
    COMMENT ON COLUMN changed_parts.key IS
        'KPI, site, platform or series; empty: the source has none, or all';
    COMMENT ON COLUMN changed_parts.day IS
        'UTC day of the rows, of book sales the first of the month; -infinity: the source has '
        'none; infinity: all days, which the reader first puts as parts of their own';
    COMMENT ON COLUMN changed_parts.changed_at IS
        'When the transaction began that changed them, UTC';
"""
