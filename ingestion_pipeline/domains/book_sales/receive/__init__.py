"""The door's protocol, where a route alone would be too small.

drop_folder.py   The drop folder: reports that somebody puts into `DROP_URL/{tenant}/{platform}/`,
                 once each
imports.py       What comes to the gateway, recorded: orders once a key, reports once a content
"""
