"""`kill -9` before the n-th line of some of our files: work that is forked off and dies there.

For processes with one thread: what is forked has no other, and the locks that these held stay shut.
A test starts a process that kills (`foundation/loading/killed_drop.py`).
"""

import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Sequence
from types import FrameType, ModuleType
from typing import Any


def killed(work: Callable[[], object], *, at: int, within: Sequence[ModuleType]) -> bool:
    """Do work in a process that is killed before the `at`-th line of these modules (from 1).

    Returns:
        whether it was killed; False: the work ended before.

    Raises:
        RuntimeError: the work failed.
    """
    child = fork(work, at=at, within=within)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        return True
    if status:
        raise RuntimeError("the work failed by itself, see standard error")
    return False


def fork(work: Callable[[], object], *, at: int, within: Sequence[ModuleType]) -> int:
    """The id of a process that does it; see `killed`. At line 0 it is never killed."""
    child = os.fork()
    if child:
        return child
    status = 1
    try:
        if at:
            trace = _killing({str(each.__file__) for each in within}, at)
            threading.settrace(trace)
            sys.settrace(trace)
        work()
        status = 0
    except BaseException:  # noqa: BLE001 (whatever it is, nothing of the parent's runs here)
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(status)


def _killing(files: set[str], at: int) -> Callable[[FrameType, str, Any], Any]:
    left = at

    def line(_: FrameType, event: str, __: Any) -> Any:
        nonlocal left
        if event == "line":
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
        return line

    return lambda frame, _, __: line if frame.f_code.co_filename in files else None
