"""What happened: tenants, uploads, jobs, attempts. Imports neither dagster nor fastapi."""
