"""Commerce: customers → products → orders → order_items, from files of several tenants.

contract/entities.py     the four entities, their fields and rules
sources/reading.py      a file → numbered blocks of JSON lines, whatever form its content has
sources/lines.py        its bytes → physical lines, in bounded memory
sources/delimited.py    lines of CSV → the JSON lines that they stand for; sources/csv_headers.py
says its columns
sources/documents.py    arrays, and objects over several lines → their elements
land/packed.py       lines that are plainly right → binary rows, a column at a time
land/rows.py         a line → a typed row, or every reason why not
land/stage.py        a file → staging rows and rejected rows, in one transaction
merge/uploads.py        staging rows → final tables, in an order that keeps foreign keys true
merge/claimed.py         both of them over many files: the queue's way and the shell's way
merge/folder.py       the same in the shell, without the queue
merge/replay.py       refused rows, put right by hand and taken once more
receive/drop_folder.py         the drop folder
receive/file.py, receive/chunk.py  files that come over HTTP; land/sessions.py, land/chunks.py keep
what came
land/sweep.py        what uploads leave behind
cli/uploading/client.py       the other end: `ingest --api-url`
"""
