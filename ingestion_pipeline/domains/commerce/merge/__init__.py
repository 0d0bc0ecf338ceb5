"""Ours → tables; doing it again changes nothing.

claimed.py   The queue's way: recorded uploads → staging → finals, claimed as jobs
folder.py    The shell's way: files of a folder → finals, without the queue
mapped.py    What is different where a mapping made the rows
replay.py    Refused rows, put right by hand and taken once more: each exactly once
uploads.py   Staging rows → final tables, such that foreign keys hold at every moment
"""
