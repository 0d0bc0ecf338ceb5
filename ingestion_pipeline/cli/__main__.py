"""`python -m ingestion_pipeline.cli`."""

from ingestion_pipeline.cli.app import main

main()
