"""Workbooks, whatever made them: their sheets as rows of cells, within bounds.

bounds.py    What a workbook may hold, seen before it is parsed: a small file can stand for
             terabytes
cells.py     What a cell of a table holds, and the rows that cells make
epochs.py    From which year a workbook in a binary format counts its days: 1900, or 1904 as old
             Macintoshes
process.py   The process that parses a workbook, under limits of memory and of time that are its
             own
sheets.py    The sheets of a workbook (.xlsx, .xlsm, .xlsb, .xls, .ods) as rows of cells
"""
