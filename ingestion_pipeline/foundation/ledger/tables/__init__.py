"""The ledger's tables as SQLAlchemy sees them; migrations 0001 to 0036.

changes.py      Parts of tables that have changed, for those who follow from them
events.py       Events that were sent, and what became of them
intake.py       Files that mappings read, and of what the ids of their records are made
jobs.py         The queue, and every attempt at what is in it
operations.py   What the installation did by itself: ticks, its cache, names that others made,
                alerts
requests.py     What was asked over HTTP, and what must not be done twice
tenants.py      Whose data it is, and what they come in with: keys, secrets, rates, roles that read
uploads.py      Files that arrived, and lines of them that were refused

Nothing is handed on from here: who needs a table imports the file it is in.
"""
