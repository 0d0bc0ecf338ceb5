"""Files that stream in: multipart and compression undone on the way to the landing store.

encodings.py   Bodies that come compressed or in parts, undone while they stream, in bounded
               memory
mapped.py      A file for a mapping: landed, recorded, answered
receiving.py   One file out of a request's body into the landing store, hashed on the way, in
               bounded memory
unpacked.py    Bodies that may come compressed and are taken whole: unpacked in memory, within a
               limit
"""
