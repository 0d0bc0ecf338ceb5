"""The front door: authenticates, checks, records durably, answers; never does the heavy work.

envelope       request id, what came and went in bytes, the request log, metrics
  app          routes of the wings, errors as answers
    front      size → key → rate → JSON; one transaction, or one for all who wait
      once     what comes under an Idempotency-Key is done once, and answered alike
"""
