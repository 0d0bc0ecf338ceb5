"""What came is ours: durable before it is answered, typed, or refused with its reason.

events.py    An event → its row and its job, in one transaction; what was sent before → the
             first answer
"""
