"""The wire of buildings: shapes, rules, answers; pure.

ages.py       How old what is made may be: for health, checks and Dagster
instants.py   When a sample was taken: ISO 8601, date and time of day, naive in UTC, cut to
              microseconds
mapped.py     Samples as mappings make them, and what each is worth
values.py     What a value is worth: for samples and weather alike; pure
windows.py    The shapes and rules of building telemetry: windows, days, what a sample is
"""
