"""The database and what stands on it. Imports neither dagster nor fastapi."""
