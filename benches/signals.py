#!/usr/bin/env python3
"""How long a run goes on after a signal: a table in Markdown.

For 2,400 small files, 20 large ones, a database (with --couchdb-url and --ingest-db-name; its documents are labelled
anew each time; COUCHDB_USER and COUCHDB_PASSWORD say who asks) and training, at 1 and 2
cores and batch sizes 1, 24 and 500: seconds from SIGINT and SIGTERM to the end, and from a second signal to the end;
how many documents were saved and how many were left.

    cargo build --release && benches/signals.py [--wait 1.5] [--couchdb-url URL --ingest-db-name DB]
"""
import argparse
import json
import pathlib
import signal
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
SAMPLES = ROOT / "examples" / "documents"
SIGNALS = [(signal.SIGINT, "SIGINT"), (signal.SIGTERM, "SIGTERM")]


def stop(command, folder, number, wait, second):
    """Starts `command`, sends the signal after `wait` seconds and again where `second` says so; seconds to the end,
    and the exit code."""
    run = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        run.wait(wait)
        if run.returncode != 0:
            sys.exit(f"{command[0].name} ended with {run.returncode} before any signal: {command}")
        return None, run.returncode
    except subprocess.TimeoutExpired:
        pass
    run.send_signal(number)
    if second:
        time.sleep(0.05)
        if run.poll() is None:
            run.send_signal(number)
    begin = time.perf_counter()
    code = run.wait()
    return time.perf_counter() - begin, code


def documents(metrics):
    try:
        figures = json.loads(metrics.read_text())
    except FileNotFoundError:
        return "", ""
    return figures["documents"]["saved"], figures.get("left")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--programs", type=pathlib.Path, default=ROOT / "target" / "release")
    parser.add_argument("--wait", type=float, default=1.5, help="seconds before the signal")
    parser.add_argument("--couchdb-url")
    parser.add_argument("--ingest-db-name")
    options = parser.parse_args()
    predict = (options.programs / "predict_classifier").resolve()
    train = (options.programs / "train_classifier").resolve()
    print("| what | cores | batch | signal | s to the end | exit | s after a second | saved | left |")
    print("|---|---|---|---|---|---|---|---|---|")
    slowest = 0.0
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        small = (SAMPLES / "fungi" / "checklist_hallowmere.txt").read_text()
        large = (SAMPLES / "volumes" / "acta_hallowmerensia_7.txt").read_text()
        for kind, text, count in (("small", small, 2400), ("large", large * 8, 20)):
            (folder / kind).mkdir()
            for number in range(count):
                (folder / kind / f"{number:04}.txt").write_text(f"Number {number}\n\n{text}")
        # Small files are labelled within a second or two.
        work = [("2,400 small files", ["small"], options.wait / 5), ("20 large files", ["large"], options.wait)]
        if options.couchdb_url:
            database = ["--couchdb-url", options.couchdb_url, "--ingest-db-name", options.ingest_db_name, "--force"]
            work.append(("CouchDB", database, options.wait))
        for what, source, wait in work:
            for cores in (1, 2):
                for batch in (1, 24, 500):
                    for number, signal_name in SIGNALS:
                        metrics = folder / "metrics.json"
                        row = []
                        for second in (False, True):
                            metrics.unlink(missing_ok=True)
                            output = tempfile.mkdtemp(dir=folder)
                            command = [predict, *source, "--cores", str(cores), "--batch-size", str(batch)]
                            command += ["--metrics-file", metrics]
                            if what != "CouchDB":
                                command += ["-o", output]
                            row.append((stop(command, folder, number, wait, second), documents(metrics)))
                        ((first, code), (saved, left)), ((again, _), _) = row
                        shown = ["over before" if t is None else f"{t:.2f}" for t in (first, again)]
                        slowest = max(slowest, first or 0.0, again or 0.0)
                        print(f"| {what} | {cores} | {batch} | {signal_name} | {shown[0]} | {code} | {shown[1]} "
                              f"| {saved} | {left} |", flush=True)
        gold = ROOT / "tests" / "data" / "gold"
        for number, signal_name in SIGNALS:
            command = [train, "--input", gold, "--output", folder / "models", "--cross-validate", "3"]
            seconds, code = stop(command, folder, number, min(options.wait, 0.3), False)
            shown = "over before" if seconds is None else f"{seconds:.2f}"
            slowest = max(slowest, seconds or 0.0)
            print(f"| training | | | {signal_name} | {shown} | {code} | | | |", flush=True)
    print(f"\nslowest: {slowest:.2f} s")
    return 0 if slowest <= 2.0 else 1


if __name__ == "__main__":
    sys.exit(main())
