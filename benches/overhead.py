#!/usr/bin/env python3
"""Overhead of the instrumentation: a paired benchmark of the whole program.

    cargo build --release
    benches/overhead.py                      # the program in target/release, 8 MB made from the shipped samples
    benches/overhead.py --program PROGRAM --input FOLDER --mb 34 --pairs 100 --up-to 2000 --markdown FILE

Each verbosity 1, 2 and 3 is measured in pairs: a run at verbosity 0 and one at that verbosity, one right after the
other and in random order, on the same input and each into a new folder. The verbosities take turns, so that
whatever else the machine does meets all of them alike. A pair gives one ratio; the median of the ratios is the
overhead, with its 95 % confidence interval (from the order statistics, so no distribution is assumed). CPU time is
user and system time of the process as the kernel counts it at its end (wait4). The last row compares verbosity 0 with
itself: what it shows is noise.

Runs of one program differ by some per cent, so an overhead of half a per cent takes many pairs to see. With --up-to a
verbosity gets more pairs than --pairs until its interval is narrower than its limit. Only the width decides on that,
never where the interval lies, so that going on cannot favour a result.

With --instructions valgrind counts the instructions of one run at each verbosity on one core instead. That is the
same from run to run to a few parts in ten thousand, so it tells overheads apart that time measurements cannot.

The verdict is on CPU time, or with --wall on wall time, which on a busy machine measures the machine. Exit code 1 when
a median is above the limit: 0.5 % at verbosity 1, 1 % at 2, 3 % at 3.
"""
import argparse
import math
import os
import random
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE / "peers"))
from corpus import build_input

ROOT = HERE.parent
LIMITS = {1: 0.5, 2: 1.0, 3: 3.0}
# Widest 95 % interval, in per cent, that --up-to takes for enough: noise is measured as closely as verbosity 1.
WIDTHS = {**LIMITS, 0: LIMITS[1]}
CPU, WALL = 0, 1


def run(command, level, work):
    """One run: CPU seconds and wall seconds."""
    output = work / "output"
    shutil.rmtree(output, ignore_errors=True)
    command = [*command, "--output", str(output), "--verbosity", str(level)]
    said = work / "said"
    # A small environment: a setting of the caller's must not reach the program.
    environment = {"PATH": os.environ.get("PATH", ""), "HOME": str(work)}
    with open(said, "wb") as log:
        actions = [(os.POSIX_SPAWN_DUP2, log.fileno(), 1), (os.POSIX_SPAWN_DUP2, log.fileno(), 2)]
        start = time.perf_counter()
        process = os.posix_spawn(command[0], command, environment, file_actions=actions)
        _, status, usage = os.wait4(process, 0)
        wall = time.perf_counter() - start
    if os.waitstatus_to_exitcode(status) != 0:
        sys.exit(f"{' '.join(command)}: exit code {os.waitstatus_to_exitcode(status)}\n{said.read_text(errors='replace')}")
    return usage.ru_utime + usage.ru_stime, wall


def instructions(command, level, work):
    """Instructions of one run, by valgrind's callgrind."""
    counted = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={work / 'callgrind'}", *command]
    counted += ["--cores", "1", "--no-progress", "--output", str(work / f"output{level}"), "--verbosity", str(level)]
    done = subprocess.run(counted, env={"PATH": os.environ.get("PATH", ""), "HOME": str(work)}, capture_output=True, text=True)
    found = re.search(r"Collected : (\d+)", done.stderr)
    if done.returncode or not found:
        sys.exit(f"{' '.join(counted)}: exit code {done.returncode}\n{done.stderr}")
    return int(found[1])


def by_instructions(command, work, about):
    counts = {level: instructions(command, level, work) for level in range(4)}
    lines = [about, "", "| verbosity | instructions, 10^6 | overhead | limit |", "|---:|---:|---:|---:|"]
    failed = False
    for level, count in counts.items():
        overhead = (count / counts[0] - 1) * 100
        failed |= overhead > LIMITS.get(level, math.inf)
        lines.append(f"| {level} | {count / 1e6:.1f} | {overhead:+.2f} % | {f'{LIMITS[level]} %' if level else ''} |")
    return "\n".join(lines) + "\n", failed


def interval(values):
    """Bounds of the median with at least 95 % confidence: order statistics of the binomial distribution."""
    values = sorted(values)
    count = len(values)
    rank, tail = 0, 0.0
    while rank < count // 2:
        tail += math.comb(count, rank) / 2**count
        if tail > 0.025:
            break
        rank += 1
    outer = max(rank - 1, 0)
    return values[outer], values[count - 1 - outer]


def overheads(pairs, kind):
    """What each pair says, in per cent."""
    return [(measured[kind] / base[kind] - 1) * 100 for base, measured in pairs]


def enough(pairs, level, kind, arguments):
    """Whether a verbosity has all its pairs."""
    if len(pairs) < arguments.pairs:
        return False
    low, high = interval(overheads(pairs, kind))
    return high - low < WIDTHS[level] or len(pairs) >= arguments.up_to


def measure(command, work, arguments):
    """The pairs of each verbosity, verbosity 0 first in each."""
    order = random.Random(arguments.seed)
    kind = WALL if arguments.wall else CPU
    levels = [1, 2, 3, 0]
    for level in levels:
        run(command, level, work)  # warms the file cache
    pairs = {level: [] for level in levels}
    while levels:
        order.shuffle(levels)
        for level in levels:
            base_first = order.random() < 0.5
            one = run(command, 0 if base_first else level, work)
            other = run(command, level if base_first else 0, work)
            pairs[level].append((one, other) if base_first else (other, one))
        levels = [level for level in levels if not enough(pairs[level], level, kind, arguments)]
        told = ", ".join(f"{len(pairs[level])} at {level}" for level in sorted(pairs))
        print(f"pairs by verbosity: {told}", end="\r", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    return pairs


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", type=Path, default=ROOT / "target/release/predict_classifier")
    parser.add_argument("--input", type=Path, default=ROOT / "examples/documents", help="texts to make the input from")
    parser.add_argument("--mb", type=float, default=8.0, help="size of the input (default 8)")
    parser.add_argument("--files", type=int, default=160, help="files it is written to (default 160)")
    parser.add_argument("--pairs", type=int, default=100, help="pairs per verbosity (default 100)")
    parser.add_argument("--up-to", type=int, default=0, help="go on to so many pairs where the interval is still wider than the limit")
    parser.add_argument("--cores", type=int, help="cores the program may use (default: all)")
    parser.add_argument("--work", type=Path, help="folder for input and output (default: a temporary one, in memory where there is /dev/shm, so that no disk takes part)")
    parser.add_argument("--wall", action="store_true", help="judge wall time instead of CPU time")
    parser.add_argument("--instructions", action="store_true", help="count instructions (needs valgrind) instead of measuring time")
    parser.add_argument("--markdown", help="write the table to this file as well")
    parser.add_argument("--seed", type=int, default=1, help="seed of the order of runs")
    arguments = parser.parse_args()
    program = arguments.program.resolve()
    if not program.is_file():
        parser.error(f"no program at {program}: run `cargo build --release`, or give --program PROGRAM")
    memory = Path("/dev/shm")
    folder = arguments.work or (memory if os.access(memory, os.W_OK) else None)
    work = Path(tempfile.mkdtemp(prefix="overhead-", dir=folder))
    try:
        size = build_input([arguments.input], work / "input", arguments.mb, arguments.files)
        command = [str(program), str(work / "input"), "--checkpoint-dir", str(work / "checkpoints")]
        if arguments.instructions:
            text, failed = by_instructions(command, work, f"{size / 1e6:.1f} MB in {arguments.files} files")
            return end(text, failed, arguments)
        if arguments.cores:
            command += ["--cores", str(arguments.cores)]
        pairs = measure(command, work, arguments)
    finally:
        shutil.rmtree(work, ignore_errors=True)

    lines = [
        f"{size / 1e6:.1f} MB in {arguments.files} files",
        "",
        "| verbosity | pairs | CPU s | wall s | overhead, CPU | 95 % interval | overhead, wall | 95 % interval | limit |",
        "|---:|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    failed = False
    for level in [1, 2, 3, 0]:
        seconds = [statistics.median(measured[kind] for _, measured in pairs[level]) for kind in (CPU, WALL)]
        cells = []
        for kind in (CPU, WALL):
            ratios = overheads(pairs[level], kind)
            median, (low, high) = statistics.median(ratios), interval(ratios)
            cells += [f"{median:+.2f} %", f"{low:+.2f} to {high:+.2f} %"]
            if level and kind == (WALL if arguments.wall else CPU):
                failed |= median > LIMITS[level]
        limit = f"{LIMITS[level]} %" if level else "(noise)"
        lines.append(f"| {level} | {len(pairs[level])} | {seconds[CPU]:.3f} | {seconds[WALL]:.3f} | {' | '.join(cells)} | {limit} |")
    return end("\n".join(lines) + "\n", failed, arguments)


def end(text, failed, arguments):
    print(text, end="")
    if arguments.markdown:
        Path(arguments.markdown).write_text(text, encoding="utf-8")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
