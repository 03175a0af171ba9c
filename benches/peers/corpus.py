"""Texts for the peers: reading annotated files, taking the markers out, cutting paragraphs at blank
lines, and building an input folder of a wanted size. Standard library only."""

import re
from pathlib import Path

BLOCK = re.compile(r"\[@(.*?)#([A-Za-z][A-Za-z-]*)\*\]", re.DOTALL)
MARKERS = re.compile(r"\[@|#[A-Za-z][A-Za-z-]*\*\]")
BLANK = re.compile(r"\n[ \t\r\f]*\n\s*")
COARSE = ("Nomenclature", "Description", "Misc-exposition")
CLASS_WEIGHTS = {"Nomenclature": 3.0, "Description": 2.0, "Misc-exposition": 1.0}


def files_below(folders, suffixes=(".ann", ".txt")):
    found = []
    for folder in map(Path, folders):
        found += [folder] if folder.is_file() else sorted(p for p in folder.rglob("*") if p.suffix in suffixes and p.is_file())
    return found


def read(path):
    return path.read_text(encoding="utf-8", errors="replace")


def labelled_blocks(folders):
    """(text, label) of every block of the annotated files; all labels but two count as Misc-exposition."""
    pairs = []
    for path in files_below(folders, (".ann",)):
        for text, label in BLOCK.findall(read(path)):
            if text.strip():
                pairs.append((text, label if label in COARSE else "Misc-exposition"))
    return pairs


def paragraphs(text):
    return [part for part in BLANK.split(text) if part.strip()]


def annotate(parts, labels):
    return "\n\n".join(f"[@{part}#{label}*]" for part, label in zip(parts, labels)) + "\n"


def build_input(folders, destination, megabytes, files):
    """Fills `destination` with `files` text files of together about `megabytes` MB: the texts of the
    folders without markers, one after the other, over and over, cut at blank lines."""
    texts = [MARKERS.sub("", read(p)) if p.suffix == ".ann" else read(p) for p in files_below(folders)]
    whole = "\n\n".join(t for t in texts if t.strip())
    if not whole.strip():
        raise SystemExit(f"no text in {', '.join(map(str, folders))}")
    parts = [p for p in re.split(r"(?<=\n)(?=[ \t]*\n)", whole) if p]
    sizes = [len(p.encode()) for p in parts]
    per_file, total, i = megabytes * 1_000_000 / files, 0, 0
    destination.mkdir(parents=True, exist_ok=True)
    for number in range(files):
        chunk, size = [], 0
        goal = per_file * (number + 1) - total
        while size < goal:
            chunk.append(parts[i])
            size += sizes[i]
            i = (i + 1) % len(parts)
        if not chunk:
            chunk, size, i = [parts[i]], sizes[i], (i + 1) % len(parts)
        total += size
        folder = destination / f"part{number // 100:02}"
        folder.mkdir(exist_ok=True)
        (folder / f"text{number:04}.txt").write_text("".join(chunk), encoding="utf-8", newline="")
    return total
