"""Whose dialect is read: a file or folder a source.

csv_headers.py   The header of a CSV file: its delimiter, its columns, and whether a line may be
                 one at all
delimited.py     CSV files: each record becomes the JSON line that it stands for, so that one
                 parser serves all
documents.py     JSON that is not one object a line: arrays, or objects over several lines →
                 their texts
lines.py         A file's bytes → blocks of physical lines, in memory that does not grow with
                 file or line
reading.py       A file → numbered blocks of JSON lines, whatever form its content has
"""
