"""The pages: a module each, of the template's name. In this order they stand in the navigation.

A new page is a module here with a function under `@page(path, nav=…)`, which answers an `Ask` with
a `Shown`, and a template in `templates/` that extends `base.html`; then it is named in `ALL`.

morning.py      every domain on one screen, what is out of the ordinary first
kpis.py         all KPIs
receipts.py     what became of everything that was sent
system.py       the operator's: how the installation does
"""

from ingestion_pipeline.outlets.dashboards.pages import morning, kpis, receipts, system  # isort: skip

ALL = (morning, kpis, receipts, system)
