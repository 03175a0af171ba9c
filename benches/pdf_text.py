#!/usr/bin/env python3
"""How the text of PDFs agrees with what other programs take out of them.

    pip install pdf_oxide && benches/pdf_text.py --programs target/release PDF...

For each program: the share of words that it has in common with `pdftotext` (poppler), and of pairs of words that follow each
other, which tells about reading order; PDFs that it could not read; seconds. And, on the PDFs of tests/data/pdf whose words are
known, how much of them comes in the right order.
"""
import argparse
import collections
import difflib
import pathlib
import re
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
OXIDE = """
import sys
from pdf_oxide import PdfDocument
document = PdfDocument(sys.argv[1])
pages = document.page_count()
sys.stdout.write("\\f".join(document.extract_text(page) for page in range(pages)))
"""
MOST_WORDS = 20_000


def output(*command):
    try:
        done = subprocess.run(command, capture_output=True, timeout=120)
    except subprocess.TimeoutExpired:
        return None
    return done.stdout.decode(errors="replace") if done.returncode == 0 else None


def ours(programs):
    def text(pdf):
        annotation = output(programs / "predict_classifier", pdf, "-o", "-")
        return None if annotation is None else re.sub(r"\[@|#[A-Za-z-]+\*\]", "", annotation)
    return text


def words(text):
    return re.findall(r"\w+", text)[:MOST_WORDS]


def shared(one, other):
    return sum((collections.Counter(one) & collections.Counter(other)).values()) / max(len(one), len(other), 1)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--programs", type=pathlib.Path, default=ROOT / "target" / "release")
    parser.add_argument("pdfs", nargs="*", type=pathlib.Path)
    options = parser.parse_args()
    readers = {"skol_classifier": ours(options.programs.resolve()),
               "pdf_oxide": lambda pdf: output(sys.executable, "-c", OXIDE, pdf)}
    poppler = lambda pdf: output("pdftotext", "-q", pdf, "-")  # noqa: E731
    print("| program | PDFs | words | pairs | not read | s |\n|---|---:|---:|---:|---:|---:|")
    wanted = {pdf: words(poppler(pdf) or "") for pdf in options.pdfs}
    wanted = {pdf: found for pdf, found in wanted.items() if len(found) >= 100}
    for name, read in readers.items():
        figures, failed, start = [], 0, time.perf_counter()
        for pdf, reference in wanted.items():
            text = read(pdf)
            failed += text is None
            found = words(text or "")
            figures.append((shared(reference, found), shared(list(zip(reference, reference[1:])), list(zip(found, found[1:])))))
        seconds = time.perf_counter() - start
        means = [sum(column) / max(len(figures), 1) for column in zip(*figures)] or [0, 0]
        print(f"| {name} | {len(figures)} | {means[0]:.3f} | {means[1]:.3f} | {failed} | {seconds:.0f} |", flush=True)
    gold = " ".join((ROOT / "tests/data/genre" / half / "new_species.ann").read_text() for half in ("development", "judging"))
    truth = re.sub(r"\[@|#[A-Za-z-]+\*\]", "", gold).split()
    print("\n| program | one column | two columns | recognised |\n|---|---:|---:|---:|")
    for name, read in {"pdftotext": poppler, **readers}.items():
        row = []
        for pdf in ("one_column", "two_columns", "recognised"):
            found = (read(ROOT / "tests" / "data" / "pdf" / f"{pdf}.pdf") or "").split()
            row.append(difflib.SequenceMatcher(None, truth, found, autojunk=False).ratio())
        print(f"| {name} | " + " | ".join(f"{ratio:.3f}" for ratio in row) + " |")


if __name__ == "__main__":
    main()
