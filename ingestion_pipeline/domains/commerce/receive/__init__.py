"""The door's protocol, where a route alone would be too small.

chunk.py         A chunk of a file of an upload session; the last one makes the file an upload
corrected.py     Refused rows that come back corrected, over HTTP: each that is right is taken
                 exactly once
drop_folder.py   The drop folder: files that somebody puts into `DROP_URL/{tenant}/` become
                 uploads, once each
file.py          A file that comes in one request: it lands, then it is recorded, then it is
                 answered
"""
