"""How old what is made of buildings may be: for health, for checks, and for Dagster's freshness."""

from datetime import timedelta

COLLECTED_WITHIN = timedelta(days=2)  # a day is collected after it is over
SNAPSHOT_WITHIN = timedelta(hours=3)  # the weather is kept every hour
ARCHIVED_WITHIN = timedelta(days=32)  # once a month
