"""APIs that files describe, as Dagster has them: an asset each, its days, its checks, its schedule.

assets.py        The asset of an API: days, read to their ends and loaded
automation.py    When an API is asked
checks.py        What is checked of what was read
definitions.py   All of it together, for a file that describes an API
"""
