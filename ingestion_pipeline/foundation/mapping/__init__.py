"""The language of mappings: how a table of any shape becomes records of ours, said in YAML and in
a closed list of words.

    YAML ── documents ── reader ── parsing (layout, conditions, values, emits, carrying) → words
    rows ── batch ── spreading ── making (compiled, cells, identities, steps, fields) → records

No dagster, no domain: what may be made is handed in (`targets.py`). Files are read by `intake/`.

batch.py         Rows of a file, column by column, and what is made of the texts of a column
carrying.py      What is carried from a record's first row into its others, and what must not be
                 totalled
cells.py         What is made of the cells of a row
checking.py      The checks of a mapping over records and files: what came of them
compiled.py      Values and conditions as functions over the columns of a batch
conditions.py    Conditions of a mapping, read: which rows
digests.py       What a mapping says as a hash, and what its ids are made of
documents.py     A mapping's YAML as texts, lists and mappings, each with its place
emits.py         `emit:` of a mapping: the records that rows make
faults.py        Faults of a mapping, each with its place, and what was probably meant
fields.py        Cells as a field wants them: exact, within bounds, or refused
identities.py    UUIDs of version 5 that a mapping makes of parts
layout.py        `read:` of a mapping: how a file becomes rows of text
making.py        Batches of rows → records of the types that a mapping makes
moments.py       Dates and times as a mapping says that they are written
months.py        Names of months, in the languages in which exports write them
naturalkeys.py   A key made of columns, where a source has no id
numerals.py      Numbers as a mapping says that they are written
occurrences.py   How often a key was there before in a file, however large the file is
parsing.py       A mapping's file, understood as a whole, or every fault of it
reader.py        Reading nodes of a mapping: what is wrong is noted, and all goes on
refusals.py      Why a value can't be used, and which rows are refused
spreading.py     A row → several
steps.py         What is done to a value
targets.py       What a mapping may make
values.py        Values of a mapping, read
words.py         The words of the language, as they are understood
"""
