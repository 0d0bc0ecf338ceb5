"""Amazon KDP: its reports, sheet by sheet.

columns.py    The sheets and columns of KDP's reports, as they are named in English and Spanish
payments.py   KDP's Payments: what was paid, and under each payment what it is made of
report.py     Amazon KDP: workbooks (royalties, orders, KENP, prior months, payments), and CSV
              of one sheet
rows.py       Rows of KDP's royalty and KENP sheets as events
tables.py     A sheet of KDP with its header understood
"""
