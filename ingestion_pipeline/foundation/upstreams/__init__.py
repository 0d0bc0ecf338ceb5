"""The outgoing client for every upstream: retries, rate limit, circuit breaker, counts.

What is here knows HTTP and nothing of what the answers mean; that is the wings' business.
"""
