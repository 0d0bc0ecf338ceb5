"""`up` and `demo`: a whole installation on one machine, its processes, secrets and sample.

demo.py        `ingestion-pipeline demo`: sample data through every asset, in a database that is
               thrown away
sample.py      The sample of `up`: brought in the way that users bring theirs, and watched until
               it is there
secrets.py     Secrets of a local installation: made by the first `up`, kept in
               INGESTION_HOME/secrets.env
services.py    Child processes that `up` keeps running: started, waited for, started again when
               they die
stand_ins.py   The sandbox as `up` and `demo` start it: stand-ins for upstreams that nobody has
               configured
up.py          `ingestion-pipeline up`: one command that starts everything, and one Ctrl-C that
               stops it
"""
