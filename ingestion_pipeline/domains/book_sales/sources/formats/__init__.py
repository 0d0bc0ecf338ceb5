"""What reports are written in: tables, cells, numbers, dates; of no platform.

as_of.py             What a report says of its own time: when it was made, else the end of its
                     period or its name
dates.py             How a date can be read: for certain, or by the order of day and month
delimited.py         Text reports as rows: whatever the encoding, the end of lines and the
                     delimiter are
headers.py           Names of columns as they are compared, and headers that stand among the
                     rows
notation.py          How a report writes numbers and dates: decided by all of its own values
                     together, or told
numerals.py          How a number can be read: which value it has with a decimal point, which
                     with a decimal comma
tabular.py           Reports of one table with a header in their first line: as text, or saved
                     as a workbook
values.py            Numbers, dates and texts of reports by the report's notation; `RowError`
                     names what is wrong
"""
