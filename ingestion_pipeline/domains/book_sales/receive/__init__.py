"""The door's protocol, where a route alone would be too small.

imports.py   What comes to the gateway, recorded: orders once a key, reports once a content
"""
