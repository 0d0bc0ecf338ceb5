"""Instances: a folder a configured source, its `defs.yaml`; no Python.

`dg scaffold defs ingestion_pipeline.components.AceIotSite plant-1` makes one. What is here comes
with the package, so it is empty; `DEFS_FOLDER` names a folder of your own.
"""
