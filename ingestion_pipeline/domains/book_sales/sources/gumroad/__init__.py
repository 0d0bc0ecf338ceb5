"""Gumroad: its API, its Pings, and what they say of a sale.

api.py       Gumroad's API: sales page by page, as far back as is asked, as is new, or as can
             still change
books.py     The books of a sale at Gumroad: which events it comes to, from all that is known of
             it
fields.py    How fields of Gumroad read: cents, copies, amounts as they are shown, instants,
             booleans
gifts.py     Gifts: one paid copy, and two purchases that tell of it
sales.py     What Gumroad tells of a sale, by a Ping or by its API: what is kept of it, and how
             it reads
"""
