"""What clients of the replaced services read and send: `amazon_kdp` is the name of Amazon KDP.

Rows of `kdp` get the new name. What tells one sale or report from another (external ids, natural
keys, content hashes) does not change, so an old report imported again doubles nothing.
"""

from alembic import op

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    op.execute(_AMAZON_KDP)


_AMAZON_KDP = """
    UPDATE sales_events SET platform = 'amazon_kdp' WHERE platform = 'kdp';
    UPDATE daily_sales SET platform = 'amazon_kdp' WHERE platform = 'kdp';
    UPDATE uploads SET type = 'amazon_kdp',
        source_key = regexp_replace(source_key, '^book_sales:kdp:', 'book_sales:amazon_kdp:')
    WHERE domain = 'book_sales' AND type = 'kdp';
    -- `platform` follows: it is generated of the payload.
    UPDATE jobs SET kind = 'book_sales.import.amazon_kdp',
        payload = payload || '{"platform": "amazon_kdp"}'
    WHERE kind = 'book_sales.import.kdp';
"""
