"""Which names are names of secrets: one list for all who redact or encrypt by name.

Headers and parameters of outgoing requests (`foundation/upstreams/redaction.py`), members of error
reports
(`domains/kpis/contract/reports.py`), members of payloads (`credentials.py`). A name is judged
without
its value: better one value too many is hidden than one secret shown.
"""

import re

# `auth` and `authorization`, but not `author`, `authority`. Not every `…key`: `cacheKey` and
# `sortKey` tell what failed.
_MEMBER = (
    r"token|secret|passw|passphrase|pwd|credential|signature|cookie|session|jwt|bearer"
    r"|auth(?!or(?!i[sz]))"
    r"|(?:api|access|account|app|client|encryption|master|private|shared|service|signing|ssh"
    r"|subscription)[ ._-]?key"
)
# In a URL `key=` and `sig=` are secrets by custom.
PARAMETER = rf"(?:{_MEMBER}|key(?=\Z|=)|sig(?=\Z|=))"

_member, _parameter = re.compile(_MEMBER, re.IGNORECASE), re.compile(PARAMETER, re.IGNORECASE)
_credential = re.compile(r"[a-z][a-z0-9]*(?:_[a-z0-9]+)*")


def is_secret(name: str) -> bool:
    """Whether a member of a JSON object, or a header, is named like a secret."""
    return _member.search(name) is not None


def is_secret_parameter(name: str) -> bool:
    """Whether a parameter of a URL is named like a secret."""
    return _parameter.search(name) is not None


def is_credential_name(text: str) -> bool:
    """Whether a stored credential may be called so (`plant_token`): never as a variable is."""
    return len(text) <= 63 and _credential.fullmatch(text) is not None
