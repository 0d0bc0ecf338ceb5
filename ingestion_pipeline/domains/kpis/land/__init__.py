"""What came is ours: durable before it is answered, typed, or refused with its reason.

analyses.py      An analysis put on a package: the last one is kept
corrections.py   Corrections: a sender puts a wrong value right; what it was before stays
                 readable
jobs.py          Jobs: announced, reported on, expired; and the state that follows from their
                 KPIs
mapped.py        Points that a mapping made of a file → points, inbox, jobs, as readings of any
                 other door
readings.py      Updates → points, inbox, job: a whole batch in one transaction and a handful of
                 statements
receipts.py      What came, counted: new, known, corrected, another value, or refused

Statements of a module stand in the `.sql` file of its name (foundation/storage/statements.py).
"""
