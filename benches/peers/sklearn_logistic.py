#!/usr/bin/env python3
"""The original preset here and in scikit-learn, on the same volumes kept out of training: macro-F1 side by side.

    cargo build --release
    benches/peers/sklearn_logistic.py ANNOTATED --kept-out Journal/Vol1 Journal/Vol2

ANNOTATED is a folder with annotated files (.ann) in a folder for each volume. scikit-learn is installed
(once) into a virtual environment under target/peers. Ours is trained and measured by the programs
themselves: train_classifier on the other volumes, evaluate_classifier --json on those kept out. The exit
code is 1 when the two differ by more than --tolerance.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path.insert(0, str(HERE))
PRESET = "logistic_words_suffixes"
SUFFIX = ".exe" if os.name == "nt" else ""


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("annotated", type=Path)
    parser.add_argument("--kept-out", nargs="+", default=["Mycotaxon/Vol056", "Persoonia/Vol019", "Mycotaxon/Vol118"],
                        help="volumes (folders below ANNOTATED) to test on")
    parser.add_argument("--programs", type=Path, default=ROOT / "target/release", help="folder with the programs")
    parser.add_argument("--venv", type=Path, default=Path(os.environ.get("PEERS_VENV", ROOT / "target/peers/venv")))
    parser.add_argument("--tolerance", type=float, default=0.01)
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    args = parser.parse_args()
    for volume in args.kept_out:
        if not (args.annotated / volume).is_dir():
            parser.error(f"no volume {volume} in {args.annotated}: choose with --kept-out among its folders")
    if not (args.programs / f"train_classifier{SUFFIX}").is_file():
        parser.error(f"no programs in {args.programs}: run `cargo build --release`, or say where with --programs")
    return args


def in_virtual_environment(venv):
    """Starts this script again under an interpreter that has scikit-learn, unless this one has."""
    try:
        import sklearn  # noqa: F401
    except ImportError:
        python = venv / "bin/python"
        if Path(sys.executable).absolute() == python.absolute():
            raise
        if subprocess.run([python, "-c", "import sklearn"], capture_output=True).returncode if python.exists() else True:
            wanted = [l for l in (HERE / "requirements.txt").read_text().split() if l.startswith("scikit-learn")]
            print(f"installing {' '.join(wanted)} into {venv}", file=sys.stderr)
            subprocess.run([sys.executable, "-m", "venv", venv], check=True)
            subprocess.run([venv / "bin/pip", "install", "--quiet", *wanted], check=True)
        os.execv(python, [str(python), *sys.argv])


def split(annotated, kept_out, work):
    """Writes the blocks of all files below `work`/train and `work`/test; the folders of the volumes stay.

    Annotated files have nested, unclosed and never opened blocks, which a program may repair in its own way.
    Both sides are to see the same blocks, so only the plain ones are taken, without what else looks like a
    marker.
    """
    from corpus import BLOCK, MARKERS, annotate, read

    for path in sorted(annotated.rglob("*.ann")):
        below = path.relative_to(annotated)
        part = "test" if any(below.is_relative_to(volume) for volume in kept_out) else "train"
        plain = [(MARKERS.sub(" ", text).replace("*]", " ").strip(), label) for text, label in BLOCK.findall(read(path))]
        plain = [(text, label) for text, label in plain if text]
        copy = work / part / below
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_text(annotate(*zip(*plain)) if plain else "", encoding="utf-8")
    return work / "train", work / "test"


def ours(programs, train, test, work):
    run = lambda *command: subprocess.run([str(c) for c in command], check=True, capture_output=True, text=True).stdout
    start = time.monotonic()
    run(programs / f"train_classifier{SUFFIX}", "--input", train, "--test", test, "--model", PRESET, "--output", work)
    elapsed = time.monotonic() - start
    found = run(programs / f"evaluate_classifier{SUFFIX}", "--model", work / f"{PRESET}.skol", "--gold", test, "--json")
    blocks = json.loads(found)["blocks"]
    f1 = {label: scores["f1"] for label, scores in blocks["labels"].items()}
    return {"macro_f1": blocks["macro_f1"], "accuracy": blocks["accuracy"], "support": blocks["support"], "f1": f1, "seconds": elapsed}


def theirs(train, test):
    from corpus import CLASS_WEIGHTS, labelled_blocks
    from sklearn.feature_extraction.text import TfidfTransformer
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import accuracy_score, f1_score
    from sklearn_peer import by_document_frequency, endings, features, words

    start = time.monotonic()
    texts, labels = zip(*labelled_blocks([train]))
    vectorizers = [by_document_frequency(words, 3600, texts), by_document_frequency(endings, 400, texts)]
    counts = features(vectorizers, texts)
    tfidf = TfidfTransformer(norm=None).fit(counts)
    tfidf.idf_ = tfidf.idf_ - 1.0  # Spark's idf: ln((n + 1) / (df + 1))
    model = LogisticRegression(C=1.0, max_iter=100, class_weight=CLASS_WEIGHTS).fit(tfidf.transform(counts), labels)
    elapsed = time.monotonic() - start
    texts, gold = zip(*labelled_blocks([test]))
    predicted = model.predict(tfidf.transform(features(vectorizers, texts)))
    names = list(CLASS_WEIGHTS)
    f1 = dict(zip(names, f1_score(gold, predicted, labels=names, average=None, zero_division=0).tolist()))
    macro = f1_score(gold, predicted, average="macro", zero_division=0)
    return {"macro_f1": macro, "accuracy": accuracy_score(gold, predicted), "support": len(gold), "f1": f1, "seconds": elapsed}


def main():
    args = arguments()
    in_virtual_environment(args.venv)
    import warnings

    warnings.filterwarnings("ignore")  # it does not converge within 100 iterations, and neither do we
    with tempfile.TemporaryDirectory() as work:
        train, test = split(args.annotated, args.kept_out, Path(work))
        figures = {"skol_classifier": ours(args.programs, train, test, Path(work)), "scikit-learn": theirs(train, test)}
    difference = abs(figures["skol_classifier"]["macro_f1"] - figures["scikit-learn"]["macro_f1"])
    if args.json:
        print(json.dumps({"kept_out": args.kept_out, "difference": difference, **figures}, indent=2))
    else:
        print(f"kept out of training: {', '.join(args.kept_out)}\n")
        print(f"{'gold blocks':16}  macro-F1  accuracy   blocks  training s   F1 per label")
        for name, found in figures.items():
            per_label = ", ".join(f"{label} {f1:.3f}" for label, f1 in found["f1"].items())
            print(f"{name:16}  {found['macro_f1']:8.4f}  {found['accuracy']:8.4f}  {found['support']:7}  {found['seconds']:10.1f}   {per_label}")
        print(f"\ndifference in macro-F1: {difference:.4f} (at most {args.tolerance})")
    return 0 if difference <= args.tolerance else 1


if __name__ == "__main__":
    sys.exit(main())
