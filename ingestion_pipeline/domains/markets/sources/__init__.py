"""Whose dialect is read: a file or folder a source.

fred.py      FRED's API as requests: a series with every vintage that it ever had
"""
