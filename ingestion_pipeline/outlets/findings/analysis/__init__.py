"""What a KPI package's reading comes to, in sentences; a server may reword them, never invent.

A template makes the sentences from computed facts, at once. Where `ANALYSIS_URL` names a server of
the OpenAI chat wire, what is worth watching is handed to it, as numbers and our own words alone.
Its wording is taken when its verdict and every number are the template's; else the template stays,
and why is kept.

facts.py       What is known of a reading: how far from usual, how rare, the verdict
narrative.py   Facts as sentences, each number with what it stands for
words.py       Words that would be numbers, directions, causes
grounding.py   Whether a rewording says what the template says
chat.py        The chat wire, with a deadline for the whole answer
budget.py      Tokens a day
tables.py      Which those are
packages.py    Which packages want an analysis, and what theirs is made of
working.py     Templates for all that want one, then the server for what is worth it
"""
