"""The wire of commerce: shapes, rules, answers; pure.

answers.py       The shapes of commerce's answers and bodies, as `/openapi.json` shows them
declaration.py   What a sender says before the bytes come: file names, sizes, hashes
entities.py      The shapes and rules of commerce files: one rule book an entity, pure
flat_exports.py  A flat export of a shop, one row a line of an order: all four types at once
mapped.py        Commerce's types as mappings make them: the rule book of each entity in the
                 mapping's terms
shop_columns.py  A flat export of a shop, one row a line of an order: which column is what
"""
