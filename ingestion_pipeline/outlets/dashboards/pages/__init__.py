"""The pages: a module each. In this order they stand in the navigation.

A new page is a module here with a function under `@page(path, nav=…)`, which answers an `Ask` with
a `Shown`, and a template in `templates/` that extends `base.html`; then it is named in `ALL`.

morning.py      every domain on one screen, what is out of the ordinary first
kpis.py         all KPIs
kpi.py          one KPI: `series.html`, as all series
buildings.py    the tenant's sites, and alerts
site.py         one site: hour by day, rooms, points, gaps
point.py        one point of a building
markets.py      macro series, markets, sales to compare with
macro.py        one macro series, and its revisions
commerce.py     orders by currency and day
products.py     what sold most
books.py        income by currency, basis, title and month
receipts.py     what became of everything that was sent
system.py       the operator's: how the installation does
"""

from importlib import import_module

NAMES = (
    "morning",
    "kpis",
    "kpi",
    "buildings",
    "site",
    "point",
    "markets",
    "macro",
    "commerce",
    "products",
    "books",
    "receipts",
    "system",
)
ALL = tuple(import_module(f"{__name__}.{name}") for name in NAMES)
