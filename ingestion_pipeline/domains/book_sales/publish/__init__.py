"""Tables → what readers get; made again at any time.

daily.py             Daily sales from events, by pandas, and how they look
gumroad_rebuild.py   Putting right what is stored: the books of all sales at Gumroad, worked out
                     anew
imports.py           What has become of an import, as it is told its owner
now.py               A tick that somebody asked for: what is queued, and the days that follow
                     from it
"""
