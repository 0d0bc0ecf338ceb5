"""Buildings: the samples and the weather of sites, collected in bulk from the ACE IoT API.

The way of a page (nothing is sent to buildings, so there is no `receive` and no `routes`):

    schedule ▸ merge (day, window) ─▶ sources/ace_iot ─▶ land (rows) ─▶ merge (tables, checkpoint)
               ▸ publish (hours, days, coverage, alerts, archive)

contract/   days, windows, counts, instants, what a value is worth; pure
sources/    the ACE IoT API, in both dialects
land/       records → rows, a column at a time, and what can't be stored
merge/      a day of a site, window by window: rows and checkpoint in one transaction
publish/    aggregates, coverage, alerts, archives, pictures
"""
