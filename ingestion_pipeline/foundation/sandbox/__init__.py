"""Stand-ins of upstream APIs for demo, development and tests: honest, synthetic, deterministic.

What an upstream holds is a pure function (`foundation/sandbox/ace_iot/data.py`); how it says it is
beside that
(`foundation/sandbox/ace_iot/pages.py`, `foundation/sandbox/ace_iot/live.py`,
`foundation/sandbox/ace_iot/documented.py`; `foundation/sandbox/fred/api.py`,
`foundation/sandbox/gumroad/api.py`, `foundation/sandbox/chat/api.py`); how it fails is
switched on and off (`faults.py`).
"""
