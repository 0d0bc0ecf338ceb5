"""Which samples are counted on, and in which unit: SQL over `timeseries_raw`, for all that derive.

Only the quality `good` (in any case) is counted on: what a source says instead may be BAD,
uncertain, out of service, a number of its own. What it means we do not guess; the sample is kept,
left out of every mean and limit, and counted as left out.

A unit is what the metadata call so, as it is written there. `degC` and `°C` are two: whether they
mean the same is for people to say, and a mean over both would be wrong where they don't.
"""

IS_GOOD = "lower(btrim(quality)) = 'good'"

_NAMES = (
    "'unit', 'units', 'uom', 'unitcode', 'unitofmeasure', 'unitofmeasurement', 'engineeringunit', "
    "'engineeringunits'"
)
# The first two are what nearly everybody writes, and are found without looking at every key.
UNIT = rf"""
    CASE WHEN metadata IS NULL THEN '' ELSE coalesce(
        nullif(btrim(metadata ->> 'unit'), ''),
        nullif(btrim(metadata ->> 'units'), ''),
        (SELECT btrim(told.value)
         FROM jsonb_each_text(CASE jsonb_typeof(metadata) WHEN 'object' THEN metadata END) AS told
         WHERE lower(regexp_replace(told.key, '[_ -]', '', 'g')) IN ({_NAMES})
           AND btrim(told.value) <> ''
         ORDER BY told.key LIMIT 1),
        '') END
"""  # noqa: S608
# Samples of a day with their unit; a value that is not counted on is NULL, and `left_out` then.
SAMPLES_OF_DAY = f"""(
    SELECT site_name, point_name, timestamp, {UNIT} AS unit,
           value IS NOT NULL AND NOT {IS_GOOD} AS left_out,
           CASE WHEN {IS_GOOD} THEN value END AS value
    FROM timeseries_raw
    WHERE site_name = :site AND timestamp >= :start AND timestamp < :end
)"""  # noqa: S608
