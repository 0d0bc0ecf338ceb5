"""The lake: every table that assets publish, in an open format that other engines read.

Iceberg, copy-on-write: a partition that has changed is written whole, in place of the old one. A
namespace and a folder a tenant, read under the tenant's own role (decision 0049).

tables.py       What is in the lake, and how it is cut into partitions
columns.py      Columns of PostgreSQL → the lake's schema; columns that are added follow
partitions.py   A partition, as the ledger, SQL and the lake know it
catalogue.py    The catalogue, namespaces, and the pointer beside each table
whose.py        In whose namespace rows are
due.py          What is due: the ledger of changed parts, with reader `lake`
reading.py      PostgreSQL → Arrow, in a snapshot, under a role
files.py        Arrow → Parquet files, and the commit that puts them in place of others
archived.py     Months that were dropped from the database stay
sync.py         All of it together
sums.py         What is compared of a column
verify.py       Whether the lake has what the database has
sweep.py        Old snapshots go, and files that none names
durable.py      Files are on the disk before the catalogue names them
status.py       How the lake stands
resources.py    The lake as Dagster's resource
assets.py       Its tables as Dagster's assets
checks.py       Their checks
offenders.py    What these must not find, as queries
freshness.py    Why age is no fault of a table of the lake
automation.py   When it is written
definitions.py  What Dagster is given
distributed.py  Marts over the lake on a cluster of dask
"""
