"""Marts: what readers ask for every day, worked out once.

They are empty until the first refresh, which makes all of them of what is there.
"""

from alembic import op

revision = "0032"
down_revision = "0031"

_MINE = "(SELECT tenant_id FROM tenant_readers WHERE role_name = current_user::text)"
_BY_TENANT = ("kpi_hourly", "kpi_daily", "orders_daily", "customer_days", "book_income_daily")


def upgrade() -> None:
    op.get_bind().exec_driver_sql(_TABLES)
    for table in _BY_TENANT:
        op.execute(f"""
            ALTER TABLE {table} ENABLE ROW LEVEL SECURITY;
            CREATE POLICY own_rows ON {table} FOR SELECT USING (tenant_id = {_MINE});
        """)
    op.execute(f"""
        ALTER TABLE building_hours ENABLE ROW LEVEL SECURITY;
        CREATE POLICY own_rows ON building_hours FOR SELECT USING (site_name = ANY (ARRAY(
            SELECT tenant_sites.site_name FROM tenant_sites
            WHERE tenant_sites.tenant_id = {_MINE})));
    """)  # noqa: S608


_TABLES = """
    CREATE TABLE kpi_hourly (
        tenant_id INTEGER NOT NULL,
        kpi_id TEXT NOT NULL,
        hour TIMESTAMP WITH TIME ZONE NOT NULL,
        points INTEGER NOT NULL,
        minimum DOUBLE PRECISION NOT NULL,
        maximum DOUBLE PRECISION NOT NULL,
        mean DOUBLE PRECISION NOT NULL,
        first DOUBLE PRECISION NOT NULL,
        last DOUBLE PRECISION NOT NULL,
        CONSTRAINT kpi_hourly_pkey PRIMARY KEY (tenant_id, kpi_id, hour)
    );
    COMMENT ON TABLE kpi_hourly IS
        'KPIs by UTC hour: a row a tenant, KPI and hour that has readings';
    COMMENT ON COLUMN kpi_hourly.tenant_id IS 'Whose row it is (tenants.tenant_id)';
    COMMENT ON COLUMN kpi_hourly.kpi_id IS 'Which KPI, as the sender calls it (kpiId)';
    COMMENT ON COLUMN kpi_hourly.hour IS 'Start of the hour, UTC';
    COMMENT ON COLUMN kpi_hourly.points IS 'Readings of the hour';
    COMMENT ON COLUMN kpi_hourly.minimum IS 'Smallest value, in the KPI''s own unit';
    COMMENT ON COLUMN kpi_hourly.maximum IS 'Largest value, in the KPI''s own unit';
    COMMENT ON COLUMN kpi_hourly.mean IS 'Mean of the values, in the KPI''s own unit';
    COMMENT ON COLUMN kpi_hourly.first IS 'Value of the first reading';
    COMMENT ON COLUMN kpi_hourly.last IS 'Value of the last reading';
    CREATE TABLE kpi_daily (
        tenant_id INTEGER NOT NULL,
        kpi_id TEXT NOT NULL,
        day DATE NOT NULL,
        points INTEGER NOT NULL,
        minimum DOUBLE PRECISION NOT NULL,
        maximum DOUBLE PRECISION NOT NULL,
        mean DOUBLE PRECISION NOT NULL,
        last DOUBLE PRECISION NOT NULL,
        usual_low DOUBLE PRECISION,
        usual_middle DOUBLE PRECISION,
        usual_high DOUBLE PRECISION,
        CONSTRAINT kpi_daily_pkey PRIMARY KEY (tenant_id, kpi_id, day)
    );
    COMMENT ON TABLE kpi_daily IS
        'KPIs by the tenant''s day: a row a tenant, KPI and day that has readings';
    COMMENT ON COLUMN kpi_daily.tenant_id IS 'Whose row it is (tenants.tenant_id)';
    COMMENT ON COLUMN kpi_daily.kpi_id IS 'Which KPI, as the sender calls it (kpiId)';
    COMMENT ON COLUMN kpi_daily.day IS 'The day, by the clock of the tenant''s time zone';
    COMMENT ON COLUMN kpi_daily.points IS 'Readings of the day';
    COMMENT ON COLUMN kpi_daily.minimum IS 'Smallest value, in the KPI''s own unit';
    COMMENT ON COLUMN kpi_daily.maximum IS 'Largest value, in the KPI''s own unit';
    COMMENT ON COLUMN kpi_daily.mean IS 'Mean of the values, in the KPI''s own unit';
    COMMENT ON COLUMN kpi_daily.last IS 'Value of the last reading';
    COMMENT ON COLUMN kpi_daily.usual_low IS
        'Least that was usual for the day''s mean, from the days before alone; NULL: too few '
        'of them';
    COMMENT ON COLUMN kpi_daily.usual_middle IS
        'What was usual for the day''s mean, from the days before alone; NULL: too few of them';
    COMMENT ON COLUMN kpi_daily.usual_high IS
        'Most that was usual for the day''s mean, from the days before alone; NULL: too few of '
        'them';
    CREATE TABLE building_hours (
        site_name TEXT COLLATE "C" NOT NULL,
        point_name TEXT COLLATE "C" NOT NULL,
        hour TIMESTAMP WITH TIME ZONE NOT NULL,
        unit TEXT COLLATE "C" DEFAULT '' NOT NULL,
        room TEXT COLLATE "C" NOT NULL,
        measure TEXT NOT NULL,
        samples INTEGER NOT NULL,
        minimum DOUBLE PRECISION,
        maximum DOUBLE PRECISION,
        mean DOUBLE PRECISION,
        coverage DOUBLE PRECISION NOT NULL,
        occupied_minutes DOUBLE PRECISION,
        comfort_minutes DOUBLE PRECISION,
        lower_limit DOUBLE PRECISION,
        upper_limit DOUBLE PRECISION,
        minutes_below DOUBLE PRECISION,
        minutes_above DOUBLE PRECISION,
        CONSTRAINT building_hours_pkey PRIMARY KEY (site_name, point_name, hour, unit)
    );
    CREATE INDEX building_hours_hour_idx ON building_hours USING brin (hour);
    COMMENT ON TABLE building_hours IS
        'Points of buildings by UTC hour, with comfort and limits: a row a site, point, hour '
        'and unit';
    COMMENT ON COLUMN building_hours.site_name IS 'The building, as the source calls its site';
    COMMENT ON COLUMN building_hours.point_name IS
        'The measuring point of the site, as the source calls it';
    COMMENT ON COLUMN building_hours.hour IS 'Start of the hour, UTC';
    COMMENT ON COLUMN building_hours.unit IS
        'Unit of the values as the source writes it; empty: it says none';
    COMMENT ON COLUMN building_hours.room IS
        'What stands before the last / of the point''s name; empty: nothing';
    COMMENT ON COLUMN building_hours.measure IS
        'temperature, where the unit is °C or °F; co2, where the name says it and the unit is '
        'ppm or none; empty: another';
    COMMENT ON COLUMN building_hours.samples IS 'How many samples there are';
    COMMENT ON COLUMN building_hours.minimum IS 'Smallest value; NULL: no number of good quality';
    COMMENT ON COLUMN building_hours.maximum IS 'Largest value; NULL: no number of good quality';
    COMMENT ON COLUMN building_hours.mean IS 'Mean of the values; NULL: no number of good quality';
    COMMENT ON COLUMN building_hours.coverage IS
        'Share of the quarters of the hour that have a sample, 0 to 1';
    COMMENT ON COLUMN building_hours.occupied_minutes IS
        'Minutes of occupied hours (weekdays 8 to 18 by the tenant''s clock) that samples '
        'stand for, each until the next, at most a quarter of an hour; NULL: the samples were '
        'archived before';
    COMMENT ON COLUMN building_hours.comfort_minutes IS
        'Those of them at 20 to 26 °C, both inclusive; NULL: no temperature, or archived';
    COMMENT ON COLUMN building_hours.lower_limit IS
        'Highest minimum of the active rules for the point; NULL: none';
    COMMENT ON COLUMN building_hours.upper_limit IS
        'Lowest maximum of the active rules for the point, 1000 where it is co2 and no rule '
        'says one; NULL: none';
    COMMENT ON COLUMN building_hours.minutes_below IS
        'Those of occupied_minutes below lower_limit; NULL: no limit, or archived';
    COMMENT ON COLUMN building_hours.minutes_above IS
        'Those of occupied_minutes above upper_limit; NULL: no limit, or archived';
    CREATE TABLE orders_daily (
        tenant_id INTEGER NOT NULL,
        day DATE NOT NULL,
        currency TEXT NOT NULL,
        orders INTEGER NOT NULL,
        gross NUMERIC(20, 4) NOT NULL,
        discounts NUMERIC(20, 4) NOT NULL,
        refunds NUMERIC(20, 4) NOT NULL,
        net NUMERIC(20, 4) NOT NULL,
        average NUMERIC(20, 4),
        new_customers INTEGER NOT NULL,
        returning_customers INTEGER NOT NULL,
        returns INTEGER NOT NULL,
        cancelled INTEGER NOT NULL,
        cancelled_amount NUMERIC(20, 4) NOT NULL,
        CONSTRAINT orders_daily_pkey PRIMARY KEY (tenant_id, day, currency)
    );
    COMMENT ON TABLE orders_daily IS
        'Orders by the tenant''s day: a row a tenant, day and currency';
    COMMENT ON COLUMN orders_daily.tenant_id IS 'Whose row it is (tenants.tenant_id)';
    COMMENT ON COLUMN orders_daily.day IS
        'The day, by the clock of the tenant''s time zone: when it was ordered';
    COMMENT ON COLUMN orders_daily.currency IS 'ISO 4217, of the orders; never added across';
    COMMENT ON COLUMN orders_daily.orders IS
        'Orders that count: neither cancelled nor returns; those without items count, too';
    COMMENT ON COLUMN orders_daily.gross IS
        'net + discounts + refunds: what was ordered, in currency';
    COMMENT ON COLUMN orders_daily.discounts IS
        'Sum of discount_amount, as far as it is told beside the items'' prices, in currency';
    COMMENT ON COLUMN orders_daily.refunds IS
        'Sum of refunded_amount, and of returns (totals below 0), positive, in currency';
    COMMENT ON COLUMN orders_daily.net IS
        'Sum of total_amount, which is after discounts and refunds, without cancelled orders, '
        'in currency';
    COMMENT ON COLUMN orders_daily.average IS
        '(gross - discounts) / orders, in currency; NULL: no order counts';
    COMMENT ON COLUMN orders_daily.new_customers IS
        'Customers of these orders who never ordered before the day';
    COMMENT ON COLUMN orders_daily.returning_customers IS
        'Customers of these orders who ordered before the day';
    COMMENT ON COLUMN orders_daily.returns IS 'Orders with a total below 0: money that goes back';
    COMMENT ON COLUMN orders_daily.cancelled IS
        'Orders whose status says that they were cancelled or voided; in no other column';
    COMMENT ON COLUMN orders_daily.cancelled_amount IS
        'Sum of total_amount of cancelled orders, in no other column, in currency';
    CREATE TABLE customer_days (
        tenant_id INTEGER NOT NULL,
        customer_id UUID NOT NULL,
        day DATE NOT NULL,
        currency TEXT NOT NULL,
        orders INTEGER NOT NULL,
        CONSTRAINT customer_days_pkey PRIMARY KEY (tenant_id, customer_id, day, currency)
    );
    CREATE INDEX customer_days_day_idx ON customer_days (tenant_id, day);
    COMMENT ON TABLE customer_days IS
        'Days on which a customer ordered: a row a tenant, customer, day and currency';
    COMMENT ON COLUMN customer_days.tenant_id IS 'Whose row it is (tenants.tenant_id)';
    COMMENT ON COLUMN customer_days.customer_id IS 'The customer (customers.customer_id)';
    COMMENT ON COLUMN customer_days.day IS
        'The day, by the clock of the tenant''s time zone: when they ordered';
    COMMENT ON COLUMN customer_days.currency IS 'ISO 4217, of the orders';
    COMMENT ON COLUMN customer_days.orders IS 'Orders that count: neither cancelled nor returns';
    CREATE TABLE book_income_daily (
        tenant_id INTEGER NOT NULL,
        platform TEXT NOT NULL,
        month DATE NOT NULL,
        day DATE NOT NULL,
        title TEXT NOT NULL,
        marketplace TEXT NOT NULL,
        currency TEXT NOT NULL,
        basis TEXT NOT NULL,
        units BIGINT NOT NULL,
        units_refunded BIGINT NOT NULL,
        units_free BIGINT NOT NULL,
        pages_read BIGINT NOT NULL,
        income NUMERIC(20, 4) NOT NULL,
        events INTEGER NOT NULL,
        unknown_amounts INTEGER NOT NULL,
        CONSTRAINT book_income_daily_pkey PRIMARY KEY
            (tenant_id, platform, month, day, title, marketplace, currency, basis)
    );
    CREATE INDEX book_income_daily_day_idx ON book_income_daily (tenant_id, day);
    COMMENT ON TABLE book_income_daily IS
        'Income of books by day, title, platform, marketplace and currency; without payments';
    COMMENT ON COLUMN book_income_daily.tenant_id IS 'Whose row it is (tenants.tenant_id)';
    COMMENT ON COLUMN book_income_daily.platform IS
        'The seller: amazon_kdp, gumroad, smashwords, draft2digital or one of a mapping';
    COMMENT ON COLUMN book_income_daily.month IS
        'First of the sales month by the seller''s reports: what is settled, is by month';
    COMMENT ON COLUMN book_income_daily.day IS
        'The day, by the clock of the tenant''s time zone; where a report says a day and no '
        'time, that; the first of the month where only that is known';
    COMMENT ON COLUMN book_income_daily.title IS 'Title of the book; empty: not told';
    COMMENT ON COLUMN book_income_daily.marketplace IS 'Shop or country; empty: not told';
    COMMENT ON COLUMN book_income_daily.currency IS 'ISO 4217, of income; empty: not told';
    COMMENT ON COLUMN book_income_daily.basis IS
        'settled: what the seller says is final; estimated: a later report of the month will '
        'take its place, or something is known to be missing. Never both of one sale';
    COMMENT ON COLUMN book_income_daily.units IS
        'Units sold less those refunded; without free copies';
    COMMENT ON COLUMN book_income_daily.units_refunded IS 'Units that came back';
    COMMENT ON COLUMN book_income_daily.units_free IS 'Units given away';
    COMMENT ON COLUMN book_income_daily.pages_read IS 'Pages that were read';
    COMMENT ON COLUMN book_income_daily.income IS
        'What the author earns, in currency; an amount that is not known counts as 0';
    COMMENT ON COLUMN book_income_daily.events IS 'Events that are summed up';
    COMMENT ON COLUMN book_income_daily.unknown_amounts IS
        'Those of them without an amount, pages aside';
    CREATE TABLE macro_latest (
        series_id TEXT NOT NULL,
        observed_on DATE NOT NULL,
        newest BOOLEAN NOT NULL,
        value NUMERIC,
        known_since DATE NOT NULL,
        previous_on DATE,
        previous NUMERIC,
        change NUMERIC,
        year_before_on DATE,
        year_before NUMERIC,
        first_print NUMERIC,
        first_print_on DATE NOT NULL,
        revision NUMERIC,
        CONSTRAINT macro_latest_pkey PRIMARY KEY (series_id, observed_on)
    );
    COMMENT ON TABLE macro_latest IS
        'What is known now of macro series: a row a series and date that has a value';
    COMMENT ON COLUMN macro_latest.series_id IS 'Id of the series (macro_series.series_id)';
    COMMENT ON COLUMN macro_latest.observed_on IS 'Date of the observation';
    COMMENT ON COLUMN macro_latest.newest IS 'Whether it is the series'' newest: one row a series';
    COMMENT ON COLUMN macro_latest.value IS 'What is known now, in the series'' own unit';
    COMMENT ON COLUMN macro_latest.known_since IS 'First day on which that was known';
    COMMENT ON COLUMN macro_latest.previous_on IS
        'Date of the observation before, that has a value; NULL: there is none';
    COMMENT ON COLUMN macro_latest.previous IS
        'Value of the observation before; NULL: there is none';
    COMMENT ON COLUMN macro_latest.change IS 'value - previous; NULL: there is none before';
    COMMENT ON COLUMN macro_latest.year_before_on IS
        'Date of the newest observation at most a year and a week, at least a year before; '
        'NULL: there is none';
    COMMENT ON COLUMN macro_latest.year_before IS 'Value of that observation; NULL: there is none';
    COMMENT ON COLUMN macro_latest.first_print IS 'The first value that was published of the date';
    COMMENT ON COLUMN macro_latest.first_print_on IS 'First day on which that was known';
    COMMENT ON COLUMN macro_latest.revision IS 'value - first_print';
"""
