"""The wire of commerce: shapes, rules, answers; pure.

answers.py       The shapes of commerce's answers and bodies, as `/openapi.json` shows them
currencies.py    The currency codes of ISO 4217: those in use, as the package `iso4217` carries
                 the standard's table, and those that were (its List Three), because orders of
                 past years are in them
declaration.py   What a sender says before the bytes come: file names, sizes, hashes
entities.py      The shapes and rules of commerce files: one rule book an entity, pure
"""
