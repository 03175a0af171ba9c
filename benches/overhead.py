#!/usr/bin/env python3
"""Overhead of the instrumentation: a paired benchmark of the whole program.

    benches/overhead.py target/release/predict_classifier examples/documents [--runs 15] [--markdown FILE]

Runs the program on the same input at verbosity 0, 1, 2 and 3, interleaved in a new random order every round, so that
whatever else the machine does meets all of them alike. Each round gives one ratio per verbosity, to the run at
verbosity 0 of the same round; the median of the ratios is the overhead, with the bounds of its 95 % confidence interval
(binomial, from the order statistics). Time is CPU time of the process and its children by default, since wall time on
a busy machine measures the machine (--wall for wall time; both are shown).

Exit code 1 when a median is above the limit of the README: 0.5 % at verbosity 1, 1 % at 2, 3 % at 3.
"""
import argparse
import math
import os
import random
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

LIMITS = {1: 0.5, 2: 1.0, 3: 3.0}


def run(program, inputs, level, extra):
    """One run: CPU seconds and wall seconds."""
    folder = tempfile.mkdtemp(prefix="overhead-")
    environment = {name: value for name, value in os.environ.items() if name != "VERBOSITY"}
    command = [program, *inputs, "--output", folder, "--verbosity", str(level), "--no-progress", *extra]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.perf_counter()
    try:
        done = subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False)
    finally:
        wall = time.perf_counter() - start
        shutil.rmtree(folder, ignore_errors=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)}: exit code {done.returncode}\n{done.stderr.decode(errors='replace')}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return cpu, wall


def interval(values):
    """Bounds of the median with 95 % confidence: order statistics of the binomial distribution."""
    values = sorted(values)
    count = len(values)
    below, tail = 0, 0.0
    for rank in range(count // 2):
        tail += math.comb(count, rank) / 2**count
        if tail > 0.025:
            break
        below = rank + 1
    below = max(below - 1, 0)
    return values[below], values[count - 1 - below]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", help="the release build of predict_classifier")
    parser.add_argument("inputs", nargs="+", help="files or folders to classify: enough for several seconds a run")
    parser.add_argument("--runs", type=int, default=15, help="rounds, each with one run per verbosity (default 15)")
    parser.add_argument("--wall", action="store_true", help="judge wall time instead of CPU time")
    parser.add_argument("--markdown", help="write the table to this file as well")
    parser.add_argument("--seed", type=int, default=1, help="seed of the order of runs")
    parser.add_argument("--extra", action="append", default=[], help="an option passed on to the program, repeatable")
    arguments = parser.parse_args()
    program = os.path.abspath(arguments.program)
    order = random.Random(arguments.seed)

    for level in range(4):
        run(program, arguments.inputs, level, arguments.extra)  # warms the file cache
    rounds = []
    for number in range(arguments.runs):
        levels = list(range(4))
        order.shuffle(levels)
        rounds.append({level: run(program, arguments.inputs, level, arguments.extra) for level in levels})
        print(f"round {number + 1} of {arguments.runs}", end="\r", file=sys.stderr, flush=True)
    print(file=sys.stderr)

    lines = [
        "| verbosity | CPU s | wall s | overhead, CPU | 95 % of the median | overhead, wall | limit |",
        "|---:|---:|---:|---:|---:|---:|---:|",
    ]
    failed = False
    for level in range(4):
        cpu = statistics.median(row[level][0] for row in rounds)
        wall = statistics.median(row[level][1] for row in rounds)
        if level == 0:
            lines.append(f"| 0 | {cpu:.3f} | {wall:.3f} | | | | none |")
            continue
        ratios = [[(row[level][kind] / row[0][kind] - 1) * 100 for row in rounds] for kind in (0, 1)]
        medians = [statistics.median(values) for values in ratios]
        low, high = interval(ratios[1 if arguments.wall else 0])
        judged = medians[1 if arguments.wall else 0]
        failed |= judged > LIMITS[level]
        lines.append(
            f"| {level} | {cpu:.3f} | {wall:.3f} | {medians[0]:+.2f} % | {low:+.2f} to {high:+.2f} % "
            f"| {medians[1]:+.2f} % | {LIMITS[level]} % |"
        )
    text = "\n".join(lines) + "\n"
    print(text, end="")
    if arguments.markdown:
        with open(arguments.markdown, "w", encoding="utf-8") as file:
            file.write(text)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
