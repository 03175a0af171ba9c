#!/usr/bin/env python3
"""Wall time of predict_classifier: one core against two on the same files, and from start to the end
of a single 18 kB file. Rounds are interleaved; medians are printed.

    python3 benches/cores.py [--binary PROGRAM] [--input FOLDER] [--model NAME] [--mb 34] [--files 660]
"""

import argparse
import itertools
import os
import shutil
import statistics
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE / "peers")]
from corpus import build_input
from measure import measure

ROOT = HERE.parent


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", type=Path, default=ROOT / "target/release/predict_classifier")
    parser.add_argument("--input", type=Path, default=ROOT / "examples/documents")
    parser.add_argument("--model")
    parser.add_argument("--mb", type=float, default=34.0)
    parser.add_argument("--files", type=int, default=660)
    parser.add_argument("--runs", type=int, default=7)
    memory = Path("/dev/shm")
    default = (memory if os.access(memory, os.W_OK) else ROOT / "target") / "skol_classifier-cores"
    parser.add_argument("--work", type=Path, default=default, help="in memory where there is /dev/shm, so that no disk takes part")
    args = parser.parse_args()
    if not args.binary.is_file():
        parser.error(f"no program at {args.binary}: run `cargo build --release`, or give --binary PROGRAM")
    available = sorted(os.sched_getaffinity(0))
    if len(available) < 2:
        parser.error("this machine gives us one core only")

    shutil.rmtree(args.work, ignore_errors=True)
    size = build_input([args.input], args.work / "many", args.mb, args.files) / 1e6
    build_input([args.input], args.work / "single", 0.018, 1)
    log = str(args.work / "log")

    number = itertools.count()

    def run(source, cores):
        # Removed at the end only: see peers/run.py.
        out = args.work / "out" / str(next(number))
        command = [str(args.binary.resolve()), "--cores", str(cores), "--verbosity", "0", "--output", str(out)]
        command += ["--model", args.model] if args.model else []
        done = measure([*command, str(args.work / source)], cores=available[:cores], stdout=log, stderr=log)
        if done.exit_code:
            raise SystemExit(f"exit code {done.exit_code}:\n" + Path(log).read_text(errors="replace")[-2000:])
        return done

    walls, cpus = {1: [], 2: []}, {1: [], 2: []}
    for turn in range(args.runs):
        for cores in (1, 2) if turn % 2 == 0 else (2, 1):
            done = run("many", cores)
            walls[cores].append(done.wall_s)
            cpus[cores].append(done.cpu_s)
    for cores in (1, 2):
        wall = statistics.median(walls[cores])
        print(f"{cores} core{'s' if cores > 1 else ' '}  {wall:7.3f} s wall  {statistics.median(cpus[cores]):7.3f} CPU s  {size / wall:7.1f} MB/s")
    print(f"two cores are {statistics.median(walls[1]) / statistics.median(walls[2]):.2f} times as fast as one ({size:.1f} MB in {args.files} files)")
    starts = sorted(run("single", 1).wall_s for _ in range(max(args.runs, 15)))
    print(f"start, model and one 18 kB file: {statistics.median(starts) * 1000:.0f} ms (fastest {starts[0] * 1000:.0f} ms)")
    shutil.rmtree(args.work, ignore_errors=True)


if __name__ == "__main__":
    main()
