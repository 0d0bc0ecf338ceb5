"""The schema, step by step; run by `database.upgrade`."""
