"""The dashboards: pages of the gateway on which a tenant sees its own numbers, without SQL.

routes.py       the site's addresses; the way of a request; refusals and failures as pages
signing_in.py   sign-in with an API key, sign-out; `require_own_form` for all that is posted
sessions.py     the cookie; the token of a form
live.py         who has a page open hears of new readings: one look a process, a queue a reader
streaming.py    `/live`: the stream of one open page
site.py         what a gateway's pages share; `Visitor`: who is signed in
viewing.py      the pool, and the read-only transaction as a tenant's viewer
asking.py       `Ask`, `Shown`, `@page`: what a page is asked, and answers
tables.py       `Table`, `Column`: shown, and taken away as CSV or JSON (`?table=NAME&format=csv`)
spans.py        which stretch of time is shown
buckets.py      columns of a chart, from points and roll-ups
charts.py       a series as it is drawn: columns, gaps, what was usual, marks
usual.py        what was usual at each hour
series.py       what the pages of a series share
correcting.py   refused rows, put right on their page
recent.py       the newest day of a mart, and what is not in it yet
findings.py     what was found, as pages tell it; `expecting.py`: "as expected"
telling.py      numbers, ages, instants as text
drawing.py      sparklines, bars, charts as SVG
rendering.py    templates, static files, headers of every answer
api/            the same as JSON, with a key: `/api/receipts`
pages/          a page each, with a template of its name in `templates/`; its charter says how
templates/      `base.html` is the frame, `macros.html` what many need: table, findings, cards
static/         the stylesheet, the scripts, and uPlot 1.6.32 (MIT, from its npm package)

What came in reaches SQL as a parameter only: every query is a constant. Dagster is not known here.
"""
