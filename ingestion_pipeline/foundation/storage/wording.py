"""What columns that many tables have in common hold, said once: they become `COMMENT ON COLUMN`.

A comment says what a column holds, its unit and time zone, and what NULL means; Dagster's UI
shows it (orchestration/checks.py), and so does `\\d+` in psql. One that is changed here needs a
migration.
"""

TENANT = "Whose row it is (tenants.tenant_id)"
CREATED_AT = "When the row was made, UTC"
UPDATED_AT = "When the row was last changed, UTC"
RECEIVED_AT = "When it was received, UTC"
COLLECTED_AT = "When it was collected, UTC"
REVOKED_AT = "When it was taken back, UTC; NULL: it was not"
EXPIRES_AT = "Until when it is valid, UTC; NULL: without end"
REQUEST = "Id of the HTTP request that brought it; NULL: none is known"
RUN = "Id of the Dagster run that did it; NULL: none is known"
JOB = "The job that deals with it (jobs.job_id); NULL: none"
UPLOAD = "The file that it came in (uploads.upload_id)"
ERROR = "What went wrong, in a sentence; NULL: nothing"
PENDING = "Whether it is still to be dealt with: its documents or rows are to be made anew"
CHANGED = "Grows with every change, so that a change made meanwhile is not taken for done"
SHA256 = "SHA-256 of the content, hexadecimal"
TRACE = "The job of the sender's workflow that it belongs to (traceId)"
KPI = "Which KPI, as the sender calls it (kpiId)"
OBSERVED_AT = "Instant of the reading, UTC, to the microsecond"
TIMESTAMP_TEXT = "The instant as the sender wrote it"
KPI_TYPE = "Type of the KPI as the sender wrote it (kpiType)"
SITE = "The building, as the source calls its site"
POINT = "The measuring point of the site, as the source calls it"
UNIT = "Unit of the values as the source writes it; empty: it says none"
PLATFORM = "The seller: amazon_kdp, gumroad, smashwords, draft2digital or one of a mapping"
