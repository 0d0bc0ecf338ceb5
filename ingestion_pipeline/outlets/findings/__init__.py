"""Findings: what is out of the ordinary in a tenant's series, and who has gone quiet; each once.

tables.py      Findings, and up to where each subject has been looked at
series.py      What is watched, and its points
senders.py     Who sends, and when
calendars.py   By whose clock, and which days are holidays
looking.py     The look: what is due is assessed, what is found is kept
keeping.py     Findings into the table, each once
ending.py      What is watched no more
saying.py      A finding in sentences
expected.py    What somebody has called expected
telling.py     Findings are told once, to where alerts go
analysis/      What a KPI's reading comes to, in sentences; a server may reword them
"""
