"""Ours → tables; doing it again changes nothing.

cache.py      Documents by key, in the table `key_value`: stored, outdated, invalidated
claimed.py    Recorded events → tables, caches and states: one transaction each, by whoever
              claims the job
handlers.py   What each type of event does to the tables
macro.py      FRED's vintages → `macro_observations`: only what is new or changed is written
mapped.py     Observations that a mapping made of a file → `macro_observations`: nothing that is
              known is lost
refresh.py    FRED → vintages, by one process at a time
upsert.py     The upsert of markets: a row that was sent later replaces one sent earlier, never
              the reverse
"""
