"""Book sales: events that are provisional, or as of a time; what Gumroad told is kept whole.

A sale's Pings are kept however many there are (several refunds tell nothing but their being), and
what the API says of a sale is kept beside them: its events are worked out from all of it. Pings of
before have no `gift_at`, which is only where to look for a gift's other half: when they came in is
near enough.
"""

from alembic import op

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    op.execute("LOCK TABLE sales_events, gumroad_pings, gumroad_syncs IN ACCESS EXCLUSIVE MODE")
    op.execute("""
        ALTER TABLE sales_events
            -- Something is known to be missing, for instance the amount of a refund.
            ADD COLUMN provisional boolean NOT NULL DEFAULT false,
            -- What the report says of its own time; NULL: it says nothing.
            ADD COLUMN as_of timestamptz;

        CREATE TABLE gumroad_sales (
            tenant_id integer NOT NULL,
            sale_id text NOT NULL,
            fields jsonb NOT NULL,
            -- When the API was asked.
            told_at timestamptz NOT NULL,
            -- False: made of what versions before had kept, which was less.
            complete boolean NOT NULL DEFAULT true,
            -- Half of a gift, and when it was bought.
            gift_at timestamptz,
            CONSTRAINT gumroad_sales_pkey PRIMARY KEY (tenant_id, sale_id)
        );
        CREATE INDEX gumroad_sales_gift_at_idx ON gumroad_sales (tenant_id, gift_at)
            WHERE gift_at IS NOT NULL;
        ALTER TABLE gumroad_sales ENABLE ROW LEVEL SECURITY;
        CREATE POLICY own_rows ON gumroad_sales FOR SELECT USING (tenant_id =
            (SELECT tenant_id FROM tenant_readers WHERE role_name = current_user::text));

        ALTER TABLE gumroad_pings
            DROP CONSTRAINT gumroad_pings_tenant_id_sale_id_resource_name_key,
            ADD COLUMN gift_at timestamptz;
        UPDATE gumroad_pings SET gift_at = received_at
            WHERE lower(fields ->> 'is_gift_receiver_purchase') IN ('true', '1', 'yes');
        CREATE INDEX gumroad_pings_sale_idx ON gumroad_pings (tenant_id, sale_id, ping_id);
        CREATE INDEX gumroad_pings_gift_at_idx ON gumroad_pings (tenant_id, gift_at)
            WHERE gift_at IS NOT NULL;

        -- When sales of long ago were last asked for: refunds come months later.
        ALTER TABLE gumroad_syncs ADD COLUMN looked_back_at timestamptz;
    """)
