"""Commerce: customers → products → orders → order_items, from files of several tenants.

contract.py     the four entities, their fields and rules
reading.py      a file → numbered blocks of JSON lines, whatever form its content has
lines.py        its bytes → physical lines, in bounded memory
delimited.py    lines of CSV → the JSON lines that they stand for; csv_headers.py says its columns
documents.py    arrays, and objects over several lines → their elements
packed.py       lines that are plainly right → binary rows, a column at a time
rows.py         a line → a typed row, or every reason why not
stage.py        a file → staging rows and rejected rows, in one transaction
merge.py        staging rows → final tables, in an order that keeps foreign keys true
load.py         both of them over many files: the queue's way and the shell's way
ingest.py       the same in the shell, without the queue
replay.py       refused rows, put right by hand and taken once more
drop.py         the drop folder
receive_file.py, receive_chunk.py  files that come over HTTP; sessions.py, chunks.py keep what came
sweep.py        what uploads leave behind
client.py       the other end: `ingest --api-url`
"""
