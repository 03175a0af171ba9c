#!/usr/bin/env python3
"""Fine labels here and by scikit-learn's LinearSVC, cross-validated over the same whole volumes, side by side.

    cargo build --release
    benches/peers/sklearn_fine.py ANNOTATED [--figures FIGURES.json]

ANNOTATED is a folder with annotated files (.ann) in a folder for each volume. Ours is `train_classifier
--model context_fine --cross-validate 5 --json`; with --figures what that printed before is read instead.
Theirs is a LinearSVC on words, word pairs and layout (numbers about the paragraph in classes, its first and
last words, and the same of two paragraphs before and after), on the folds that ours uses: volumes in the
order of their paths, dealt out in turn. A gold label that ours does not know (too few paragraphs) counts as
what it collapses to, on both sides. scikit-learn is installed (once) into a virtual environment.
"""

import argparse
import json
import math
import re
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

from sklearn_logistic import HERE, ROOT, SUFFIX, in_virtual_environment

TOKEN = re.compile(r"\d+|\w+|[^\w\s]")
SUPPORT = 20
NEIGHBOURS = (-2, -1, 1, 2)


def arguments():
    import os

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("annotated", type=Path)
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--figures", type=Path, help="what train_classifier --json printed, instead of training now")
    parser.add_argument("--programs", type=Path, default=ROOT / "target/release", help="folder with the programs")
    parser.add_argument("--venv", type=Path, default=Path(os.environ.get("PEERS_VENV", ROOT / "target/peers/venv")))
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    return parser.parse_args()


def ours(args):
    if args.figures:
        return json.loads(args.figures.read_text())
    with tempfile.TemporaryDirectory() as work:
        command = [args.programs / f"train_classifier{SUFFIX}", "--input", args.annotated, "--model", "context_fine",
                   "--cross-validate", str(args.folds), "--output", work, "--json"]
        return json.loads(subprocess.run([str(c) for c in command], check=True, stdout=subprocess.PIPE, text=True).stdout)


def layout(text, before):
    """What the paragraph looks like, as names of classes."""
    lines = text.strip().split("\n")
    tokens = TOKEN.findall(text)
    ratio = lambda part: "none" if not part else str(round(2 * math.log2(part / len(text))))
    size = lambda number: str(round(2 * math.log2(number + 1)))
    counts = {
        "digits": sum(c.isdigit() for c in text), "capitals": sum(c.isupper() for c in text),
        "stops": text.count("."), "commas": text.count(","), "colons": text.count(":") + text.count(";"),
        "brackets": text.count("("), "hyphens": text.count("-"), "foreign": sum(ord(c) > 127 for c in text),
    }
    found = [f"{name}~{ratio(count)}" for name, count in counts.items()]
    found += [f"{name}={size(count)}" for name, count in counts.items()]
    found += [f"lines={size(len(lines))}", f"longest={size(max(map(len, lines)))}", f"tokens={size(len(tokens))}",
              f"last={size(len(lines[-1]))}", f"before={min(before.count(chr(10)), 3)}{chr(12) in before}",
              f"indent={size(len(text) - len(text.lstrip(' ')))}",
              f"years={min(len(re.findall(r'(?<![0-9])1[789][0-9][0-9](?![0-9])', text)), 4)}",
              f"measures={min(len(re.findall(r'[0-9] ?(?:mm|cm|µm|um|m)(?![a-z])', text)), 4)}",
              f"ranges={min(len(re.findall(r'[0-9]+ ?[-–] ?[0-9]+', text)), 4)}"]
    for n in (1, 2, 3):
        found += [f"start{n}={' '.join(tokens[:n])}", f"end{n}={' '.join(tokens[-n:])}"]
    return found


def features(text, before):
    words = [word.lower() for word in TOKEN.findall(text)]
    return sorted({f"w={word}" for word in words} | {f"p={a} {b}" for a, b in zip(words, words[1:])}), layout(text, before)


def documents(annotated):
    """Of each file its volume, and of each of its blocks features and label."""
    from corpus import BLOCK, MARKERS, read

    for path in sorted(annotated.rglob("*.ann")):
        text, blocks, end = read(path), [], 0
        for match in BLOCK.finditer(text):
            if match[1].strip():
                blocks.append((*features(MARKERS.sub(" ", match[1]), text[end:match.start()]), match[2]))
                end = match.end()
        yield path.parent.relative_to(annotated).as_posix(), blocks


def with_neighbours(blocks):
    for place, (terms, shape, label) in enumerate(blocks):
        around = [f"{offset}:{name}" for offset in NEIGHBOURS if 0 <= place + offset < len(blocks)
                  for name in blocks[place + offset][1]]
        yield terms + shape + around, label


def theirs(args, known):
    from corpus import COARSE
    from sklearn.feature_extraction.text import CountVectorizer
    from sklearn.metrics import precision_recall_fscore_support
    from sklearn.svm import LinearSVC

    gold_label = lambda label: label if label in known else label if label in COARSE else "Misc-exposition"
    volumes = {}
    for volume, blocks in documents(args.annotated):
        volumes.setdefault(volume, []).extend((f, gold_label(l)) for f, l in with_neighbours(blocks))
    gold, predicted = [], []
    names = sorted(volumes)
    for fold in range(args.folds):
        train = [row for place, name in enumerate(names) if place % args.folds != fold for row in volumes[name]]
        test = [row for place, name in enumerate(names) if place % args.folds == fold for row in volumes[name]]
        vectorizer = CountVectorizer(analyzer=lambda found: found, binary=True, min_df=3)
        rows = vectorizer.fit_transform(row[0] for row in train)
        model = LinearSVC(C=0.1, random_state=0).fit(rows, [row[1] for row in train])
        predicted += model.predict(vectorizer.transform(row[0] for row in test)).tolist()
        gold += [row[1] for row in test]
        print(f"LinearSVC, fold {fold + 1} of {args.folds}: {len(test)} blocks, {rows.shape[1]} features", file=sys.stderr)
    labels = sorted(set(gold))
    scores = precision_recall_fscore_support(gold, predicted, labels=labels, zero_division=0)
    collapse = lambda found: [label if label in COARSE[:2] else COARSE[2] for label in found]
    three = precision_recall_fscore_support(collapse(gold), collapse(predicted), labels=COARSE, zero_division=0)
    return {"labels": {l: {"f1": float(f), "support": int(n)} for l, f, n in zip(labels, scores[2], scores[3])},
            "support": len(gold), "accuracy": sum(g == p for g, p in zip(gold, predicted)) / len(gold),
            "collapsed_macro_f1": float(three[2].mean())}


def main():
    args = arguments()
    in_virtual_environment(args.venv)
    found = ours(args)
    here = {"labels": found["blocks"]["labels"], "support": found["blocks"]["support"],
            "accuracy": found["blocks"]["accuracy"], "collapsed_macro_f1": found["collapsed"]["blocks"]["macro_f1"]}
    there = theirs(args, set(here["labels"]))
    for side in (here, there):
        frequent = [scores["f1"] for scores in side["labels"].values() if scores["support"] >= SUPPORT]
        side["frequent"], side["macro_f1"] = len(frequent), sum(frequent) / len(frequent)
    if args.json:
        print(json.dumps({"skol_classifier": here, "LinearSVC": there}, indent=2))
        return 0
    print(f"{'gold blocks':22} {'context_fine':>12} {'LinearSVC':>10}")
    for label in sorted(here["labels"], key=lambda label: -here["labels"][label]["support"]):
        other = there["labels"].get(label, {"f1": 0.0})
        print(f"{label:22} {here['labels'][label]['f1']:12.3f} {other['f1']:10.3f}   {here['labels'][label]['support']:6}")
    for name, key in ((f"macro-F1, >= {SUPPORT} blocks", "macro_f1"), ("accuracy", "accuracy"),
                      ("collapsed, macro-F1", "collapsed_macro_f1"), ("blocks", "support"), ("labels averaged", "frequent")):
        print(f"{name:22} {here[key]:12.4f} {there[key]:10.4f}" if isinstance(here[key], float) else f"{name:22} {here[key]:12} {there[key]:10}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
