"""A stand-in of a server of the OpenAI chat wire.

api.py   Rewords the note that it is given, honestly, or by a fault in one of the ways in which a
         language model goes wrong
"""
