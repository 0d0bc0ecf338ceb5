"""How old what is made of markets may be: for health, for checks, and for Dagster's freshness."""

from datetime import timedelta

FETCHED_WITHIN = timedelta(days=2)  # a series is fetched every day
# Macro data is renewed when it is read, and at the least by the warming every six hours.
WARMED_WITHIN = timedelta(hours=7)
