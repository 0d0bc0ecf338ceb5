"""A stand-in of Gumroad's API.

api.py       A stand-in of Gumroad's API: the sales of one account, in pages, with its ways to
             say no
kinds.py     Sales of every kind that Gumroad's API tells of, for the fault `every_kind`;
             amounts in US cents
"""
