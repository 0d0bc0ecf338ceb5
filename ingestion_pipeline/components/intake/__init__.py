"""Sources of files as Dagster has them: an asset each, checks of what came, a sensor for all.

assets.py        The asset of a mapping: a day of files, loaded, and what is told of it
automation.py    When files are loaded: at once when some wait; the drop folder
checks.py        What is checked of every day's files
definitions.py   All of it together, for the files that describe sources
"""
