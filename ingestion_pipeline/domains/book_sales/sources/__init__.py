"""Whose dialect is read: a file or folder a source.

described.py       The platforms that there are: those that code reads, and those of described
                   mappings
draft2digital.py   Draft2Digital's CSV of ebooks or print books: a row a title, vendor, country
                   and period
mapped.py          What a mapping makes of a report, as events: of a file of any shape, and of a
                   platform's report
registry.py        The platforms that code reads: a module that reads its reports, or its API, and
                   a row here
reports.py         A report's bytes → its events, and what its result says; for the queue and
                   for the shell
smashwords.py      Smashwords' sales report: named `.xls`, in truth text with tabs, its lines
                   ended in any way
formats/           What reports are written in: tables, cells, numbers, dates; of no platform.
gumroad/           Gumroad: its API, its Pings, and what they say of a sale.
kdp/               Amazon KDP: its reports, sheet by sheet.
"""
