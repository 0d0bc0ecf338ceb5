"""Stand-ins of upstream APIs for demo, development and tests: honest, synthetic, deterministic.

What an upstream holds is a pure function (`ace_data.py`); how it says it is beside that
(`ace_pages.py`, `ace_live.py`, `ace_documented.py`; `fred.py`, `gumroad.py`); how it fails is
switched on and off (`faults.py`).
"""
