"""The ground: no dagster, no fastapi, no domain; each floor stands on those below it.

credentials.py     Credentials in payloads, encrypted before they are stored
currencies.py      The currency codes of ISO 4217, for all who are told one: those in use, and
                   those that were
environment.py     The settings of this process, out of its environment; the edges ask, and hand
                   them on
errors.py          The one exception tree of the project
instants.py        ISO 8601 as far as Python reads it right, for all who are told a time
printable.py       Words of others, for terminals and logs: what these would act on is written
                   as an escape
repeated_keys.py   Keys that are there twice in a JSON object; parsers pass over them, and the
                   last value wins
sealing.py         Secrets that are to be stored: encrypted under `CREDENTIAL_KEYS` (Fernet),
                   and read again
secret_names.py    Which names are names of secrets: one list for all who redact or encrypt by
                   name
settings.py        Every environment variable that the project reads: name, type, unit, default
sparkline.py       A few series in one small picture, for the metadata that Dagster shows
spreadsheets.py    What spreadsheets do to values on their way through, recognized alike for all
                   wings
storable.py        Texts that the stores can keep: no NUL, no half of a surrogate pair
described/         Sources that files describe: which there are, and what is wrong with a file
intake/            Files through mappings: any export, by a YAML file
ledger/            What happened: tenants, uploads, jobs, attempts
loading/           Files of any shape, loaded by a mapping: recorded, read, landed by a domain
mapping/           The language of mappings: how a table of any shape becomes records of ours
sandbox/           Stand-ins of upstream APIs for demo, development and tests: honest,
                   synthetic, deterministic
storage/           The database and what stands on it
unusual/           What is unusual in a series of its own, and who has gone quiet: numbers in,
                   findings out
upstreams/         The outgoing client for every upstream: retries, rate limit, circuit breaker,
                   counts
watch/             How all is: health, what it is asked of, alerts that are told once, outages.
workbooks/         Workbooks, whatever made them: their sheets as rows of cells, within bounds
"""
