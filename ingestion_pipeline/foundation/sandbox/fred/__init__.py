"""A stand-in of FRED.

api.py       FRED's API as it answers on the wire: `/fred/series`, `/fred/series/observations`
             and `/fred/series/vintagedates`, in JSON
data.py      What the sandbox's FRED knows: GDP as it was recorded, and made-up series of the
             same kind
"""
