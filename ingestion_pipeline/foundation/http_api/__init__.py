"""The language of requests: how an HTTP API is asked for its records, said in YAML and in a closed
list of words, as strict as that of mappings.

    YAML ── mapping/documents ── mapping/reader ── parsing (auth, paging, windows) → words

Nothing is asked here: `collecting/` does that.

auth.py        `auth:`: the NAME of a secret, and where it goes; never the secret itself
paging.py      `pages:`: how the pages of a list follow each other, and how its end is known
parsing.py     All words of a request, read
windows.py     `window:`: the day that is asked for, as the API writes it
words.py       The words, as they are understood
"""
