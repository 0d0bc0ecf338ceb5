"""Ours → tables; doing it again changes nothing.

books.py      How a platform's books come into the tables: a row here for one that has a way of
              its own
claimed.py    Working off the queue: one job at a time, all of what it changes in one
              transaction
events.py     Events into `sales_events`: what is new is added, what a later report says
              otherwise is changed
folder.py     The shell's way: reports of a folder → `sales_events`, without the queue
gumroad.py    Gumroad's sales into `sales_events`: as the books of each say, and nothing that
              they don't say
identify.py   Which of a report's rows are events that we know already
mapped.py     Events that a mapping made of a file → `sales_events`, as a platform's reports come
              there
"""
