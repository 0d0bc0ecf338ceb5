"""The wire of kpis: shapes, rules, answers; pure.

announcements.py   The contract of the two smaller bodies: a job announced, an analysis put on a
                   package; pure
answers.py         The shapes of KPI bodies and answers, as `/openapi.json` shows them
batch.py           Bodies of `/api/kpi-data` that hold more than one reading: a JSON array, or
                   NDJSON; pure
instants.py        Instants: a timestamp's text ↔ the UTC microsecond that identifies a reading
mapped.py          Points as mappings make them, as readings that name no workflow (`kpis
                   import`)
readings.py        The contract of readings: a body of `/api/kpi-data` → updates, or every fault
                   of it; pure
reports.py         The contract of error reports: a body of `/api/kpi-error` → a report without
                   secrets; pure
values.py          Values: the primary value of a reading, and which JSON the database can keep
"""
