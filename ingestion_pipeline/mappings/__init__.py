"""Mappings that come with the project: a YAML file a layout of a platform, and no Python.

Each has a page in docs/sources/ and a synthetic sample in ingestion_pipeline_tests/mappings/.
"""
