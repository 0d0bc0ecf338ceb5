"""What is unusual in a series of its own: numbers in, findings out; numpy only.

No database, no Dagster, no tenant; whoever has a series asks, and says whose clock and holidays
count. Everything is causal: what is said of an instant follows from what came before it, and the
same series with more behind it says the same.

series.py     Series: instants in order, a finite value at each; 15-minute means
calendars.py  Days and hours by the wall clock of a zone, holidays
middles.py    Medians of windows with holes
seasonal.py   What is usual at this hour of the week, with the level of the last day
local.py      How far a value is from the 60 before it
rarity.py     A score as false alarms a week, by the tail of the scores before
usual.py      Them together: how rare each point is, what was usual there, a day's forecast
shift.py      Levels that have moved
stuck.py      Values that no longer move
rhythm.py     Senders and series that have gone quiet, and volumes that have dropped
findings.py   What is to be told: spikes, drops, stuck, level shifts, gaps, each once
"""
