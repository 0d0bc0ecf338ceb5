"""Files of any shape, loaded by a mapping: recorded with a job, read, landed by their domain.

    landed ──record──▶ uploads + job ──claim──▶ read ─▶ Sink.land, refused rows, counts ─▶ settled
                                                        └────── one transaction ──────┘

claimed.py       Working off the queue: an attempt at a job, and what follows from it
choosing.py      Which mapping reads a file
days.py          Files of a mapping by the day on which they came
deliveries.py    What is kept of a file that a mapping read: counts, sums, columns, warnings
directly.py      Files of this machine, loaded at once
dropped.py       The drop folder: files in the folders of sources and mappings, once each
keys.py          Of what a mapping makes ids: a mapping that makes others is refused
known.py         A mapping and the domain that takes its records
loading.py       A recorded file → its domain, in one transaction
overview.py      What has come for each mapping
progress.py      What has become of a file, as its sender is told
reading.py       A file through its mapping → records on this machine's disk, and tallies
recording.py     A landed file becomes an upload with its job, in one transaction
refused.py       Rows that are refused: all are counted, the first are kept in full
"""
