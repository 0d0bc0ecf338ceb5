"""Markets: signed events and FRED → fundamentals, comparables, macro data, and their cache.

The way of an event, and of a series:

    routes ─▶ contract ─▶ land (row and job) ▸ a run: merge (tables, cache) ─▶ publish (documents)
    schedule ▸ sources/fred ─▶ contract (vintages) ─▶ merge ─▶ publish

contract/   a body → an event, or every fault of it; days, vintages, history; pure
sources/    FRED's API: every vintage of a series
land/       an event → its row and its job; a replay → the first answer
merge/      what each type of event does to the tables; to invalidate is to write
publish/    the documents that readers get, made before somebody asks
"""
