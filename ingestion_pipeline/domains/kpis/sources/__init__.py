"""Whose dialect is read: a file or folder a source.

dump.py              Documents of the original's key-value store → what they were made from;
                     pure
history_csv.py       CSV of readings: columns that we know by any spelling, all others beside
                     the value in `data`
history_entries.py   What stands at one place of a file of history, whatever the form of the
                     file
history_files.py     Files of KPI history → their entries one by one, in memory that does not
                     grow with the file
history_json.py      JSON documents of any size → their entries, made from the parser's events
                     one by one
history_lines.py     A stream of bytes that can be looked into, and its lines
history_storable.py  A stream of JSON in which what no text can hold is told, before a parser
                     makes something of it
"""
