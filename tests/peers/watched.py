"""Runs a command for as long as whoever started this script is there.

    watched.py COMMAND [ARGUMENT...]

Invariant: when standard input ends, which it does as soon as its writer is gone however it went,
the command is ended; and when the command ends by itself, so does this script, with its exit code.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading

# How long a command may take to end after SIGTERM.
PATIENCE_SECONDS = 5


def end(process: subprocess.Popen[bytes]) -> None:
    """Ends a process that was started here, gently first."""
    process.terminate()
    try:
        process.wait(PATIENCE_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()


def end_with_input(process: subprocess.Popen[bytes]) -> None:
    """Ends a process when standard input ends."""
    # Not `sys.stdin`, whose lock a thread that waits for it would hold at the interpreter's end.
    while os.read(0, 4096):
        pass
    end(process)


def main() -> int:
    """Runs the command; gives its exit code."""
    # So that a signal ends the command, too.
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    process = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL)
    threading.Thread(target=end_with_input, args=(process,), daemon=True).start()
    try:
        return process.wait()
    finally:
        end(process)


if __name__ == "__main__":
    sys.exit(main())
