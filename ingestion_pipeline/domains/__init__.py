"""What the data means: five domains, the same rooms in each; none knows another.

    receive ─▶ land ─▶ merge ─▶ publish          what is read, each verb by where the datum is then

`receive`: understood, or every fault of it. `land`: ours; a crash loses nothing. `merge`: in the
tables; again changes nothing. `publish`: what readers get, made again at any time.

Rooms (work; no dagster, no fastapi):  contract, sources, receive, land, merge, publish
Faces (one file each):  tables → the database, routes → HTTP, assets, checks, automation,
definitions → Dagster, offenders → the checks' queries, freshness → health, sample → the demo
registry.py  finds the domains and their faces
"""
