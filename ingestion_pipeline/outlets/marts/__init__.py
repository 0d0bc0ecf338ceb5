"""Marts: what readers ask for every day, worked out once, by tenant; made again at any time.

tables.py    The marts as SQLAlchemy sees them: what each column is, and what it leaves out
"""
