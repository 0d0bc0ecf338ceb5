"""Records that an API is asked for, by a YAML file: the pages of a window into one file.

    HttpApi ─ asking (one request) ─ course (from page to page) ─ fetching (one file) ─ windows

A window's file is kept only when its list was read to its end; nothing half is ever recorded.

asking.py        One request of a list, and where the next one may lead
bodies.py        An answer's body → its records as they were written, and what else it says
course.py        From page to page: what comes next, and whether a list was read to its end
credentials.py   The secrets that an API is told, of the environment and of its tenant
elsewhere.py     Where a redirect leads that leaves the API's host: asked without any key, or not
fetching.py      A window → one landed file
tables.py        What is known of windows, as a table
window_rows.py   The row of a window, and what came of its file
windows.py       A window → its domain: read to its end, landed, recorded, loaded
"""
