"""Five kinds of company data into one PostgreSQL database, with Dagster."""
