"""Whose dialect is read: a file or folder a source.

ace_iot/     The ACE IoT API, in both dialects.
"""
