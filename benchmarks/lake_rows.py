"""Rows that the lake's benchmark is about, written by SQL, with their marks."""

from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from ingestion_pipeline.domains.buildings.merge.months import Month, ensure_month
from ingestion_pipeline.foundation.ledger import tenants
from ingestion_pipeline.foundation.storage import roles, schema

FIRST = datetime(2026, 1, 1, tzinfo=UTC)
_SAMPLES = """
    INSERT INTO timeseries_raw (site_name, point_name, timestamp, value, quality, metadata)
    SELECT CAST(:site AS text), 'floor-' || point % 9 || '/sensor-' || point,
           CAST(:first AS timestamptz) + at * interval '1 day' / :times,
           round(CAST(20 + 5 * sin(at / 200.0 + point) + random() AS numeric), 2), 'good', '{}'
    FROM generate_series(0, :points - 1) AS point, generate_series(0, :times - 1) AS at
"""


class Filling:
    """The rows, in a database of the benchmark's own; a site's are a tenant's."""

    def __init__(self, url: str) -> None:
        self.engine = sa.create_engine(url)
        schema.upgrade(self.engine)
        roles.ensure(self.engine)
        with self.engine.begin() as connection:
            self.tenant = tenants.ensure(connection, "benchmark")
            for site in ("plant", "large"):
                connection.execute(
                    sa.text("INSERT INTO tenant_sites (tenant_id, site_name) VALUES (:t, :site)"),
                    {"t": self.tenant, "site": site},
                )
            for month in (1, 2, 3):
                ensure_month(connection, Month.of(FIRST.replace(month=month)))

    def samples(self, days: int) -> None:
        """A sample a minute of 120 points: 172,800 a day; a day after the other, as they come."""
        for day in range(days):
            first = FIRST + timedelta(days=day)
            self._run(_SAMPLES, site="plant", first=first, points=120, times=1440)
        self._vacuum("timeseries_raw")

    def large(self) -> None:
        """A day of a site with two million samples, one every ten seconds."""
        self._run(_SAMPLES, site="large", first=FIRST, points=232, times=8640)
        self._vacuum("timeseries_raw")

    def mark_days(self, days: int) -> None:
        """All days of the site, as if each had changed."""
        self._run(
            """
            INSERT INTO changed_parts (reader, source, tenant_id, key, day)
            SELECT 'lake', 'timeseries_raw', 0, 'plant', CAST(:first AS date) + n
            FROM generate_series(0, :days - 1) AS n
            """,
            first=FIRST.date(), days=days,
        )  # fmt: skip

    def change_day(self) -> None:
        """One sample of the site's third day."""
        self._run(
            """
            UPDATE timeseries_raw SET value = 7 WHERE site_name = 'plant'
                AND point_name = 'floor-7/sensor-7'
                AND timestamp = CAST(:first AS timestamptz) + interval '2 days'
            """,
            first=FIRST,
        )

    def order_items(self) -> None:
        """500,000 lines; what they refer to is not asked for."""
        self._run("""
            INSERT INTO order_items (tenant_id, order_item_id, order_id, product_id, quantity,
                                     unit_price, line_total, upload_id)
            SELECT :t, gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), 1 + n % 5,
                   n % 90 + 0.99, (n % 90 + 0.99) * (1 + n % 5), 0
            FROM generate_series(1, 500000) AS n
        """)
        self._vacuum("order_items")

    def correct(self) -> None:
        """50,000 of them, here and there, so that all partitions have some."""
        self._run("""
            UPDATE order_items SET unit_price = unit_price + 1, line_total = line_total + quantity
            WHERE (tenant_id, order_item_id) IN (
                SELECT tenant_id, order_item_id FROM order_items ORDER BY order_id LIMIT 50000)
        """)

    def points(self) -> None:
        """Ten readings a day for 1,000 days."""
        self._run(
            """
            INSERT INTO kpi_points (tenant_id, kpi_id, observed_at, value, timestamp_text, kpi_type,
                                    trace_id, in_order)
            SELECT :t, 'k', CAST(:first AS timestamptz) - day * interval '1 day'
                       + n * interval '1 hour', n, '', 'b', 't', true
            FROM generate_series(1, 1000) AS day, generate_series(0, 9) AS n
            """,
            first=FIRST,
        )
        self._vacuum("kpi_points")

    def change_point(self) -> None:
        """One reading."""
        self._run(
            "UPDATE kpi_points SET value = 7 WHERE observed_at = "
            "CAST(:first AS timestamptz) - interval '500 days'",
            first=FIRST,
        )

    def close(self) -> None:
        """Let the server end."""
        self.engine.dispose()

    def _run(self, statement: str, **values: object) -> None:
        text = sa.text(statement)
        known = {"t": self.tenant, **values}
        with self.engine.begin() as connection:
            # References are not looked up; the ledger's triggers fire ALWAYS.
            connection.exec_driver_sql("SET LOCAL session_replication_role = replica")
            connection.execute(text, {name: known[name] for name in text.compile().params})

    def _vacuum(self, table: str) -> None:
        autocommit = self.engine.execution_options(isolation_level="AUTOCOMMIT")
        with autocommit.connect() as connection:
            connection.exec_driver_sql(f"VACUUM ANALYZE {table}")
            connection.exec_driver_sql("CHECKPOINT")  # nobody pays for what was written before
