"""The most memory that this process has had."""

import resource
import sys
from pathlib import Path

_STATUS = Path("/proc/self/status")


def peak_megabytes() -> float:
    """Maximum resident memory so far, in MB (10⁶ bytes), interpreter and libraries included.

    Not getrusage where Linux knows better: its figure is at least that of the parent process at the
    time of the fork, which here may have read all pages itself.
    """
    if _STATUS.exists():
        lines = dict(line.split(":", 1) for line in _STATUS.read_text().splitlines())
        return int(lines["VmHWM"].split()[0]) * 1024 / 1e6
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6
