"""Ends the stack's processes when the stack itself dies, however it dies. Run as a script; standard library only.

It reads lines from its standard input, which nobody but the stack holds open: `+PID` to watch a process group, `-PID`
to forget it. The end of the input means that the stack is gone: what is still watched is killed and the stack's folder
(the first argument) removed. Unlike Linux's PR_SET_PDEATHSIG it works on every POSIX system and costs the workers,
whose cold start is measured, nothing.
"""

import os
import shutil
import signal
import sys


def main(folder: str) -> None:
    """Watches until the input ends, then cleans up; never raises for a process that is already gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the stack, which tidies up itself
    watched: set[int] = set()
    for line in sys.stdin:
        pid = int(line[1:])
        if line[0] == "+":
            watched.add(pid)
        else:
            watched.discard(pid)
    for pid in watched:
        kill_group(pid)
    shutil.rmtree(folder, ignore_errors=True)


def kill_group(pid: int) -> None:
    """Kills the process that leads the group `pid` and all that it started; nothing happens if it is gone."""
    try:
        if hasattr(os, "killpg"):
            os.killpg(pid, signal.SIGKILL)
        else:  # Windows has no process groups of this kind
            os.kill(pid, signal.SIGTERM)
    except (ProcessLookupError, PermissionError):
        return


if __name__ == "__main__":
    main(sys.argv[1])
