"""What every table and column holds, as comments: for `\\d+`, for tools that read the catalogue.

They are those of the tables as of this revision, and Dagster's UI shows the same. A comment takes
no lock that readers or writers wait for; partitions (`timeseries_raw`) have none of their own.
"""

from alembic import op

revision = "0022"
down_revision = "0021"


def upgrade() -> None:
    table = ""
    statements: list[str] = []
    for line in filter(None, _COMMENTS.splitlines()):
        name, _, comment = line.strip().partition(": ")
        text = comment.replace("'", "''")
        if line.startswith(" "):
            statements.append(f"COMMENT ON COLUMN {table}.\"{name}\" IS '{text}'")
        else:
            table = name
            statements.append(f"COMMENT ON TABLE {table} IS '{text}'")
    op.get_bind().exec_driver_sql("; ".join(statements))


# A table, and under it its columns.
_COMMENTS = """
alerts: Incidents that are told to the alert target: a row an incident
  alert_id: Number of the incident
  name: What it is about: one incident of a name at a time
  message: What is told
  value: The figure that was measured; NULL: none
  threshold: The limit that it is beyond; NULL: none
  started_at: When it began, UTC
  resolved_at: When it ended, UTC; NULL: it goes on
  calm_since: Since when it has been calm again, UTC; NULL: it is not
  start_sent_at: When the target took the news of its start, UTC; NULL: not yet
  recovery_sent_at: When the target took the news of its end, UTC; NULL: not yet
  delivery_attempts: How often telling it was tried
  next_delivery_at: Not told before this instant, UTC
  delivery_error: Why telling it failed last; NULL: it did not

api_keys: Keys of tenants to the gateway
  api_key_id: Number of the key
  tenant_id: Whose row it is (tenants.tenant_id)
  sha256: SHA-256 of the key, 32 bytes
  hint: Beginning of the key, to know it by
  created_at: When the row was made, UTC
  revoked_at: When it was taken back, UTC; NULL: it was not

api_requests: Requests that the gateway, or a program beside it, answered
  requested_at: When it came, UTC
  request_id: Id of the request
  tenant_id: Who asked (tenants.tenant_id); NULL: not known
  method: Method of HTTP
  route: Route that answered, without the values in its path
  status: Status of HTTP that was answered
  duration_ms: How long the answer took, milliseconds, without waiting for the sender
  request_bytes: Size of the request's body, bytes
  response_bytes: Size of the answer's body, bytes
  cache_hit: Whether the cache answered; NULL: none was asked
  service: Who answered: gateway, or a program that logs its requests here
  retries: How often others had to be asked again for the answer

archived_months: Months of samples that were moved out of the database into Parquet files
  archive_id: Number of the row
  month: First day of the month, UTC
  location: Where the file is
  rows: Samples in the file
  bytes: Size of the file, bytes
  archived_at: When it was archived, UTC

building_alert_rules: Limits of points, beyond which there is an alert
  rule_id: Number of the rule
  site_name: Sites that it is for; * stands for any text
  point_name: Points that it is for; * stands for any text
  minimum: Below it is an alert, in the point's unit; NULL: no lower limit
  maximum: Above it is an alert, in the point's unit; NULL: no upper limit
  severity: How bad it is, for instance warning
  active: Whether it is applied
  created_at: When the row was made, UTC

building_alerts: Stretches of samples beyond a limit: a row a site, point, rule and start
  site_name: The building, as the source calls its site
  point_name: The measuring point of the site, as the source calls it
  rule_id: The rule (building_alert_rules.rule_id)
  started_at: First sample beyond the limit, UTC
  ended_at: Last sample beyond the limit, UTC
  samples: How many samples were beyond it
  extreme: The value farthest beyond the limit, in the point's unit
  severity: Of the rule when it was found
  detected_at: When it was found, UTC
  incident: The alert that told it (alerts.alert_id); 0: older than telling; NULL: not told yet
  open_ended: Whether it goes on after the last sample of the day that there is

cache_metrics: What the cache did: a row a hit, miss, stale answer or invalidation
  recorded_at: When it was, UTC
  tenant_id: For whom (tenants.tenant_id); NULL: nobody in particular
  service: Whose cache it is
  cache_key: Key of the cache
  outcome: hit, miss, stale or invalidation
  duration_ms: How long it took, milliseconds; NULL: not measured
  outside: Whether a program beside ours told it: it is in no figure of ours

circuit_breakers: Circuit breakers that all processes share: a row an upstream
  name: Name of the upstream
  state: closed, open or half_open
  failures: Transient failures that count; while open, those that opened it
  generation: Number of the period between two changes of state
  opened_at: When it opened last, UTC; NULL: closed
  probe_until: When the half-open probe is given up, UTC; NULL: not half open
  failed_at: When the failures were, UTC, while closed; the oldest first
  last_error: The newest failure; NULL: none
  updated_at: When the row was last changed, UTC

collected_days: Days that were collected, and what came of them: a row a site and UTC day
  site_name: The building, as the source calls its site
  day: The UTC day
  configured_points: The points that were wanted when the day was collected
  missing_points: Those of them without a sample in the day
  fetched: Samples that the source sent
  kept: Samples that are of configured points
  missing: Halves that were never collected: samples, weather
  result: All that is known of the collection, as the asset's metadata show it
  run_id: Id of the Dagster run that did it; NULL: none is known
  collected_at: When it was collected, UTC
  covered_at: When gaps were last looked for, UTC; NULL: not since it was collected
  watched_at: When alert rules were last applied, UTC; NULL: never

collected_windows: Windows of time that were collected in full: a row a site and window
  site_name: The building, as the source calls its site
  window_start: Start of the window, UTC, inclusive
  window_end: End of the window, UTC, exclusive
  dialect: Which shape of the API answered; NULL: none is known
  counts: What was fetched, kept, skipped, rejected, inserted and so on, in records
  missing_points: Configured points without a sample in the window
  collected_at: When it was collected, UTC

cron_logs: Ticks of whatever runs by the clock, or is called as if by it: a row a tick
  cron_log_id: Number of the tick
  name: What ran
  trigger: What began it: schedule, http, sensor and so on
  status: started, completed or failed; running: of a process of an earlier version
  processed: Things that were dealt with
  succeeded: Those of them that went well
  failed: Those of them that did not
  details: What else there is to say of it
  error: What went wrong, in a sentence; NULL: nothing
  run_id: Id of the Dagster run that did it; NULL: none is known
  started_at: When it began, UTC
  finished_at: When it ended, UTC; NULL: it is under way
  id: cron_log_id, as clients of the replaced services call it
  job_name: name, as clients of the replaced services call it
  payload: details, as clients of the replaced services call them
  error_message: error, as clients of the replaced services call it

customers: Rows of customers_* files, merged: one a tenant and customer_id
  tenant_id: Whose row it is (tenants.tenant_id)
  customer_id: Id of the customer, unique in the tenant
  name: Name of the customer
  email: E-mail address; not unique
  metadata: What the sender keeps of the customer beside it
  created_at: When the sender made the customer, UTC; NULL: not told
  extra: Fields that the contract does not know, as they came; NULL: none
  upload_id: The file that told the row last (uploads.upload_id)

customers_staging: Rows of customers_* files, not merged yet
  waiting: Whether it waits for a parent that has not come
  tenant_id: Whose row it is (tenants.tenant_id)
  upload_id: The file that it came in (uploads.upload_id)
  line_number: Number of its line in the file, from 1
  customer_id: Id of the customer, unique in the tenant
  name: Name of the customer
  email: E-mail address; not unique
  metadata: What the sender keeps of the customer beside it
  created_at: When the sender made the customer, UTC; NULL: not told
  extra: Fields that the contract does not know, as they came; NULL: none
  waiting_since: Since when it waits, UTC; NULL: it does not

customers_staging_arrived: Rows of customers_* files, not merged yet: those that are next
  waiting: Whether it waits for a parent that has not come
  tenant_id: Whose row it is (tenants.tenant_id)
  upload_id: The file that it came in (uploads.upload_id)
  line_number: Number of its line in the file, from 1
  customer_id: Id of the customer, unique in the tenant
  name: Name of the customer
  email: E-mail address; not unique
  metadata: What the sender keeps of the customer beside it
  created_at: When the sender made the customer, UTC; NULL: not told
  extra: Fields that the contract does not know, as they came; NULL: none
  waiting_since: Since when it waits, UTC; NULL: it does not

customers_staging_waiting: Rows of customers_* files, not merged yet: those that wait
  waiting: Whether it waits for a parent that has not come
  tenant_id: Whose row it is (tenants.tenant_id)
  upload_id: The file that it came in (uploads.upload_id)
  line_number: Number of its line in the file, from 1
  customer_id: Id of the customer, unique in the tenant
  name: Name of the customer
  email: E-mail address; not unique
  metadata: What the sender keeps of the customer beside it
  created_at: When the sender made the customer, UTC; NULL: not told
  extra: Fields that the contract does not know, as they came; NULL: none
  waiting_since: Since when it waits, UTC; NULL: it does not

daily_sales: Sales by UTC day, title, platform, marketplace and currency; without payments
  tenant_id: Whose row it is (tenants.tenant_id)
  day: The UTC day; the first of the month where only that is known
  platform: The seller: amazon_kdp, gumroad, smashwords, draft2digital or one of a mapping
  title: Title of the book; empty: not told
  marketplace: Shop or country; empty: not told
  currency: ISO 4217, of amount; empty: not told
  events: Events that are summed up
  units: Units sold less those refunded
  refunded_units: Units that came back
  free_units: Units given away
  pages: Pages that were read
  amount: What the author earns, in currency; an amount that is not known counts as 0
  pending_events: Events without an amount, pages aside

gumroad_ping_tokens: Secrets in the addresses that Gumroad sends Pings to
  sha256: SHA-256 of the secret, 32 bytes
  tenant_id: Whose row it is (tenants.tenant_id)
  created_at: When the row was made, UTC
  revoked_at: When it was taken back, UTC; NULL: it was not

gumroad_pings: Gumroad's Pings, all that were news
  ping_id: Number of the Ping, in order of arrival
  tenant_id: Whose row it is (tenants.tenant_id)
  sale_id: Gumroad's id of the sale
  resource_name: What it tells: sale, refund, dispute, dispute_won and so on
  fields: The fields that are kept of it
  received_at: When it was received, UTC
  job_id: The job that deals with it (jobs.job_id); NULL: none
  gift_at: When it was bought, UTC, where it is half of a gift; NULL: it is none, or older

gumroad_sales: What Gumroad's API said of sales: a row a tenant and sale
  tenant_id: Whose row it is (tenants.tenant_id)
  sale_id: Gumroad's id of the sale
  fields: The fields that are kept of it; amounts are US cents
  told_at: When the API was asked, UTC
  complete: Whether all fields are kept; false: made of what earlier versions had kept
  gift_at: When it was bought, UTC, where it is half of a gift; NULL: it is none

gumroad_syncs: How far sales were fetched: a row a tenant and account
  tenant_id: Whose row it is (tenants.tenant_id)
  account: Which account: the first 16 digits of the SHA-256 of its token
  synced_until: Day up to which sales were fetched, UTC
  synced_at: When the last sync began, UTC
  looked_back_at: When sales of long ago were last asked for, UTC; NULL: never

idempotency_keys: Answers by Idempotency-Key, so that the same request is done once
  tenant_id: Whose row it is (tenants.tenant_id)
  endpoint: What was asked for
  key: Idempotency-Key of the request
  attempt: Number of the attempt that holds the key
  payload_sha256: SHA-256 of the request, 32 bytes; NULL: not known yet
  status: Status of HTTP that was answered; NULL: not answered yet
  body: Body that was answered; NULL: not answered yet
  location: Header `Location` of the answer; NULL: none
  created_at: When the row was made, UTC
  in_flight_until: Until when the attempt holds the key, UTC

ingestion_events: Events that were sent, and what became of them: a row an event
  ingestion_id: Id of the event, a UUID where we gave it
  tenant_id: Whose row it is (tenants.tenant_id)
  event_type: Type of the event, for instance market.fundamentals.upsert
  source: Who sent it, as it says itself; NULL: not told
  market_slug: The market that it is about; NULL: none
  status: received, validated, applied or failed
  payload: The event as it was sent
  payload_sha256: SHA-256 of the body, hexadecimal: the same again is a duplicate
  webhook_id: The sender's own id of the event, unique in the tenant; NULL: none
  cache_invalidated: Keys of the cache that it invalidated
  processed_records: Records that were written; NULL: not applied
  rejected: What was refused of it, with reasons
  processing_time_ms: How long applying it took, milliseconds; NULL: not applied
  error: What went wrong, in a sentence; NULL: nothing
  job_id: The job that deals with it (jobs.job_id); NULL: none
  request_id: Id of the HTTP request that brought it; NULL: none is known
  received_at: When it was received, UTC
  validated_at: When it was found to be valid, UTC; NULL: it was not
  applied_at: When it was applied, UTC; NULL: it was not

job_attempts: Attempts at jobs: a row a job and attempt
  job_id: The job (jobs.job_id)
  attempt: Number of the attempt, from 1
  started_at: When it began, UTC
  finished_at: When it ended, UTC; NULL: it is under way
  worker: Who made it
  run_id: Id of the Dagster run that did it; NULL: none is known
  outcome: completed, failed, released or lapsed; NULL: it is under way
  error: What went wrong, in a sentence; NULL: nothing

jobs: The queue: a row a piece of work
  job_id: Number of the job, in order of arrival
  tenant_id: Whose job it is (tenants.tenant_id); NULL: nobody's in particular
  kind: What is to be done
  platform: `platform` of the payload, else the kind
  payload: What the work needs to know; never overwritten
  shown_payload: The payload of an import of book sales without credentials; NULL: another kind
  result: What came of it; NULL: nothing yet
  status: pending, processing, retrying, completed, failed or dead
  priority: The highest first
  attempt: Attempts that were begun
  max_attempts: Attempts after which it is given up
  available_at: Not before this instant, UTC
  lease_expires_at: When another may take it up, UTC; NULL: nobody works at it
  worker: Who works at it, or did last; NULL: nobody yet
  run_id: Id of the Dagster run that did it; NULL: none is known
  error: What went wrong, in a sentence; NULL: nothing
  created_at: When the row was made, UTC
  updated_at: When the row was last changed, UTC
  senders_fault: Whether it failed by what was sent, and by nothing of ours

key_value: Documents by key, where the key-value store is PostgreSQL
  namespace: Whose documents they are: one namespace a tenant
  key: Key of the document, unique in its namespace
  value: The document
  version: Grows with every write, for compare-and-set
  expires_at: When it stops being there, UTC; NULL: never
  updated_at: When the row was last changed, UTC

kpi_analyses: Analyses that were put beside readings: a row a tenant, trace and KPI
  tenant_id: Whose row it is (tenants.tenant_id)
  trace_id: The job of the sender's workflow that it belongs to (traceId)
  kpi_id: Which KPI, as the sender calls it (kpiId)
  analysis: The analysis as it was put
  updated_at: When the row was last changed, UTC

kpi_conflicts: Readings that told another value of an instant that had one
  tenant_id: Whose row it is (tenants.tenant_id)
  kpi_id: Which KPI, as the sender calls it (kpiId)
  observed_at: Instant of the reading, UTC, to the microsecond
  trace_id: The job of the sender's workflow that it belongs to (traceId)
  value: The value that was told again, and not kept
  kept_value: The value that was kept
  request_id: Id of the HTTP request that brought it; NULL: none is known
  received_at: When it was received, UTC

kpi_corrections: Values that senders put right, and what was there before
  correction_id: Number of the correction
  tenant_id: Whose row it is (tenants.tenant_id)
  kpi_id: Which KPI, as the sender calls it (kpiId)
  observed_at: Instant of the reading, UTC, to the microsecond
  old_value: The value that was replaced
  new_value: The value that replaced it
  old_data: The object that was replaced; NULL: none is known
  trace_id: The job of the sender's workflow that it belongs to (traceId)
  request_id: Id of the HTTP request that brought it; NULL: none is known
  corrected_at: When it was corrected, UTC

kpi_daily_summary: KPIs by UTC day: a row a tenant, KPI and day
  tenant_id: Whose row it is (tenants.tenant_id)
  kpi_id: Which KPI, as the sender calls it (kpiId)
  day: The UTC day
  points: Readings of the day
  minimum: Smallest value, in the KPI's own unit
  maximum: Largest value, in the KPI's own unit
  mean: Mean of the values, in the KPI's own unit
  last: Value of the last reading
  change: Last value less the last one before the day; NULL: none, or no finite number

kpi_days: Which UTC days have summaries to be made anew
  day: The UTC day
  pending: Whether it is still to be dealt with: its documents or rows are to be made anew
  changed: Grows with every change, so that a change made meanwhile is not taken for done

kpi_errors: Errors that workflows reported
  error_id: Number of the report, in order of arrival
  tenant_id: Whose row it is (tenants.tenant_id)
  sha256: SHA-256 of the body as it was sent: the same again is a duplicate
  trace_id: The job of the sender's workflow that it belongs to (traceId)
  kpi_ids: The KPIs that failed; empty: the error is the job's
  message: The message that was found in the report
  code: Code of the error; NULL: none was found
  type: Type of the error; NULL: none was found
  retry_count: Retries that the sender counted; NULL: not told
  observed_at: When it happened, UTC; when it was received where the report does not say
  n: Number among the reports of the same trace and instant, from 1
  body: The report without its secrets
  request_id: Id of the HTTP request that brought it; NULL: none is known
  received_at: When it was received, UTC
  pending: Whether it is still to be dealt with: its documents or rows are to be made anew

kpi_job_kpis: State of every KPI of a job: a row a tenant, trace and KPI
  tenant_id: Whose row it is (tenants.tenant_id)
  trace_id: The job of the sender's workflow that it belongs to (traceId)
  kpi_id: Which KPI, as the sender calls it (kpiId)
  status: pending, completed, failed or timeout
  completed_at: When its reading came, UTC; NULL: it has not
  error: The newest error that was reported; NULL: none
  retry_count: Largest number of retries that was reported
  updated_at: When the row was last changed, UTC
  pending: Whether it is still to be dealt with: its documents or rows are to be made anew
  changed: Grows with every change, so that a change made meanwhile is not taken for done

kpi_jobs: Jobs of the senders' workflows: a row a tenant and trace
  tenant_id: Whose row it is (tenants.tenant_id)
  trace_id: The job of the sender's workflow that it belongs to (traceId)
  created_at: When the row was made, UTC
  announced_at: When the workflow announced it, UTC; NULL: it did not
  timeout_at: When what is still pending times out, UTC
  expired_at: When it was found to be past its timeout, UTC; NULL: it was not
  updated_at: When the row was last changed, UTC
  pending: Whether it is still to be dealt with: its documents or rows are to be made anew
  changed: Grows with every change, so that a change made meanwhile is not taken for done

kpi_points: KPI time series: a row a tenant, KPI and instant; the first value wins
  tenant_id: Whose row it is (tenants.tenant_id)
  kpi_id: Which KPI, as the sender calls it (kpiId)
  observed_at: Instant of the reading, UTC, to the microsecond
  value: The value, in the KPI's own unit
  timestamp_text: The instant as the sender wrote it
  kpi_type: Type of the KPI as the sender wrote it (kpiType)
  trace_id: The job of the sender's workflow that it belongs to (traceId)
  received_at: When it was received, UTC
  in_order: Whether no newer reading of the series was there when it came
  quality: high, medium or low; NULL: not graded yet

kpi_series: Which KPIs have documents to be made anew: a row a tenant and KPI
  tenant_id: Whose row it is (tenants.tenant_id)
  kpi_id: Which KPI, as the sender calls it (kpiId)
  pending: Whether it is still to be dealt with: its documents or rows are to be made anew
  changed: Grows with every change, so that a change made meanwhile is not taken for done

kpi_updates: Inbox of KPI readings: a row a tenant, trace, KPI and instant
  update_id: Number of the reading, in order of arrival
  tenant_id: Whose row it is (tenants.tenant_id)
  trace_id: The job of the sender's workflow that it belongs to (traceId)
  kpi_id: Which KPI, as the sender calls it (kpiId)
  observed_at: Instant of the reading, UTC, to the microsecond
  timestamp_text: The instant as the sender wrote it
  kpi_type: Type of the KPI as the sender wrote it (kpiType)
  value: The primary value of `data`, in the KPI's own unit
  data: The object that was sent
  metadata: What the sender said beside it; NULL: nothing
  chart: The sender's chart (url, type, timeRange); NULL: none
  request_id: Id of the HTTP request that brought it; NULL: none is known
  received_at: When it was received, UTC
  pending: Whether it is still to be dealt with: its documents or rows are to be made anew
  changed: Grows with every change, so that a change made meanwhile is not taken for done
  attempts: How often making its package failed since it was last changed
  error: Why making its package failed; NULL: it did not

macro_observations: Observations of FRED with all their vintages: what was known of a date, and when
  series_id: Id of the series at FRED (macro_series.series_id)
  date: Date of the observation
  realtime_start: First day on which this was what was known of the date
  realtime_end: Last day on which it was, inclusive; 9999-12-31: it still is
  value: The value, in the series' own unit; NULL: FRED says that it is missing
  recorded_at: When the row was made, UTC

macro_series: Series of FRED that are followed, and how asking for them went
  series_id: Id of the series at FRED
  fetched_at: When it was last fetched with success, UTC; NULL: never
  checked_at: When it was last asked for, UTC
  error: Newest failure since the last success; NULL: none

market_comps: Comparable sales of buildings: a row a tenant, market and comparable
  tenant_id: Whose row it is (tenants.tenant_id)
  market_slug: The market, by the short name that its events use
  comp_key: Identity of the comparable: of its id, else of its address and sale date
  comp_id: Id that the sender gave it; NULL: none
  sale_date: Day of the sale, as the sender wrote it
  building_sf: Size of the building, square feet
  price_per_sf_usd: Price, US dollars a square foot
  cap_rate_pct: Capitalization rate, percent; NULL: not told
  noi_annual: Net operating income of a year; NULL: not told
  year_built: Year in which it was built; NULL: not told
  occupancy_pct: Occupied share, percent; NULL: not told
  address: Address of the building; NULL: not told
  city: City of the building; NULL: not told
  submarket: Part of the market; NULL: not told
  building_class: Class of the building; NULL: not told
  source: Who sent it: `source` of the event
  ingestion_id: The event that wrote it last (ingestion_events.ingestion_id)
  sent_at: When that event was sent, UTC; an event that was sent earlier changes nothing
  version: How often the row was written, from 1
  updated_at: When the row was last changed, UTC

market_fundamentals: Fundamentals of real estate markets: a row a tenant, market and day
  tenant_id: Whose row it is (tenants.tenant_id)
  market_slug: The market, by the short name that its events use
  as_of_date: The day of which the figures are, as the sender wrote it
  city: City of the market; NULL: not told
  vacancy_rate_pct: Vacant share of the space, percent
  avg_asking_rent_psf_yr_nnn: Average asking rent, US dollars a square foot and year, triple net
  yoy_rent_growth_pct: Growth of the rent against the year before, percent
  avg_cap_rate_pct: Average capitalization rate, percent
  under_construction_sf: Space under construction, square feet; NULL: not told
  absorption_sf_ytd: Net absorption of the year to date, square feet; NULL: not told
  inventory_sf: All space of the market, square feet; NULL: not told
  source: Who sent it: `source` of the event
  ingestion_id: The event that wrote it last (ingestion_events.ingestion_id)
  sent_at: When that event was sent, UTC; an event that was sent earlier changes nothing
  version: How often the row was written, from 1
  updated_at: When the row was last changed, UTC

order_items: Rows of order_items_* files, merged: one a tenant and order_item_id
  tenant_id: Whose row it is (tenants.tenant_id)
  order_item_id: Id of the item, unique in the tenant
  order_id: The order (orders.order_id)
  product_id: The product (products.product_id)
  quantity: How many, at least 1
  unit_price: Price of one, in the order's currency
  line_total: Sum of the item, in the order's currency
  extra: Fields that the contract does not know, as they came; NULL: none
  upload_id: The file that told the row last (uploads.upload_id)

order_items_staging: Rows of order_items_* files, not merged yet
  waiting: Whether it waits for a parent that has not come
  tenant_id: Whose row it is (tenants.tenant_id)
  upload_id: The file that it came in (uploads.upload_id)
  line_number: Number of its line in the file, from 1
  order_item_id: Id of the item, unique in the tenant
  order_id: The order (orders.order_id)
  product_id: The product (products.product_id)
  quantity: How many, at least 1
  unit_price: Price of one, in the order's currency
  line_total: Sum of the item, in the order's currency
  extra: Fields that the contract does not know, as they came; NULL: none
  waiting_since: Since when it waits, UTC; NULL: it does not

order_items_staging_arrived: Rows of order_items_* files, not merged yet: those that are next
  waiting: Whether it waits for a parent that has not come
  tenant_id: Whose row it is (tenants.tenant_id)
  upload_id: The file that it came in (uploads.upload_id)
  line_number: Number of its line in the file, from 1
  order_item_id: Id of the item, unique in the tenant
  order_id: The order (orders.order_id)
  product_id: The product (products.product_id)
  quantity: How many, at least 1
  unit_price: Price of one, in the order's currency
  line_total: Sum of the item, in the order's currency
  extra: Fields that the contract does not know, as they came; NULL: none
  waiting_since: Since when it waits, UTC; NULL: it does not

order_items_staging_waiting: Rows of order_items_* files, not merged yet: those that wait
  waiting: Whether it waits for a parent that has not come
  tenant_id: Whose row it is (tenants.tenant_id)
  upload_id: The file that it came in (uploads.upload_id)
  line_number: Number of its line in the file, from 1
  order_item_id: Id of the item, unique in the tenant
  order_id: The order (orders.order_id)
  product_id: The product (products.product_id)
  quantity: How many, at least 1
  unit_price: Price of one, in the order's currency
  line_total: Sum of the item, in the order's currency
  extra: Fields that the contract does not know, as they came; NULL: none
  waiting_since: Since when it waits, UTC; NULL: it does not

orders: Rows of orders_* files, merged: one a tenant and order_id
  tenant_id: Whose row it is (tenants.tenant_id)
  order_id: Id of the order, unique in the tenant
  external_order_id: Id of the order in the system that it came from
  customer_id: The customer (customers.customer_id)
  customer_name_snapshot: Name of the customer when it was ordered
  customer_email_snapshot: E-mail address of the customer when it was ordered
  total_amount: Sum of the order, in currency
  currency: ISO 4217, of total_amount and of the amounts of its items
  order_status: State of the order as the sender calls it
  order_date: When it was ordered, UTC
  raw_payload: The order as the sender had it
  created_at: When the sender made the order, UTC
  extra: Fields that the contract does not know, as they came; NULL: none
  upload_id: The file that told the row last (uploads.upload_id)

orders_staging: Rows of orders_* files, not merged yet
  waiting: Whether it waits for a parent that has not come
  tenant_id: Whose row it is (tenants.tenant_id)
  upload_id: The file that it came in (uploads.upload_id)
  line_number: Number of its line in the file, from 1
  order_id: Id of the order, unique in the tenant
  external_order_id: Id of the order in the system that it came from
  customer_id: The customer (customers.customer_id)
  customer_name_snapshot: Name of the customer when it was ordered
  customer_email_snapshot: E-mail address of the customer when it was ordered
  total_amount: Sum of the order, in currency
  currency: ISO 4217, of total_amount and of the amounts of its items
  order_status: State of the order as the sender calls it
  order_date: When it was ordered, UTC
  raw_payload: The order as the sender had it
  created_at: When the sender made the order, UTC
  extra: Fields that the contract does not know, as they came; NULL: none
  waiting_since: Since when it waits, UTC; NULL: it does not

orders_staging_arrived: Rows of orders_* files, not merged yet: those that are next
  waiting: Whether it waits for a parent that has not come
  tenant_id: Whose row it is (tenants.tenant_id)
  upload_id: The file that it came in (uploads.upload_id)
  line_number: Number of its line in the file, from 1
  order_id: Id of the order, unique in the tenant
  external_order_id: Id of the order in the system that it came from
  customer_id: The customer (customers.customer_id)
  customer_name_snapshot: Name of the customer when it was ordered
  customer_email_snapshot: E-mail address of the customer when it was ordered
  total_amount: Sum of the order, in currency
  currency: ISO 4217, of total_amount and of the amounts of its items
  order_status: State of the order as the sender calls it
  order_date: When it was ordered, UTC
  raw_payload: The order as the sender had it
  created_at: When the sender made the order, UTC
  extra: Fields that the contract does not know, as they came; NULL: none
  waiting_since: Since when it waits, UTC; NULL: it does not

orders_staging_waiting: Rows of orders_* files, not merged yet: those that wait
  waiting: Whether it waits for a parent that has not come
  tenant_id: Whose row it is (tenants.tenant_id)
  upload_id: The file that it came in (uploads.upload_id)
  line_number: Number of its line in the file, from 1
  order_id: Id of the order, unique in the tenant
  external_order_id: Id of the order in the system that it came from
  customer_id: The customer (customers.customer_id)
  customer_name_snapshot: Name of the customer when it was ordered
  customer_email_snapshot: E-mail address of the customer when it was ordered
  total_amount: Sum of the order, in currency
  currency: ISO 4217, of total_amount and of the amounts of its items
  order_status: State of the order as the sender calls it
  order_date: When it was ordered, UTC
  raw_payload: The order as the sender had it
  created_at: When the sender made the order, UTC
  extra: Fields that the contract does not know, as they came; NULL: none
  waiting_since: Since when it waits, UTC; NULL: it does not

outside_names: Names that tenants' programs have made in the ledger: so many of a sort
  tenant_id: Whose row it is (tenants.tenant_id)
  sort: Sort of the name: service, route, kind or event_type
  name: The name
  first_seen: When it first came, UTC

products: Rows of products_* files, merged: one a tenant and product_id
  tenant_id: Whose row it is (tenants.tenant_id)
  product_id: Id of the product, unique in the tenant
  sku: Stock keeping unit; not unique
  name: Name of the product
  price: Price of one, in the shop's own currency, which the row does not tell
  category_id: Id of the category; NULL: none
  active: Whether it is on sale
  created_at: When the sender made the product, UTC; NULL: not told
  extra: Fields that the contract does not know, as they came; NULL: none
  upload_id: The file that told the row last (uploads.upload_id)

products_staging: Rows of products_* files, not merged yet
  waiting: Whether it waits for a parent that has not come
  tenant_id: Whose row it is (tenants.tenant_id)
  upload_id: The file that it came in (uploads.upload_id)
  line_number: Number of its line in the file, from 1
  product_id: Id of the product, unique in the tenant
  sku: Stock keeping unit; not unique
  name: Name of the product
  price: Price of one, in the shop's own currency, which the row does not tell
  category_id: Id of the category; NULL: none
  active: Whether it is on sale
  created_at: When the sender made the product, UTC; NULL: not told
  extra: Fields that the contract does not know, as they came; NULL: none
  waiting_since: Since when it waits, UTC; NULL: it does not

products_staging_arrived: Rows of products_* files, not merged yet: those that are next
  waiting: Whether it waits for a parent that has not come
  tenant_id: Whose row it is (tenants.tenant_id)
  upload_id: The file that it came in (uploads.upload_id)
  line_number: Number of its line in the file, from 1
  product_id: Id of the product, unique in the tenant
  sku: Stock keeping unit; not unique
  name: Name of the product
  price: Price of one, in the shop's own currency, which the row does not tell
  category_id: Id of the category; NULL: none
  active: Whether it is on sale
  created_at: When the sender made the product, UTC; NULL: not told
  extra: Fields that the contract does not know, as they came; NULL: none
  waiting_since: Since when it waits, UTC; NULL: it does not

products_staging_waiting: Rows of products_* files, not merged yet: those that wait
  waiting: Whether it waits for a parent that has not come
  tenant_id: Whose row it is (tenants.tenant_id)
  upload_id: The file that it came in (uploads.upload_id)
  line_number: Number of its line in the file, from 1
  product_id: Id of the product, unique in the tenant
  sku: Stock keeping unit; not unique
  name: Name of the product
  price: Price of one, in the shop's own currency, which the row does not tell
  category_id: Id of the category; NULL: none
  active: Whether it is on sale
  created_at: When the sender made the product, UTC; NULL: not told
  extra: Fields that the contract does not know, as they came; NULL: none
  waiting_since: Since when it waits, UTC; NULL: it does not

rate_buckets: What tenants may still send, through all gateways: a bucket a tenant
  tenant_id: Whose row it is (tenants.tenant_id)
  tokens: Requests that are left
  granted: Requests that were taken out last
  filled_at: When it was filled up last, UTC

rejected_records: Records of the building API that could not be used, each with the reason
  rejected_id: Number of the row
  site_name: The building, as the source calls its site
  window_start: Start of the window that was asked for, UTC
  page: Number of the page that it was on
  record: The record as it came
  reason: Why it could not be used
  collected_at: When it was collected, UTC

rejected_rows: Lines that were refused, with every reason: a row a file and line
  upload_id: The file that it came in (uploads.upload_id)
  line_number: Number of the line in the file, from 1
  tenant_id: Whose row it is (tenants.tenant_id)
  file_name: Name of the file as it came
  raw: The line as it came
  reasons: Every reason why it was refused
  rejected_at: When it was refused, UTC
  replayed_by: The upload that took the corrected row (uploads.upload_id); NULL: none

sales_events: One row a sale, refund, free copy, borrowed pages or payment
  tenant_id: Whose row it is (tenants.tenant_id)
  platform: The seller: amazon_kdp, gumroad, smashwords, draft2digital or one of a mapping
  external_id: The platform's id, else made of report, natural key and occurrence
  event_type: sale, refund, borrow_pages, free or payment
  provisional: Whether something is known to be missing, for instance the amount of a refund
  as_of: What the report says of its own time, UTC; NULL: it says nothing
  report: The kind of report that it came in
  natural_key: What rows that may correct one another share; NULL: the platform gives ids
  occurred_at: When it happened, UTC; the first of the month where only that is known
  date_precision: day or month: how exact occurred_at is
  title: Title of the book; NULL: not told
  author: Author of the book; NULL: not told
  asin: Amazon's number of the book; NULL: not told
  isbn: ISBN of the book; NULL: not told
  marketplace: Shop or country of the sale; NULL: not told
  quantity: Units, or pages where borrow_pages; refunds are negative
  list_price: Price of one unit, in list_currency, or in currency where that is NULL; NULL: not told
  list_currency: ISO 4217, of list_price where it is another than currency; NULL: the same
  refunded_units: Units that came back, also where more were sold in the same row
  amount: What the author earns, in currency; NULL: the platform does not say yet
  currency: ISO 4217, of amount; NULL: not told
  raw: The row as it came, by header
  source_file: Name of the file, or of the API, that it came from
  source_row: Number of the row in its sheet or file, from 1
  job_id: The job that deals with it (jobs.job_id); NULL: none
  received_at: When it was received, UTC
  recorded_at: When the row was made, UTC
  updated_at: When the row was last changed, UTC; NULL: never

signing_secrets: Secrets of tenants that sign their webhooks
  signing_secret_id: Number of the secret
  tenant_id: Whose row it is (tenants.tenant_id)
  sealed: The secret, encrypted
  created_at: When the row was made, UTC
  expires_at: Until when it is valid, UTC; NULL: without end
  revoked_at: When it was taken back, UTC; NULL: it was not

tenant_readers: Which tenant's rows a login role sees (policies `own_rows`)
  role_name: The role in the database
  tenant_id: The tenant whose rows it sees (tenants.tenant_id)
  created_at: When the row was made, UTC

tenant_sites: Which tenants' readers see the rows of a site
  tenant_id: The tenant (tenants.tenant_id)
  site_name: The building, as the source calls its site
  created_at: When the row was made, UTC

tenants: Tenants: whose data it is
  tenant_id: Number of the tenant
  name: Name of the tenant, unique
  created_at: When the row was made, UTC
  landed_bytes_limit: Most bytes of landed files; NULL: as the settings say
  rejected_bytes_limit: Most bytes of kept refused rows; NULL: as the settings say

timeseries_daily: Samples by UTC day: a row a site, point, day and unit
  site_name: The building, as the source calls its site
  point_name: The measuring point of the site, as the source calls it
  day: The UTC day
  unit: Unit of the values as the source writes it; empty: it says none
  samples: How many samples there are
  left_out: How many numbers were left out, because their quality is not good
  minimum: Smallest value, in the unit; NULL: no number of good quality
  maximum: Largest value, in the unit; NULL: no number of good quality
  mean: Mean of the values, in the unit; NULL: no number of good quality
  last: Last value, in the unit; NULL: no number of good quality
  coverage: Share of the hours of the day in which there is a sample, 0 to 1

timeseries_gaps: Hours without samples: a row a site, day, point and start
  site_name: The building, as the source calls its site
  day: The UTC day
  point_name: The point without samples; *: every point
  gap_start: First hour that is missing, UTC
  gap_end: First hour that is not missing, UTC
  reason: not collected, or no sample

timeseries_hourly: Samples by UTC hour: a row a site, point, hour and unit
  site_name: The building, as the source calls its site
  point_name: The measuring point of the site, as the source calls it
  hour: Start of the hour, UTC
  unit: Unit of the values as the source writes it; empty: it says none
  samples: How many samples there are
  left_out: How many numbers were left out, because their quality is not good
  minimum: Smallest value, in the unit; NULL: no number of good quality
  maximum: Largest value, in the unit; NULL: no number of good quality
  mean: Mean of the values, in the unit; NULL: no number of good quality
  last: Last value, in the unit; NULL: no number of good quality
  coverage: Share of the quarters of the hour in which there is a sample, 0 to 1

timeseries_raw: Samples of buildings: a row a site, point and instant; a partition a month
  site_name: The building, as the source calls its site
  point_name: The measuring point of the site, as the source calls it
  timestamp: Instant of the sample, UTC, to the microsecond
  value: The sample in the point's own unit; NULL: not a finite number, see value_text
  value_text: What came where it was not a finite number; NULL: it was one
  quality: good, bad, text, unknown, or what the sender says
  metadata: What else the source told of the sample; NULL: nothing
  collected_at: When it was collected, UTC

upload_chunks: Parts of files that have arrived: a row a file and first byte
  session_file_id: The file (upload_session_files.session_file_id)
  first_byte: Position of its first byte in the file, from 0
  last_byte: Position of its last byte, inclusive
  sha256: SHA-256 of the content, hexadecimal
  location: Where the bytes are in the landing store

upload_session_files: Files of resumable uploads
  session_file_id: Number of the file
  session_id: The session (upload_sessions.session_id)
  file_name: Name of the file, unique in its session
  type: Type of its rows: customers, products, orders or order_items
  bytes: Size that was announced, bytes
  sha256: SHA-256 of the content, hexadecimal
  upload_id: The upload that it became (uploads.upload_id); NULL: not complete

upload_sessions: Resumable uploads: a row a session
  session_id: Number of the session
  token: Name of the session: the Upload-Token of its requests
  tenant_id: Whose row it is (tenants.tenant_id)
  created_at: When the row was made, UTC
  expires_at: When it is given up, UTC

uploads: Files that arrived, and what became of their lines: a row a file
  upload_id: Number of the file, in order of arrival: the later one wins
  tenant_id: Whose row it is (tenants.tenant_id)
  domain: Whose data it is: commerce, book_sales and so on
  type: Type of its rows, or platform of its report; NULL: none is known
  file_name: Name of the file as it came
  source: How it came: http, drop, ingest, replay, storage, api and so on
  source_key: What it is not taken twice by, unique in the tenant; NULL: nothing
  location: Where the file is
  bytes: Size of the file, bytes; NULL: not known
  sha256: SHA-256 of the file, hexadecimal; NULL: not known
  status: recorded, staged, loaded or failed
  job_id: The job that deals with it (jobs.job_id); NULL: none
  lines: Lines of the file: blank + preamble + rejected + staged
  blank: Blank lines
  preamble: Lines that are no rows: headers and what stands before them
  rejected: Lines that were refused (rejected_rows)
  staged: Rows: inserted + updated + unchanged + superseded + waiting once it is loaded
  inserted: Rows that were new
  updated: Rows that changed one that was there
  unchanged: Rows that were there already
  superseded: Rows that a later version of the same row replaced
  waiting: Rows that wait for their parent
  rejected_kept: Refused lines that are kept in full
  rejected_bytes: Their size, bytes
  error: Why the file as a whole cannot be used; NULL: it can
  recorded_at: When it was recorded, UTC
  staged_at: When its rows were staged, UTC; NULL: they are not
  loaded_at: When its rows were loaded, UTC; NULL: they are not
  removed_at: When retention took the landed file away, UTC; NULL: it is there

upstream_limits: Rate limits that all processes share: a row an upstream
  name: Name of the upstream
  recent: Instants of the newest requests, UTC, the oldest first
  paused_until: No request before this instant, UTC; NULL: not paused

weather_raw: Weather at the sites: a row a site, measure and instant
  site_name: The building, as the source calls its site
  measure: What was measured, as the source calls it, for instance temperature
  timestamp: The measure's own instant, UTC
  value: The value in the source's unit; NULL: not a finite number, see value_text
  value_text: What came where it was not a finite number; NULL: it was one
  quality: good, bad, text, unknown, or what the sender says
  collected_at: When it was collected, UTC
"""
