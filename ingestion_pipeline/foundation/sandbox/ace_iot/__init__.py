"""A stand-in of the ACE IoT API, in both dialects.

answers.py      A page of the stand-in of ACE IoT, as either dialect then wraps it: data,
                faults, kept pages
buckets.py      Samples as the live API gives them unless it is asked for raw ones: means of
                five minutes
data.py         What the stand-in of ACE IoT holds: a pure function of seed, site, point and
                instant
documented.py   ACE IoT as the design documents describe it
live.py         ACE IoT as the live API answers, its oddities included
pages.py        Pages of samples as JSON, in bulk: templates by point, looked-up texts, one join
points.py       Points and sites in the shapes of the live API's description (`A point`, `A
                site`)
requests.py     The parameters that both dialects of the stand-in of ACE IoT read from a request
shapes.py       How a room's sensors behave over a day: five measurements, as real rooms show
                them
weather.py      Weather as the stand-in of ACE IoT has it: one value an hour, a function of site
                and hour
"""
