"""How all is: health, what it is asked of, what must not be found, alerts, outages.

alerts.py             Alerts: an incident is told once when it begins and once when it is over
by_file.py            How fresh sources are that files describe, which are no wing's: mapped
                      files, and APIs
gathering.py          Where the facts of the health document come from: each wing's own word,
                      and the ledger's numbers
health.py             How well all is, as a pure decision: facts of the services and metrics in,
                      a document out
health_of_tenant.py   A tenant's own figures: its markets by name, its jobs, its programs'
                      caches and predictions
offenders.py          Queries that must find nothing, declared where they stand
outage.py             The database's own outage, the one incident that can't be a row in
                      `alerts`
"""
