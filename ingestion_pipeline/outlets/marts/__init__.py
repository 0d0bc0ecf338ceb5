"""Marts: what readers ask for every day, worked out once, by tenant; made again at any time.

A row that changes leaves a mark in `changed_parts`, in its own transaction (migration 0036). A
refresh takes marks and works these parts out anew; what it makes is what its tables say, whatever
happened in between (decision 0044).

tables.py       The marts as SQLAlchemy sees them: what each column is, and what it leaves out
refresh.py      Changed parts → marts, in bounded pieces
own_days.py     UTC days → days by the tenants' own clocks
kpis.py         KPIs by hour and day, and what was usual for a day
buildings.py    Hours of buildings, with comfort and minutes beyond limits
orders.py       Orders by day and currency; new and returning customers
books.py        Income of books, each row estimated or settled
settling.py     What payments of books settle, by month, shop and currency
macro.py        What is known now of macro series, the year before, revision
all.py          All of them, by name
assets.py       Marts as Dagster's assets
checks.py       Their checks
offenders.py    What these must not find, as queries
freshness.py    Why age is no fault of a mart
automation.py   When they are made
definitions.py  What Dagster is given
"""
