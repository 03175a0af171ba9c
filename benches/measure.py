#!/usr/bin/env python3
"""Runs one command and measures all of it: user + system CPU time of the process and of every process
it started (also of those it did not wait for, such as a JVM), wall time, and the peak resident memory
of its largest process. Linux only; needs nothing but Python.

    python3 benches/measure.py [--core N] -- COMMAND...      prints one line of JSON
"""

import ctypes
import json
import os
import subprocess
import sys
import time
from typing import NamedTuple

PR_SET_CHILD_SUBREAPER = 36


class Measured(NamedTuple):
    exit_code: int
    wall_s: float
    cpu_s: float
    peak_rss_mib: float


def measure(command, env=None, cwd=None, cores=None, stdout=None, stderr=None):
    """Runs `command` (a list) and returns a `Measured`. `cores` pins it and its children to these cores.

    `stdout` and `stderr` are paths for its output; without them it goes where ours goes.
    """
    # A small process of its own: only this command's children are counted, and the peak memory does not
    # begin at that of a large caller (the kernel carries a process's peak over an exec).
    order = {"command": command, "cwd": cwd, "cores": cores, "stdout": stdout, "stderr": stderr}
    reader, writer = os.pipe()
    keeper = subprocess.Popen([sys.executable, "-I", "-S", os.path.abspath(__file__), "--order", json.dumps(order), str(writer)],
                              env=env, pass_fds=[writer], stdin=subprocess.DEVNULL)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        answer = pipe.read()
    keeper.wait()
    if not answer:
        raise RuntimeError(f"could not run {command[0]}")
    return Measured(*json.loads(answer))


def _keep(command, cwd, cores, stdout, stderr):
    # Orphans of the command become children of this process, which waits for them too.
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    start = time.monotonic()
    child = os.fork()
    if child == 0:
        try:
            if cores:
                os.sched_setaffinity(0, cores)
            for path, descriptor in ((stdout, 1), (stderr, 2)):
                if path:
                    os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644), descriptor)
            if cwd:
                os.chdir(cwd)
            os.execvp(command[0], command)
        except OSError as error:
            os.write(2, f"{command[0]}: {error}\n".encode())
        finally:
            os._exit(127)
    cpu, peak, code, wall = 0.0, 0, 0, 0.0
    while True:
        try:
            pid, status, usage = os.wait4(-1, 0)
        except ChildProcessError:
            break
        cpu += usage.ru_utime + usage.ru_stime
        peak = max(peak, usage.ru_maxrss)
        if pid == child:
            code, wall = os.waitstatus_to_exitcode(status), time.monotonic() - start
    return code, wall, cpu, peak / 1024


def main():
    import argparse

    parser = argparse.ArgumentParser(description="Measure one command.")
    parser.add_argument("--core", type=int, action="append", help="pin to this core (may be repeated)")
    parser.add_argument("command", nargs=argparse.REMAINDER)
    args = parser.parse_args()
    command = args.command[1:] if args.command[:1] == ["--"] else args.command
    if not command:
        parser.error("no command given")
    result = measure(command, cores=args.core, stdout="/dev/stderr")
    print(json.dumps(result._asdict()))
    sys.exit(result.exit_code if result.exit_code >= 0 else 1)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--order"]:
        os.set_inheritable(int(sys.argv[3]), False)
        os.write(int(sys.argv[3]), json.dumps(_keep(**json.loads(sys.argv[2]))).encode())
    else:
        main()
