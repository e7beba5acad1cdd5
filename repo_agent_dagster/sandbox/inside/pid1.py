"""Process 1 of a sandbox: reaps orphans, kills everything on SIGUSR1, ends the sandbox at its deadline.

Run as ``python3 -I -S -c <this file> <seconds>`` by a user without privileges. Why not `timeout` under docker-init:
SIGKILL to all processes (`kill -9 -1`) is the only kill that a fork bomb or a setsid child cannot outrun, and it
would take `timeout` along. Process 1 itself is spared by the kernel, needs no fork to send it, and cannot be killed
from inside.
"""

import ctypes
import os
import signal
import sys
import time
from contextlib import suppress

if os.getpid() != 1:
    sys.exit("this is process 1 of a sandbox; anywhere else it would kill every process of its user")

signal.signal(signal.SIGINT, signal.SIG_DFL)  # Python's own handler would let a SIGINT from inside through
PR_SET_DUMPABLE = 4
ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)  # no process of the same user may trace it and stop the clock

deadline = time.monotonic() + float(sys.argv[1])
awaited = {signal.SIGCHLD, signal.SIGUSR1}
signal.pthread_sigmask(signal.SIG_BLOCK, awaited)
signal.signal(signal.SIGUSR2, signal.SIG_IGN)  # the mark, in /proc, that all of the above is done
while (left := deadline - time.monotonic()) > 0:
    received = signal.sigtimedwait(awaited, left)
    if received is not None and received.si_signo == signal.SIGUSR1:
        with suppress(ProcessLookupError):  # nobody was left
            os.kill(-1, signal.SIGKILL)
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            continue
