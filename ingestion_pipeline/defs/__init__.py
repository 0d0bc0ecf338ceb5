"""Instances: a folder a configured source, its `defs.yaml`; no Python. Reserved."""
