"""Ours → tables; doing it again changes nothing.

flags.py     Flags: what is pending, what is settled, and the documents between the two
grade.py     Grading: points without a quality → their quality, with what has to be published
             for it
history.py   Files of KPI history → points, packages, jobs: what `kpis import` does
quality.py   Quality: how far a reading can be trusted; pure

Statements of a module stand in the `.sql` file of its name (foundation/storage/statements.py).
"""
