"""Marts: they hold what their source tables say, whatever happens in between."""
