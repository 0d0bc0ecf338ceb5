"""A job's number as a UUID and back: senders of the replaced service keep UUIDs.

Version 8 (RFC 9562, section 5.8: the owner says what its bits mean): `ingjob` in ASCII, then the
number in the last 62 bits. Nothing is stored; SQL has the same as `job_uuid(job_id)`.
"""

import re
from uuid import UUID

_PREFIX = 0x696E676A6F62 << 80 | 8 << 76 | 2 << 62
_NUMBER = (1 << 62) - 1
_DIGITS = re.compile(r"[0-9]{1,18}")


def uuid_of(job_id: int) -> UUID:
    """The UUID of a job.

    >>> str(uuid_of(42))
    '696e676a-6f62-8000-8000-00000000002a'
    """
    return UUID(int=_PREFIX | job_id)


def job_id_of(text: str) -> int | None:
    """The job that a UUID or, as told before, a number names; None where it can be no job's.

    >>> job_id_of("696e676a-6f62-8000-8000-00000000002a"), job_id_of("42"), job_id_of("x")
    (42, 42, None)
    """
    if _DIGITS.fullmatch(text):
        return int(text)
    try:
        number = UUID(text).int
    except ValueError:
        return None
    return number & _NUMBER if number & ~_NUMBER == _PREFIX else None
