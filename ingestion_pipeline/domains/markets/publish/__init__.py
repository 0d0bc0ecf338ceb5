"""Tables → what readers get; made again at any time.

documents.py   The documents of a market that readers get: its fundamentals, its comparables
macro.py       FRED's vintages as rows: what is known of a series now, and what was known on any
               day
plot.py        Series of FRED in one small picture
reading.py     The read-through: documents from the cache, else from where they are, loaded once
               at a time
warming.py     All documents made before somebody asks: macro data, each market's fundamentals
               and comps
"""
