"""The kit of Dagster: what the domains' faces share; with them the only place that imports it.

assets.py         What is said of every asset in one place: where its code is, how fresh it
                  must be
checks.py         The checks that wings build the same way: a pandera schema, published documents,
                  a query that must find nothing
housekeeping.py   Automation that belongs to no single domain: jobs of dead runs go back to the
                  queue, alerts, what the ledger and Dagster forget
lineage.py        Where each column of an asset comes from, said once an asset
metadata.py       What the UI shows of an asset: its table and columns, and what a materialization
                  came to
partitions.py     The work of a run that has several partitions: one that fails does not stop the
                  others
queues.py         Runs for jobs of the ledger: the sensor of every wing with a queue
resources.py      The storage layer as Dagster resources: thin, connecting at first use, never
                  at load
sensing.py        What the sensors of several domains share: how often they look, where they get
                  their resources, and how they tell runs apart
wing.py           A domain: what all of its assets have in common, said once
instance/         What `dagster.yaml` names, and what works on an instance; Dagster's private
                  parts are met here.
"""
