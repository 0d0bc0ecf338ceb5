"""The one exception tree of the project.

    IngestionError
    ├── PermanentError            trying again cannot help: fail the job now
    │   ├── ConfigurationError        a setting is missing or wrong
    │   ├── ContractError             what was sent breaks the contract (the field is named)
    │   ├── UnknownTenantError        no tenant of that name
    │   ├── QuotaError                a tenant keeps as much as it may
    │   ├── LandedFileError           a recorded file is gone or is not what was recorded
    │   │   └── MissingReportError        a sender names no file, or one that is not there
    │   ├── UpstreamRefusedError      an upstream answered that it will not: 4xx, a wrong key
    │   └── StaleAttemptError         a newer attempt owns the job: this worker is a zombie
    └── TransientError            the same call may succeed later: back off and retry
        ├── EmbeddedServerError       the embedded PostgreSQL did not start or stop
        ├── UpstreamUnavailableError  no answer of an upstream, or only 429 or 5xx
        ├── CircuitOpenError          an upstream failed so often that it is left alone
        └── StagingLostError          staged rows vanished in a server crash: stage the file again

Whoever catches decides by the two middle names only. Anything outside the tree is a defect of
ours and is treated as transient, because a retry is harmless (every step is idempotent) and a
dropped job is not.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta


class IngestionError(Exception):
    """Any failure that the project knows by name."""


class PermanentError(IngestionError):
    """Trying again cannot help."""


class ConfigurationError(PermanentError):
    """A setting is missing or wrong."""


@dataclass(frozen=True)
class FieldError:
    """One fault of what was sent: the field (`data.value`, `timestamp`) and what it must be."""

    field: str
    message: str


class ContractError(PermanentError):
    """What was sent breaks the contract; the message names the field and the rule.

    Attributes:
        errors: every field at fault, where the message can't name them all.
    """

    def __init__(self, message: str, errors: Sequence[FieldError] = ()) -> None:
        super().__init__(message)
        self.errors = tuple(errors)


class UnknownTenantError(PermanentError):
    """No tenant of that name."""


class QuotaError(PermanentError):
    """A tenant keeps as many bytes as it may; the message says how many, and who sets the limit."""


class LandedFileError(PermanentError):
    """A recorded file is gone, or is not what was recorded."""


class MissingReportError(LandedFileError):
    """A sender names no file, or one that is not in its part of the landing store."""


class UpstreamRefusedError(PermanentError):
    """An upstream answered that it will not.

    Attributes:
        status: the HTTP status.
        body: the beginning of the answer, without secrets.
    """

    def __init__(self, message: str, *, status: int, body: str) -> None:
        super().__init__(message)
        self.status = status
        self.body = body


class StaleAttemptError(PermanentError):
    """A newer attempt owns the job; what this worker did has been rolled back."""


class TransientError(IngestionError):
    """The same call may succeed later."""


class EmbeddedServerError(TransientError):
    """The embedded PostgreSQL did not start or stop."""


class UpstreamUnavailableError(TransientError):
    """An upstream did not answer, or only 429 or 5xx, at every attempt.

    Attributes:
        status: the HTTP status of the last answer; None: there was none.
        retry_after: how long it asked to be left alone.
    """

    def __init__(
        self, message: str, *, status: int | None = None, retry_after: timedelta | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.retry_after = retry_after


class CircuitOpenError(TransientError):
    """An upstream failed so often that it is left alone for a while.

    Attributes:
        retry_at: when the next call may be let through.
    """

    def __init__(self, message: str, *, retry_at: datetime) -> None:
        super().__init__(message)
        self.retry_at = retry_at


class StagingLostError(TransientError):
    """Staged rows vanished in a server crash; the file has to be staged again."""


def is_permanent(error: BaseException) -> bool:
    """Whether retrying after this error is pointless."""
    return isinstance(error, PermanentError)
