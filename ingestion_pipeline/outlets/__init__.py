"""The way out across domains: what readers get.

marts/          roll-ups: what is asked for every day, worked out once
dashboards/     pages: sign in with a key, see one's own numbers
findings/       what is out of the ordinary, and who has gone quiet
lake/           every published table in an open format, for other engines
receipts/       what became of everything that was sent: stored, refused, waiting
"""
