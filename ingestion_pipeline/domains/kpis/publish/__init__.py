"""Tables → what readers get; made again at any time.

counts.py      Numbers about the tables, for the metadata of assets, and which days they hold
differing.py   Published documents beside what the tables say: the keys of those that differ
documents.py   Publishing: what is pending → documents in the key-value store, one namespace a
               tenant
packages.py    Packages: the document of one KPI within one trace, made from the tables
reading.py     Job and time series as readers ask for them, and as they are published
refusals.py    What was refused, as receipts keep it: of each reading its faults; pure
said.py        What became of readings, in the words and shapes of the gateway's answers; pure
summary.py     A day of points → one row a KPI: min, max, mean, last, change; and a plot of them
"""
