"""What came is ours: durable before it is answered, typed, or refused with its reason.

chunks.py     Chunks of a file of an upload session: which bytes have come, which are missing,
              the whole
claimed.py    Recorded uploads → staging: a run claims jobs, and stages each file by itself
fields.py     The careful reader: one line, field by field, with every reason why it is no row
mapped.py     Records that a mapping made of a file → staged uploads, one a type, in the order of
              parents
packed.py     A block of lines → rows in COPY's binary format, where lines are plainly right
rows.py       A line → a typed row, or every reason why it is none
sessions.py   Upload sessions: files that are announced, then sent in chunks, and resumed after
              a break
stage.py      A file → `{type}_staging` and `rejected_rows`, in one transaction
sweep.py      What uploads leave behind, taken away once a day: harmless at any time, and when
              cut off midway
uploads.py    A landed file becomes an upload with its job, in one transaction
"""
