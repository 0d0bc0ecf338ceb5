"""What can be made to go wrong, from the command line or while the sandbox runs."""

import threading
from dataclasses import dataclass, field

from ingestion_pipeline.foundation.errors import ConfigurationError


@dataclass(frozen=True)
class Kind:
    """A fault that can be switched on, what it does, and its argument when none is given."""

    does: str
    argument: str = ""


FAULTS = {
    "rate_limited": Kind(
        "429 with Retry-After: ARGUMENT (seconds, or `date`: 1 s, as a date)", "1"
    ),
    "rate_limited_without_header": Kind("429"),
    "limited": Kind(
        "429 with Retry-After to whoever comes after ARGUMENT requests a minute", "100"
    ),
    "server_error": Kind("the status ARGUMENT", "503"),
    "slow": Kind("ARGUMENT seconds of silence before the answer", "1"),
    "broken_body": Kind("the connection breaks in the middle of the body"),
    "wrong_json": Kind("200 with a body that is no JSON"),
    "unknown_envelope": Kind("200 with JSON of a shape that nobody knows"),
    "status_error": Kind("200 with an empty list and a status that says error"),
    "web_page": Kind("200 with a web page about maintenance"),
    "milliseconds": Kind("times are numbers: milliseconds since 1970 (documented only)"),
    "bad_quality": Kind("the quality of every sample is ARGUMENT (documented only)", "BAD"),
    "other_unit": Kind("the unit of every sample is ARGUMENT (documented only)", "degF"),
    "points_cut": Kind(
        "ARGUMENT points a page, and how many there are, but not how many pages", "2"
    ),
    "repeated_cursor": Kind("a page again and again, its cursor unchanged"),
    "empty_page_with_cursor": Kind("an empty page that says that there is more"),
    "duplicate_rows": Kind("a page whose last ARGUMENT rows come twice", "10"),
    "no_data": Kind("nothing in the window: ARGUMENT is `404` (live only) or `empty`", "empty"),
    "no_weather": Kind("the site has no weather feed"),
    "late_rows": Kind("a twentieth of the samples is not there yet"),
    "corrected_rows": Kind("a twentieth of the values is 1 more than without"),
    "odd_values": Kind("a fiftieth of the values is null, `NaN`, `active` or `Infinity`"),
    "revised": Kind("FRED has revised the newest value of ARGUMENT upwards today", "GDP"),
    "revised_to_missing": Kind("FRED has taken the newest value of ARGUMENT back today", "GDP"),
    "unlimited": Kind("no fault: FRED does not count to 120 requests a minute"),
    "not_found": Kind("Gumroad: 200 with success: false"),
    "every_kind": Kind("no fault: Gumroad has a gift, a trial, a dispute, one of each kind"),
    "hostile_note": Kind(
        "the chat server says what must not be taken: ARGUMENT is invented_number, trickling, …",
        "invented_number",
    ),
    "missing_point": Kind("the point ARGUMENT has no samples"),
}


@dataclass
class _Switched:
    argument: str
    path: str
    times: int | None


@dataclass
class Faults:
    """The faults that are switched on."""

    _on: dict[str, _Switched] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def switch_on(
        self, name: str, *, argument: str | None = None, path: str = "", times: int | None = None
    ) -> None:
        """Let a fault happen, to requests whose path holds `path`, `times` times or until off.

        Raises:
            ConfigurationError: there is no such fault.
        """
        if name not in FAULTS:
            raise ConfigurationError(f"no fault {name!r}; there are {', '.join(FAULTS)}")
        switched = _Switched(FAULTS[name].argument if argument is None else argument, path, times)
        with self._lock:
            self._on[name] = switched

    def switch_off(self) -> None:
        """Let everything go well again."""
        with self._lock:
            self._on.clear()

    def take(self, name: str, path: str) -> str | None:
        """The fault's argument if it is to happen now (it may be empty), else None."""
        with self._lock:
            switched = self._on.get(name)
            if switched is None or switched.path not in path or switched.times == 0:
                return None
            if switched.times is not None:
                switched.times -= 1
            return switched.argument

    def as_dict(self) -> dict[str, dict[str, object]]:
        """What is switched on."""
        with self._lock:
            return {name: dict(vars(switched)) for name, switched in self._on.items()}
