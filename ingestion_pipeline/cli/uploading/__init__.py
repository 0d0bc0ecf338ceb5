"""Our own client of the gateway: `ingest --api-url`.

client.py    The gateway's upload endpoints as `ingest --api-url` calls them: patient with
             everything that may pass, clear about everything that will not
sending.py   Files into an upload session of the gateway, in chunks, several at a time
upload.py    The way through the gateway: files of a folder → an upload session → jobs → counts
"""
