"""The wire of book sales: shapes, rules, answers; pure.

answers.py   The shapes of this wing's answers and bodies, as `/openapi.json` shows them
events.py    The shapes of this wing: events, rows that are none, and how an event is known
             again
mapped.py    Sales events as mappings make them
"""
