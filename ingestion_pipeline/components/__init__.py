"""The types that a `defs.yaml` may name: `ingestion_pipeline.components.AceIotSite`, …

Dagster's face of `foundation/described`, which has the attributes of each kind and reads the
files for all who are not Dagster. Light to import: `dg`, the UI and every run load this module.

ace_iot_site.py    A building site of the ACE IoT API
fred_series.py     A list of series of FRED
http_series.py     An HTTP API of JSON or CSV, by a mapping
kit.py             What they share: the schema, the example that `dg scaffold` writes, the asset
intake/            Sources of files: assets, checks, a sensor, the drop folder
loading.py         The definitions of all files; one at fault is an asset that says so
mapped_files.py    Files of any shape, by a mapping
series/            APIs: assets, checks, schedules
"""

from ingestion_pipeline.components.ace_iot_site import AceIotSite
from ingestion_pipeline.components.fred_series import FredSeries
from ingestion_pipeline.components.http_series import HttpSeries
from ingestion_pipeline.components.mapped_files import MappedFiles

__all__ = ["AceIotSite", "FredSeries", "HttpSeries", "MappedFiles"]
