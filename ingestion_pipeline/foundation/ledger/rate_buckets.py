"""How much a tenant may still send, whichever gateway it comes to: one bucket of tokens each.

Gateways take tokens out in lots, not one by one (`gateway/trust/limits.py`).
"""

from dataclasses import dataclass

import sqlalchemy as sa

# The bucket is filled up to now, and gives as many whole tokens as it has, at most a lot.
_TAKE = sa.text("""
    INSERT INTO rate_buckets AS b (tenant_id, tokens, granted, filled_at)
    VALUES (:tenant_id, :burst - :lot, :lot, statement_timestamp())
    ON CONFLICT (tenant_id) DO UPDATE SET (tokens, granted, filled_at) = (
        SELECT there - least(:lot, floor(there)), least(:lot, floor(there)),
               greatest(b.filled_at, statement_timestamp())
        FROM (SELECT least(:burst, b.tokens + :rate * greatest(0,
                  extract(epoch FROM statement_timestamp() - b.filled_at)::double precision
              )) AS there) AS filled)
    RETURNING granted, tokens
""").bindparams(
    sa.bindparam("burst", type_=sa.Double),
    sa.bindparam("rate", type_=sa.Double),
    sa.bindparam("lot", type_=sa.Integer),
)


@dataclass(frozen=True)
class Lot:
    """Tokens out of a bucket.

    Attributes:
        tokens: how many.
        wait: seconds until there is one, where there is none.
    """

    tokens: int
    wait: float = 0.0


def take(connection: sa.Connection, tenant_id: int, *, rate: float, burst: int, lot: int) -> Lot:
    """Take up to `lot` tokens of a tenant's bucket of `burst`, filled with `rate` a second."""
    values = {"tenant_id": tenant_id, "rate": rate, "burst": burst, "lot": lot}
    granted, left = connection.execute(_TAKE, values).one()
    return Lot(granted, 0.0 if granted else (1 - left) / rate)
