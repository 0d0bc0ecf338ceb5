"""Book sales: the currency of a list price where it is another one, and units that came back.

Events of reports that were stored before have no `as_of`: whatever report comes next is newer.
Prices of Smashwords were labelled with the dollars of their amounts; their own currency is in raw.
"""

from alembic import op

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    op.execute("""
        ALTER TABLE sales_events
            -- Of list_price, where it is another than that of the amount.
            ADD COLUMN list_currency text,
            -- Units that came back, also where more were sold in the same row.
            ADD COLUMN refunded_units integer NOT NULL DEFAULT 0;

        UPDATE sales_events SET list_currency = upper(raw ->> 'currency')
            WHERE platform = 'smashwords' AND list_price IS NOT NULL
                AND raw ->> 'currency' ~ '^[A-Za-z]{3}$';
        UPDATE sales_events SET list_price = NULL
            WHERE platform = 'smashwords' AND list_currency IS NULL;
        UPDATE sales_events SET refunded_units = GREATEST(
                -quantity, 0, CASE WHEN said ~ '^[0-9]{1,8}([.]0*)?$' THEN said::numeric ELSE 0 END)
            FROM (
                SELECT tenant_id, platform, external_id, btrim(COALESCE(
                    raw ->> 'Units Refunded', raw ->> 'Unidades devueltas',
                    raw ->> 'Unidades reembolsadas', raw ->> 'Units Returned', '')) AS said
                FROM sales_events) AS rows
            WHERE sales_events.tenant_id = rows.tenant_id
                AND sales_events.platform = rows.platform
                AND sales_events.external_id = rows.external_id
                AND sales_events.event_type <> 'borrow_pages'
                AND (said <> '' OR event_type = 'refund');
    """)
