#!/usr/bin/env python3
"""This program and its peers on the same files, in turn, several times: MB per CPU second and memory.

    benches/peers/run.sh --binary target/release/predict_classifier --annotated DIR --mb 34 --files 660

Every subject reads the same folder of text files and writes a folder of annotation files, in a process
of its own that is pinned to one core. What is counted is user + system time of all its processes,
start and model loading included. `wc -w` (in the C locale) is the floor: it reads the files, looks at
every byte, and writes nothing. See README.md beside this file.
"""

import argparse
import json
import os
import platform
import random
import re
import shutil
import statistics
import subprocess
import sys
from datetime import date
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]
from chart import bars
from corpus import build_input, files_below
from measure import measure

ROOT = HERE.parent.parent
REPORT = ROOT / "docs/benchmarks"
BEGIN, END = "<!-- written by benches/peers/run.sh -->", "<!-- end -->"
LABEL = re.compile(rb"#([A-Z][a-z]+(?:-[a-z]+)*)\*\]")


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("input", nargs="*", type=Path, help="folders of .txt or .ann files (default: the --annotated folder)")
    parser.add_argument("--binary", type=Path, default=ROOT / "target/release/predict_classifier")
    parser.add_argument("--model", action="append", help="model of this program; may be repeated (default: logistic_words_suffixes, context)")
    parser.add_argument("--annotated", type=Path, default=ROOT / "tests/data/gold", help="annotated files the peers are trained on")
    parser.add_argument("--mb", type=float, default=34.0, help="size of the input in MB (10^6 bytes)")
    parser.add_argument("--files", type=int, default=660)
    parser.add_argument("--runs", type=int, default=5, help="interleaved rounds; the medians are printed")
    parser.add_argument("--slow-runs", type=int, default=2, help="rounds in which scikit-learn and PySpark take part too")
    parser.add_argument("--skip", action="append", default=[], choices=["ours", "sklearn", "spark", "wc"])
    parser.add_argument("--core", type=int, default=max(os.sched_getaffinity(0)), help="the core all runs are pinned to")
    parser.add_argument("--python", default=sys.executable, help="interpreter with requirements.txt installed")
    parser.add_argument("--work", type=Path, default=ROOT / "target/peers", help="folder for input, outputs and the peers' models")
    parser.add_argument("--report", type=Path, default=REPORT)
    args = parser.parse_args()
    args.model = args.model or ["logistic_words_suffixes", "context"]
    args.input = args.input or [args.annotated]
    args.work = args.work.resolve()
    if "ours" not in args.skip and not args.binary.is_file():
        parser.error(f"no program at {args.binary}: run `cargo build --release`, or give --binary PATH, or --skip ours")
    return args


def environment():
    """Ours, with one thread for numeric libraries and the kernel they choose for this processor."""
    env = {k: v for k, v in os.environ.items() if not k.startswith("OPENBLAS_")}
    env |= {"OMP_NUM_THREADS": "1", "SPARK_LOCAL_IP": "127.0.0.1", "LC_ALL": "C.UTF-8", "PYTHONUTF8": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    return env


def train_peer(args, script, model, env):
    """Trains once; the model is kept as long as script and annotated files stay as they are."""
    stamp_text = "".join(f"{p} {p.stat().st_size} {p.stat().st_mtime_ns}\n" for p in [HERE / script, *files_below([args.annotated], (".ann",))])
    stamp = model.with_suffix(".stamp")
    if model.exists() and stamp.exists() and stamp.read_text() == stamp_text:
        return
    print(f"training {script} on {args.annotated} ...", flush=True)
    log = args.work / f"{model.stem}.train.log"
    done = measure([args.python, str(HERE / script), "train", str(args.annotated), str(model)], env=env, stdout=str(log), stderr=str(log))
    if done.exit_code:
        raise SystemExit(f"{script} train failed with exit code {done.exit_code}; see {log}")
    stamp.write_text(stamp_text)


def subjects(args, source, env):
    """(name, slow, command for an output folder) of everything that is to be run."""
    found = []
    if "wc" not in args.skip:
        found.append(("wc -w", False, lambda out: ["sh", "-c", f'find "{source}" -name "*.txt" -print0 | LC_ALL=C xargs -0 wc -w']))
    if "ours" not in args.skip:
        for model in args.model:
            found.append((f"skol_classifier, {model}", False, lambda out, model=model: [
                str(args.binary.resolve()), "--model", model, "--cores", "1", "--verbosity", "0", "--output", str(out), str(source)]))
    for key, name, script, model in (("sklearn", "scikit-learn", "sklearn_peer.py", args.work / "sklearn.model"),
                                     ("spark", "PySpark local[1]", "spark_peer.py", args.work / "spark.model")):
        if key not in args.skip:
            train_peer(args, script, model, env)
            found.append((name, True, lambda out, script=script, model=model: [
                args.python, str(HERE / script), "predict", str(model), str(source), str(out)]))
    return found


def check(name, out, files):
    """Counts the annotations that a run wrote, and their labels: a run that did less is no run."""
    written = [p for p in out.rglob("*.ann")]
    if len(written) != files:
        raise SystemExit(f"{name}: {len(written)} annotations for {files} files in {out}")
    labels = {}
    for path in written:
        for label in LABEL.findall(path.read_bytes()):
            labels[label.decode()] = labels.get(label.decode(), 0) + 1
    return labels


def run_all(args, todo, source, env):
    results, labels = {name: [] for name, _, _ in todo}, {}
    order = random.Random(1)
    for turn in range(args.runs):
        turn_todo = [t for t in todo if not t[1] or turn < args.slow_runs]
        order.shuffle(turn_todo)
        for name, slow, command in turn_todo:
            # A folder of its own, removed at the end only: ext4 takes ten times as long to make a file for a minute
            # after others were deleted, because it will not give their inodes away at once.
            out, log = args.work / "out" / f"{turn} {name}", args.work / "run.log"
            done = measure(command(out), env=env, cores=[args.core], stdout=str(log), stderr=str(log))
            if done.exit_code:
                raise SystemExit(f"{name} ended with exit code {done.exit_code}:\n{log.read_text(errors='replace')[-2000:]}")
            if name != "wc -w":
                labels[name] = check(name, out, args.files)
            results[name].append(done)
            print(f"  {turn + 1}/{args.runs}  {name:45} {done.cpu_s:9.2f} CPU s  {done.wall_s:9.2f} s  {done.peak_rss_mib:8.0f} MiB", flush=True)
    shutil.rmtree(args.work / "out", ignore_errors=True)
    return results, labels


def summarise(results, megabytes):
    rows = []
    for name, runs in results.items():
        cpu = statistics.median(r.cpu_s for r in runs)
        rows.append({
            "name": name, "runs": len(runs), "cpu_s": round(cpu, 3), "cpu_s_all": [round(r.cpu_s, 3) for r in runs],
            "wall_s": round(statistics.median(r.wall_s for r in runs), 3),
            "mb_per_cpu_s": round(megabytes / cpu, 3),
            "peak_rss_mib": round(statistics.median(r.peak_rss_mib for r in runs), 1),
        })
    return sorted(rows, key=lambda r: -r["mb_per_cpu_s"])


def processor():
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.machine()


def version_of(args, env):
    code = "import sklearn, pyspark, numpy; print(f'scikit-learn {sklearn.__version__}, PySpark {pyspark.__version__}, numpy {numpy.__version__}')"
    done = subprocess.run([args.python, "-c", code], env=env, capture_output=True, text=True, check=False)
    return done.stdout.strip() or "no peers installed"


def table(rows, ours):
    base = {r["name"]: r for r in rows}
    columns = [n for n in ours if n in base]
    head = "| program | MB per CPU second | CPU s | wall s | peak memory, MiB | runs |" + "".join(f" {n.split(', ')[-1]} is |" for n in columns)
    lines = [head, "|---|---:|---:|---:|---:|---:|" + "---:|" * len(columns)]
    for r in rows:
        ratios = "".join(f" {base[n]['mb_per_cpu_s'] / r['mb_per_cpu_s']:.2f} x |" for n in columns)
        lines.append(f"| {r['name']} | {r['mb_per_cpu_s']:.2f} | {r['cpu_s']:.2f} | {r['wall_s']:.2f} | {r['peak_rss_mib']:.0f} | {r['runs']} |{ratios}")
    return "\n".join(lines)


def main():
    args = arguments()
    env = environment()
    source, stamp = args.work / "input", args.work / "input.stamp"
    stamp_text = f"{args.mb} {args.files} {[(str(p), p.stat().st_mtime_ns) for p in files_below(args.input)]}"
    if not stamp.exists() or stamp.read_text() != stamp_text:
        shutil.rmtree(source, ignore_errors=True)
        build_input(args.input, source, args.mb, args.files)
        stamp.write_text(stamp_text)
    size = sum(p.stat().st_size for p in source.rglob("*.txt")) / 1e6
    print(f"{size:.1f} MB in {args.files} files, core {args.core}")
    todo = subjects(args, source, env)
    results, labels = run_all(args, todo, source, env)
    rows = summarise(results, size)
    ours = [name for name, _, _ in todo if name.startswith("skol_classifier")]
    text = table(rows, ours)
    print("\n" + text)
    args.report.mkdir(parents=True, exist_ok=True)
    about = (f"{size:.1f} MB in {args.files} text files, files to files, everything pinned to one core of: {processor()}. {date.today()}. "
             f"{version_of(args, env)}, Python {platform.python_version()}. Medians of interleaved runs; CPU time is user + system of all "
             "processes, start and model loading included; memory is that of the largest process.")
    shares = "\n".join(f"- {name}: " + ", ".join(f"{k} {v}" for k, v in sorted(found.items(), key=lambda kv: -kv[1])) for name, found in labels.items())
    (args.report / "peers.md").write_text(
        f"# Peers\n\nWritten by `benches/peers/run.sh`; do not edit.\n\n{about}\n\n{text}\n\n![MB per CPU second](peers.svg)\n\n"
        f"Paragraphs and labels that each wrote, to show that they did the same kind of work:\n\n{shares}\n", encoding="utf-8")
    if args.report == REPORT:
        readme = (ROOT / "README.md").read_text(encoding="utf-8")
        head, _, rest = readme.partition(BEGIN)
        _, _, tail = rest.partition(END)
        if tail:
            written = f"{BEGIN}\n\n{text}\n\n{about}\n\n![MB per CPU second](docs/benchmarks/peers.svg)\n\n{END}"
            (ROOT / "README.md").write_text(head + written + tail, encoding="utf-8")
    (args.report / "peers.svg").write_text(bars("Text to annotations, files to files: MB per CPU second (logarithmic)",
                                                [(r["name"], r["mb_per_cpu_s"], r["name"] in ours) for r in rows]), encoding="utf-8")
    (args.report / "peers.json").write_text(json.dumps({"about": about, "megabytes": size, "files": args.files, "rows": rows, "labels": labels}, indent=1) + "\n")
    print(f"\nwritten: {args.report}/peers.md, peers.svg, peers.json")


if __name__ == "__main__":
    main()
