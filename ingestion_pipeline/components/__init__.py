"""The types that a `defs.yaml` may name. Reserved."""
