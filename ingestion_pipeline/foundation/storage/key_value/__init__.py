"""Documents by key: what is promised, and two servers that keep it.

choice.py       Which server keeps the documents: the one that `KEY_VALUE_URL` names, else the
                database
contract.py     Key-value documents: what the store promises, and which server keeps it
documents.py    Many key-value documents at once, where `KeyValue.put` would be one round trip
                each
postgresql.py   Key-value entries in the table `key_value`; every method but `list` and `purge`
                is one statement
redis.py        Key-value entries on a Redis or Valkey server; every write is one Lua script,
                thus atomic
"""
