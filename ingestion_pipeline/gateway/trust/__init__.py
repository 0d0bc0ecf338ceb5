"""Whom the gateway believes: signatures, secrets, and how much of anybody.

limits.py            How much a tenant, or an address, may send: a token bucket each
signatures.py        Who signed a webhook: this project's own scheme, and Standard Webhooks
webhook_secrets.py   Which tenant a webhook's secret speaks for: WEBHOOK_SECRETS, and tenants'
                     own in the database
"""
