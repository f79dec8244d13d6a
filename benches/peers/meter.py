"""Runs one command and says what it cost: `python3 -I -S meter.py COMMAND...` ends with a line of JSON on stdout.

A child's peak memory begins with what it had of its parent when it was forked, so whoever measures has to be small: this
imports nothing that the interpreter does not have in it anyway, and the peak of `true` is the least that it can tell.
"""

import os
import sys
import time

began = time.monotonic()
child = os.fork()
if child == 0:
    try:
        os.dup2(2, 1)
        os.execvp(sys.argv[1], sys.argv[1:])
    finally:
        os._exit(127)
_, status, usage = os.wait4(child, 0)
wall = time.monotonic() - began
print(
    f'{{"code": {os.waitstatus_to_exitcode(status)}, "wall": {wall}, '
    f'"cpu": {usage.ru_utime + usage.ru_stime}, "peak": {usage.ru_maxrss / 1024}}}'
)
