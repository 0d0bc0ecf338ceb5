"""The wire of commerce: shapes, rules, answers; pure.

answers.py       The shapes of commerce's answers and bodies, as `/openapi.json` shows them
declaration.py   What a sender says before the bytes come: file names, sizes, hashes
entities.py      The shapes and rules of commerce files: one rule book an entity, pure
"""
