"""The wire of markets: shapes, rules, answers; pure.

ages.py       How old what is made may be: for health, checks and Dagster
answers.py    The shapes of event bodies and of what readers get, as `/openapi.json` shows them
days.py       Days and instants as senders write them (ISO 8601), in ASCII; pure
events.py     The contract of events: a body of `/api/ingest/webhook` → an event, or every
              fault; pure
fields.py     Members of what was sent → values of ours, each with its rule; faults are gathered
history.py    What is known of a series, and what an answer tells of it → what is known then;
              pure
mapped.py     Observations as mappings make them, and what is known of a date once a file has
              told of it; pure
places.py     Where a market's documents are: whose, and under which key; pure
vintages.py   Vintages of a series, and how those of a part of real time are put together; pure
"""
