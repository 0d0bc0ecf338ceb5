"""KPIs: readings and error reports of workflows → points, packages, jobs, and their documents.

The way of a reading:

    routes ─▶ contract (every fault of it) ─▶ land (point, inbox, job in one transaction)
                                                ▸ a run: merge (grading) ─▶ publish (documents)

contract/   a body → readings, reports, announcements; pure
sources/    files of history, and dumps of the replaced service
land/       what came, in a handful of statements; corrections, the jobs of workflows
merge/      points graded: how far a reading can be trusted
publish/    what is pending → documents; series, packages and days as readers ask for them

There is no `receive`: a body is understood at once, and n8n's dialect is in contract/reports.py.
"""
