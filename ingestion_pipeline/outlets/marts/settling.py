"""What payments settle: of which month, shop and currency, and what it came to there.

A payment of Amazon says of which sales period and marketplace it is, in which currency the
royalties accrued and how much they were; its parts say so month by month, and by source (`kdp/
payments.py`). That is final, so it settles its month: whatever the reports of that month say, in
this shop and currency, is settled income, and together it comes to what accrued, to the cent. What
the reports do not tell of it (the money of pages; a report that was never imported; a rounding) is
one row more, without a title, which shrinks when they do tell it.

It is what accrued that is income, in the currency in which it did: before tax was withheld and
before it was changed into the currency of the payout. Payments that have not been made, or came
back, settle nothing; nor does one of several months that does not say how much was of each. A part
of a month outside of the payment's own period corrects what another payment has settled: it is
income, but settles nothing.

Payouts of other sellers (Smashwords) name no month: there a row is settled by its own amount.
"""

_NOT_PAID = (
    "unpaid|not paid|pending|process|progress|schedul|hold|wait|fail|return|reject|revers|refus"
    "|cancel|void"
)
"""States of payments that are no payments, or not yet; as a pattern."""


def _month(text: str) -> str:
    """The first of the month that a text in SQL begins with; NULL: it does not."""
    return (
        f"CASE WHEN {text} ~ '^[0-9][0-9][0-9][0-9]-(0[1-9]|1[0-2])' "
        f"THEN to_date(left({text}, 7), 'YYYY-MM') END"
    )


def _told(name: str, header: str) -> str:
    """A date of the period, also of payments that were read by earlier versions."""
    return _month(f"coalesce(raw ->> '{name}', raw ->> 'Sales Period - {header}')")


PAYMENTS = f"""
    SELECT tenant_id, platform, external_id, coalesce(marketplace, '') AS marketplace, raw,
           {_told("period_start", "Start Date")} AS first,
           {_told("period_end", "End Date")} AS last,
           raw ->> 'accrual_currency' AS currency, CAST(raw ->> 'accrued' AS numeric) AS accrued,
           coalesce(raw ->> 'Source', '') AS source
    FROM sales_events
    WHERE event_type = 'payment' AND platform = 'amazon_kdp' AND report = 'payments'
      AND coalesce(raw ->> 'Payment Status', '') !~* '{_NOT_PAID}'
"""  # noqa: S608
"""Payments that were made, with the months of their period, as a query."""

PAID = f"""
    SELECT payment.tenant_id, payment.platform, payment.external_id, payment.marketplace,
           line.currency, line.month, line.accrued,
           coalesce(line.month BETWEEN first AND coalesce(last, first), true) AS settles,
           line.source = '' OR line.source ~* 'kenp|pages' AS of_pages,
           line.source !~* 'kenp|pages' AS of_sales
    FROM ({PAYMENTS}) AS payment
    CROSS JOIN LATERAL (
        WITH part AS (
            SELECT {_month("(value ->> 'month')")} AS month, value ->> 'currency' AS currency,
                   coalesce(value ->> 'source', '') AS source,
                   CAST(value ->> 'accrued' AS numeric) AS accrued
            FROM jsonb_array_elements(
                CASE jsonb_typeof(raw -> 'parts') WHEN 'array' THEN raw -> 'parts' ELSE '[]' END)),
        told AS (
            SELECT bool_and(month IS NOT NULL AND (currency = payment.currency OR accrued = 0))
                   AND sum(accrued) = payment.accrued AS adds_up
            FROM part)
        SELECT part.currency, month, source, accrued FROM part, told WHERE adds_up
        UNION ALL
        SELECT payment.currency, first, payment.source, payment.accrued FROM told
        WHERE adds_up IS NOT TRUE AND first = coalesce(last, first) AND payment.accrued IS NOT NULL
    ) AS line
"""  # noqa: S608
"""What payments come to, as a query: by month, marketplace and currency; whether that settles the
month, of pages, of sales."""
