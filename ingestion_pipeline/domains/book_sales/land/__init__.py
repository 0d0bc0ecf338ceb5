"""What came is ours: durable before it is answered, typed, or refused with its reason.

gumroad.py        Where all that Gumroad told is kept: `gumroad_pings`, and the API's records in
                  `gumroad_sales`
gumroad_sync.py   Gumroad's API, asked as far back as sales can change; each page is kept as it
                  comes
orders.py         What senders order: an import of a platform, checked before it is recorded
pings.py          Gumroad's Pings: unsigned, so a secret in the path says whose they are
queue.py          The queue of imports: what is recorded, who may work on it, how many at once
turns.py          Whose turn it is: one load at a time of a tenant and platform
"""
