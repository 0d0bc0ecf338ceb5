"""Files through mappings: any export, by a YAML file.

    file ── formats (records) ── tables ── grouping ── (mapping) → records of ours, refusals, counts

delimiters.py    Which of the signs that a mapping allows stands between a file's cells
drafting.py      What a mapping is written of: a file that was looked at
endings.py       The lines at the end of a file that are no rows
filling.py       Blank cells filled with what stood above them
footers.py       What stands below the rows, as checks of a proposed mapping
formats.py       A file of any format that a mapping names → its table: text, a workbook, JSON
framing.py       A proposed mapping around what it makes: how its file is read, checks, comments
grouping.py      Rows of a file → batches of whole records: those of a group stand in one batch
guessing.py      What the columns of a sample hold: in which ways their texts can be read
looking.py       What a file would come to by a mapping, before anything is loaded
notation.py      How a source writes numbers and dates, where its values leave one way
ordering.py      Records in order of a key, put so by PostgreSQL
proposing.py     A first mapping for a file that nobody has mapped yet
records.py       A text file's physical lines → its records, each with its number and its text
run.py           A file through a mapping: what was made, what was refused, counts
sampling.py      The beginning and the end of a file that nobody has mapped: what it is
sinks.py         Where made records go: what a domain does with them
tables.py        Records of a file → rows under its header, by the names that the mapping knows
"""
