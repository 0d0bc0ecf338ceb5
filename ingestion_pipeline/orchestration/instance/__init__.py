"""What `dagster.yaml` names, and what works on an instance; Dagster's private parts are met here.

celery_launcher.py   Dagster's runs on Celery workers, and runs noticed whose worker has died
compute_logs.py      What steps print, on any fsspec file system: Dagster's compute logs where
                     all machines see them
run_history.py       Dagster forgets old runs: it purges ticks by itself, runs only when
                     somebody deletes them
sqlite_files.py      The files of Dagster's SQLite storage: opened once a process, and kept open
sqlite_schedules.py  Ticks and the states of sensors in SQLite: what is said with every tick,
                     said cheaply
sqlite_storage.py    Dagster's SQLite storage for a machine that mostly idles: what was worked
                     out once stays
"""
