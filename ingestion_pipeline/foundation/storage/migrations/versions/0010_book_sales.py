"""Book sales: events of all platforms and their daily sums; Gumroad's Pings and syncs."""

from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.execute("""
        CREATE TABLE sales_events (
            tenant_id integer NOT NULL,
            platform text NOT NULL,
            external_id text NOT NULL,
            event_type text NOT NULL,
            report text NOT NULL,
            -- Rows of reports that may be one another's correction share it.
            natural_key text,
            occurred_at timestamptz NOT NULL,
            date_precision text NOT NULL,
            title text,
            author text,
            asin text,
            isbn text,
            marketplace text,
            quantity integer NOT NULL,
            list_price numeric(14, 4),
            amount numeric(14, 4),
            currency text,
            raw jsonb NOT NULL,
            source_file text NOT NULL,
            source_row bigint NOT NULL,
            job_id bigint,
            received_at timestamptz NOT NULL,
            recorded_at timestamptz NOT NULL DEFAULT now(),
            updated_at timestamptz,
            CONSTRAINT sales_events_pkey PRIMARY KEY (tenant_id, platform, external_id),
            CONSTRAINT sales_events_event_type_check
                CHECK (event_type IN ('sale', 'refund', 'borrow_pages', 'free', 'payment')),
            CONSTRAINT sales_events_date_precision_check CHECK (date_precision IN ('day', 'month'))
        );
        CREATE INDEX sales_events_natural_key_idx ON sales_events (tenant_id, platform, natural_key)
            WHERE natural_key IS NOT NULL;
        CREATE INDEX sales_events_occurred_at_idx ON sales_events (platform, occurred_at);

        CREATE TABLE daily_sales (
            tenant_id integer NOT NULL,
            day date NOT NULL,
            platform text NOT NULL,
            title text NOT NULL,
            marketplace text NOT NULL,
            currency text NOT NULL,
            events bigint NOT NULL,
            units bigint NOT NULL,
            refunded_units bigint NOT NULL,
            free_units bigint NOT NULL,
            pages bigint NOT NULL,
            amount numeric(18, 4) NOT NULL,
            pending_events bigint NOT NULL,
            CONSTRAINT daily_sales_pkey
                PRIMARY KEY (tenant_id, day, platform, title, marketplace, currency)
        );
        CREATE INDEX daily_sales_platform_idx ON daily_sales (platform);

        CREATE TABLE gumroad_pings (
            ping_id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
            tenant_id integer NOT NULL,
            sale_id text NOT NULL,
            resource_name text NOT NULL,
            fields jsonb NOT NULL,
            received_at timestamptz NOT NULL DEFAULT now(),
            job_id bigint,
            CONSTRAINT gumroad_pings_pkey PRIMARY KEY (ping_id),
            CONSTRAINT gumroad_pings_tenant_id_sale_id_resource_name_key
                UNIQUE (tenant_id, sale_id, resource_name)
        );

        CREATE TABLE gumroad_ping_tokens (
            sha256 bytea NOT NULL,
            tenant_id integer NOT NULL,
            created_at timestamptz NOT NULL DEFAULT now(),
            revoked_at timestamptz,
            CONSTRAINT gumroad_ping_tokens_pkey PRIMARY KEY (sha256)
        );

        CREATE TABLE gumroad_syncs (
            tenant_id integer NOT NULL,
            account text NOT NULL,
            synced_until date NOT NULL,
            synced_at timestamptz NOT NULL DEFAULT now(),
            CONSTRAINT gumroad_syncs_pkey PRIMARY KEY (tenant_id, account)
        );
    """)
