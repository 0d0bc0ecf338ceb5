"""Markets: fundamentals, comparables, FRED's observations with all their vintages."""

from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.execute("""
        CREATE TABLE market_fundamentals (
            tenant_id integer NOT NULL,
            market_slug text NOT NULL,
            as_of_date date NOT NULL,
            city text,
            vacancy_rate_pct numeric NOT NULL,
            avg_asking_rent_psf_yr_nnn numeric NOT NULL,
            yoy_rent_growth_pct numeric NOT NULL,
            avg_cap_rate_pct numeric NOT NULL,
            under_construction_sf numeric,
            absorption_sf_ytd numeric,
            inventory_sf numeric,
            source text NOT NULL,
            -- Of the event that wrote it last; an event that was sent earlier changes nothing.
            ingestion_id text NOT NULL,
            sent_at timestamptz NOT NULL,
            version integer NOT NULL DEFAULT 1,
            updated_at timestamptz NOT NULL DEFAULT now(),
            CONSTRAINT market_fundamentals_pkey PRIMARY KEY (tenant_id, market_slug, as_of_date)
        );

        CREATE TABLE market_comps (
            tenant_id integer NOT NULL,
            market_slug text NOT NULL,
            comp_key text NOT NULL,
            comp_id text,
            sale_date date NOT NULL,
            building_sf numeric NOT NULL,
            price_per_sf_usd numeric NOT NULL,
            cap_rate_pct numeric,
            noi_annual numeric,
            year_built numeric,
            occupancy_pct numeric,
            address text,
            city text,
            submarket text,
            building_class text,
            source text NOT NULL,
            ingestion_id text NOT NULL,
            sent_at timestamptz NOT NULL,
            version integer NOT NULL DEFAULT 1,
            updated_at timestamptz NOT NULL DEFAULT now(),
            CONSTRAINT market_comps_pkey PRIMARY KEY (tenant_id, market_slug, comp_key)
        );

        CREATE TABLE macro_series (
            series_id text NOT NULL,
            -- Of the newest success; `error` is of the newest failure since.
            fetched_at timestamptz,
            checked_at timestamptz NOT NULL DEFAULT now(),
            error text,
            CONSTRAINT macro_series_pkey PRIMARY KEY (series_id)
        );

        CREATE TABLE macro_observations (
            series_id text NOT NULL,
            date date NOT NULL,
            -- The days on which this was what was known of the date, both inclusive.
            realtime_start date NOT NULL,
            realtime_end date NOT NULL,
            value numeric,
            recorded_at timestamptz NOT NULL DEFAULT now(),
            CONSTRAINT macro_observations_pkey PRIMARY KEY (series_id, date, realtime_start)
        );
    """)
