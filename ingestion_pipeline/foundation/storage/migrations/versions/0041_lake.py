"""The lake's half of the ledger of changed parts, and the catalogue of its tables.

A mark of the lake names one partition of one of its tables (decision 0049): source, tenant, key,
and the UTC day, month or year, as the date that it begins with. Triggers write it in the very
transaction of the rows, as 0036 does for marts, by functions of their own. Both sides of an UPDATE
are marked: a row may move. Dropping a month is no change: what was archived stays in the lake.

Months of `timeseries_raw` are filled by COPY straight into their partitions, which fires no
trigger of the parent: the collector marks each page itself (foundation/ledger/changes.py). One of
the release before, that still runs during an upgrade, does not: what a window brought is marked
once more when it is recorded as complete.

The catalogue is Iceberg's JDBC catalogue in its version 1, as pyiceberg's SqlCatalog has it. It is
in a schema that is in nobody's search path, and whose only user are runs.
"""

from alembic import op

revision = "0041"
down_revision = "0040"

_WHOLE, _ALL = "CAST('-infinity' AS date)", "CAST('infinity' AS date)"  # without time; all times


def _part_of(moment: str, unit: str) -> str:
    """A `timestamptz` as the date that its UTC day, month or year begins with."""
    return f"CAST(date_trunc('{unit}', {moment} AT TIME ZONE 'UTC') AS date)"


def _year_of(day: str) -> str:
    return f"CAST(date_trunc('year', CAST({day} AS timestamp)) AS date)"


# By table: tenant, key and time of the partition that a row is in.
_SITES = {
    "timeseries_raw": ("0", "site_name", _part_of("timestamp", "day")),
    "weather_raw": ("0", "site_name", _part_of("timestamp", "month")),
    "timeseries_hourly": ("0", "site_name", _part_of("hour", "month")),
    "building_hours": ("0", "site_name", _part_of("hour", "month")),
    "timeseries_daily": ("0", "site_name", _year_of("day")),
    "timeseries_gaps": ("0", "site_name", _year_of("day")),
    "building_alerts": ("0", "site_name", _WHOLE),
}
_PARTS = {
    **_SITES,
    "customers": ("tenant_id", "left(CAST(customer_id AS text), 1)", _WHOLE),
    "products": ("tenant_id", "left(CAST(product_id AS text), 1)", _WHOLE),
    "order_items": ("tenant_id", "left(CAST(order_item_id AS text), 1)", _WHOLE),
    "orders": ("tenant_id", "''", _part_of("order_date", "month")),
    "kpi_points": ("tenant_id", "''", _part_of("observed_at", "day")),
    "kpi_hourly": ("tenant_id", "''", _part_of("hour", "month")),
    "kpi_daily": ("tenant_id", "''", _year_of("day")),
    "kpi_daily_summary": ("tenant_id", "''", _year_of("day")),
    "orders_daily": ("tenant_id", "''", _year_of("day")),
    "customer_days": ("tenant_id", "''", _year_of("day")),
    "daily_sales": ("tenant_id", "''", _year_of("day")),
    "sales_events": ("tenant_id", "''", _part_of("occurred_at", "month")),
    "book_income_daily": ("tenant_id", "''", _year_of("month")),
    "market_fundamentals": ("tenant_id", "''", _WHOLE),
    "market_comps": ("tenant_id", "''", _WHOLE),
    "findings": ("coalesce(tenant_id, 0)", "''", _WHOLE),
    "kpi_analyses": ("tenant_id", "''", _WHOLE),
    "macro_observations": ("0", "series_id", _WHOLE),
    "macro_latest": ("0", "series_id", _WHOLE),
}
_TRIGGERS = {
    "insert": "INSERT ON {} REFERENCING NEW TABLE AS came",
    "update": "UPDATE ON {} REFERENCING OLD TABLE AS gone NEW TABLE AS came",
    "delete": "DELETE ON {} REFERENCING OLD TABLE AS gone",
    "truncate": "TRUNCATE ON {}",
}


def upgrade() -> None:
    op.execute(
        f"LOCK TABLE {', '.join(_PARTS)}, tenant_sites, collected_windows "
        "IN SHARE ROW EXCLUSIVE MODE"
    )
    for source, (tenant, key, time) in _PARTS.items():
        _note(source, f"'{source}', {tenant}, {key}, {time} FROM {{}}", [source])
        op.execute(f"""
            INSERT INTO changed_parts (reader, source, tenant_id, key, day)
            SELECT 'lake', '{source}', 0, '', 'infinity' WHERE EXISTS (SELECT FROM {source})
        """)  # noqa: S608
    # Who got a site, or lost it: the exporter asks who has it.
    sites = ", ".join(f"('{source}')" for source in _SITES)
    part = f"lake.source, 0, site_name, {_ALL} FROM (VALUES {sites}) AS lake (source), {{}}"
    _note("tenant_sites", part, list(_SITES))
    op.get_bind().exec_driver_sql(_WINDOWS)
    for event in ("insert", "update"):
        _trigger("collected_windows", event, _TRIGGERS[event])
    op.get_bind().exec_driver_sql(_CATALOGUE)
    op.execute("""
        ALTER TABLE changed_parts ADD COLUMN refused TEXT;
        COMMENT ON COLUMN changed_parts.refused IS
            'Why the lake could not be given the part; NULL: not tried yet';
    """)


def _note(table: str, parts: str, sources: list[str]) -> None:
    """Have statements on a table note parts.

    Args:
        table: whose statements.
        parts: what is selected of the rows in {}: source, tenant, key and day. One plain SELECT:
            a join costs a lone reading twice as much.
        sources: of which tables of the lake a TRUNCATE marks all parts.
    """
    into = "INSERT INTO changed_parts (reader, source, tenant_id, key, day)"
    gone, came = (f"SELECT DISTINCT 'lake', {parts.format(rows)}" for rows in ("gone", "came"))
    every = ", ".join(f"('lake', '{source}', 0, '', {_ALL})" for source in sources)
    op.execute(f"""
        CREATE FUNCTION note_lake_{table}() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF TG_OP = 'INSERT' THEN
                {into} {came};
            ELSIF TG_OP = 'UPDATE' THEN
                {into} {gone} UNION {came};
            ELSIF TG_OP = 'DELETE' THEN
                {into} {gone};
            ELSE
                {into} VALUES {every};
            END IF;
            RETURN NULL;
        END $$;
    """)
    for event, on in _TRIGGERS.items():
        _trigger(table, event, on)


def _trigger(table: str, event: str, on: str) -> None:
    op.execute(f"""
        CREATE TRIGGER note_lake_{event} AFTER {on.format(table)}
            FOR EACH STATEMENT EXECUTE FUNCTION note_lake_{table}();
        ALTER TABLE {table} ENABLE ALWAYS TRIGGER note_lake_{event};
    """)


_WINDOWS = """
    CREATE FUNCTION note_lake_collected_windows() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO changed_parts (reader, source, tenant_id, key, day)
        SELECT DISTINCT 'lake', 'timeseries_raw', 0, site_name, CAST(day AS date)
        FROM came, generate_series(
            date_trunc('day', window_start AT TIME ZONE 'UTC'),
            window_end AT TIME ZONE 'UTC' - interval '1 microsecond', interval '1 day') AS day
        WHERE CAST(counts ->> 'inserted' AS bigint) > 0;
        RETURN NULL;
    END $$;
"""

_CATALOGUE = """
    CREATE SCHEMA IF NOT EXISTS ingestion_lake;
    COMMENT ON SCHEMA ingestion_lake IS 'Catalogue of the lake; of runs alone';
    CREATE TABLE ingestion_lake.iceberg_tables (
        catalog_name VARCHAR(255) NOT NULL,
        table_namespace VARCHAR(255) NOT NULL,
        table_name VARCHAR(255) NOT NULL,
        metadata_location VARCHAR(1000),
        previous_metadata_location VARCHAR(1000),
        iceberg_type VARCHAR(5),
        PRIMARY KEY (catalog_name, table_namespace, table_name)
    );
    COMMENT ON TABLE ingestion_lake.iceberg_tables IS
        'Tables of the lake: Iceberg''s JDBC catalogue, as pyiceberg reads and writes it';
    COMMENT ON COLUMN ingestion_lake.iceberg_tables.catalog_name IS 'Name of the catalogue';
    COMMENT ON COLUMN ingestion_lake.iceberg_tables.table_namespace IS
        'Whose it is: tenant_N (tenants.tenant_id), operator or shared';
    COMMENT ON COLUMN ingestion_lake.iceberg_tables.table_name IS
        'Name of the table, as here in the database';
    COMMENT ON COLUMN ingestion_lake.iceberg_tables.metadata_location IS
        'Where its newest metadata file is: what a commit changes';
    COMMENT ON COLUMN ingestion_lake.iceberg_tables.previous_metadata_location IS
        'Where the one before is; NULL: there was none';
    COMMENT ON COLUMN ingestion_lake.iceberg_tables.iceberg_type IS
        'TABLE or VIEW; NULL: of before views, a table';
    CREATE TABLE ingestion_lake.iceberg_namespace_properties (
        catalog_name VARCHAR(255) NOT NULL,
        namespace VARCHAR(255) NOT NULL,
        property_key VARCHAR(255) NOT NULL,
        property_value VARCHAR(1000) NOT NULL,
        PRIMARY KEY (catalog_name, namespace, property_key)
    );
    COMMENT ON TABLE ingestion_lake.iceberg_namespace_properties IS
        'Namespaces of the lake with their properties: a row a property';
    COMMENT ON COLUMN ingestion_lake.iceberg_namespace_properties.catalog_name IS
        'Name of the catalogue';
    COMMENT ON COLUMN ingestion_lake.iceberg_namespace_properties.namespace IS
        'The namespace: tenant_N (tenants.tenant_id), operator or shared';
    COMMENT ON COLUMN ingestion_lake.iceberg_namespace_properties.property_key IS
        'Name of the property; exists: the namespace is there';
    COMMENT ON COLUMN ingestion_lake.iceberg_namespace_properties.property_value IS
        'Value of the property';
"""
