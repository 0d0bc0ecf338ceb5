"""Payments settle their months: one that changes has all months of its seller worked out anew.

A payment is of other months than the one in which it was made, and only the mart knows of which;
there are few, so it stands for all. What is there already is marked so. Comments of marts say what
has become of their columns since.
"""

from alembic import op

revision = "0039"
down_revision = "0038"


def upgrade() -> None:
    op.execute("""
        CREATE INDEX sales_events_payments_idx ON sales_events (tenant_id, platform)
        WHERE event_type = 'payment'
    """)
    op.execute("""
        CREATE OR REPLACE FUNCTION note_changed_sales_events() RETURNS trigger LANGUAGE plpgsql
        AS $$
        BEGIN
            INSERT INTO changed_parts (source, tenant_id, key, day)
            SELECT DISTINCT 'sales_events', tenant_id, platform,
                   CASE WHEN event_type = 'payment' THEN CAST('infinity' AS date)
                   ELSE CAST(date_trunc('month', occurred_at AT TIME ZONE 'UTC') AS date) END
            FROM changed;
            RETURN NULL;
        END $$;
    """)
    op.execute("""
        INSERT INTO changed_parts (source, tenant_id, key, day)
        SELECT DISTINCT 'sales_events', tenant_id, platform, CAST('infinity' AS date)
        FROM sales_events WHERE event_type = 'payment'
    """)
    op.get_bind().exec_driver_sql(_COMMENTS)


_COMMENTS = """
    COMMENT ON COLUMN building_hours.occupied_minutes IS
        'Minutes of occupied hours (weekdays 8 to 18 by the tenant''s clock) that samples of '
        'good quality stand for, each until the next, at most a quarter of an hour; NULL: the '
        'samples were archived before';
    COMMENT ON COLUMN building_hours.comfort_minutes IS
        'Those of them at 20 to 26 °C, both inclusive; NULL: no temperature, archived, or the '
        'hour has several units';
    COMMENT ON COLUMN building_hours.lower_limit IS
        'Highest minimum of the rules for the point that were active when the minutes were '
        'worked out; NULL: none';
    COMMENT ON COLUMN building_hours.upper_limit IS
        'Lowest maximum of the rules for the point that were active when the minutes were '
        'worked out, 1000 where it is co2 and no rule says one; NULL: none';
    COMMENT ON COLUMN building_hours.minutes_below IS
        'Those of occupied_minutes below lower_limit; NULL: no limit, archived, or the hour has'
        ' several units';
    COMMENT ON COLUMN building_hours.minutes_above IS
        'Those of occupied_minutes above upper_limit; NULL: no limit, archived, or the hour has'
        ' several units';
    COMMENT ON COLUMN orders_daily.orders IS
        'Orders that count: neither cancelled nor returns; those without items, or of nothing '
        '(total 0), count, too';
    COMMENT ON COLUMN orders_daily.discounts IS
        'Sum of discount_amount of orders that count, as far as it is told beside the items'' '
        'prices, in currency';
    COMMENT ON COLUMN orders_daily.refunds IS
        'Sum of refunded_amount, and of returns, positive, in currency; on the day of the '
        'order, whenever the money went back';
    COMMENT ON COLUMN orders_daily.new_customers IS
        'Customers of these orders with none before the day, in any currency; who orders in two'
        ' currencies that day is in both rows';
    COMMENT ON COLUMN orders_daily.returning_customers IS
        'Customers of these orders with another before the day, in any currency';
    COMMENT ON COLUMN orders_daily.returns IS
        'Orders whose total, refunds not taken off, is below 0: money that goes back';
    COMMENT ON TABLE book_income_daily IS
        'Income of books by day, title, platform, marketplace and currency; payments are not '
        'added to it, they say what it came to';
    COMMENT ON COLUMN book_income_daily.title IS
        'Title of the book; empty: not told, or what a payment is beyond what reports say';
    COMMENT ON COLUMN book_income_daily.basis IS
        'settled: what the seller says is final, or has paid for; estimated: a later report or '
        'payment of the month will take its place, or something is known to be missing. Never '
        'both of one sale';
    COMMENT ON COLUMN book_income_daily.income IS
        'What the author earns, in currency, before tax is withheld; an amount that is not '
        'known counts as 0';
    COMMENT ON COLUMN book_income_daily.events IS
        'Events that are summed up; 0: a payment''s income that no event tells';
    COMMENT ON COLUMN changed_parts.day IS
        'UTC day of the rows, of book sales the first of the month; -infinity: the source has '
        'none; infinity: all days (a payment may be of any), which the reader first puts as '
        'parts of their own';
"""
