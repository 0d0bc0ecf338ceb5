"""The way out across domains: what readers get.

dashboards/     pages: sign in with a key, see one's own numbers
"""
