#!/usr/bin/env python3
"""Makes tests/data/pdf: PDFs of texts of tests/data/genre, each by a program that people use.

Needs chromium, groff, pdftoppm, tesseract and qpdf. The tests read what it made; run it again only to add one.
"""
import html
import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
GENRE = ROOT / "tests" / "data" / "genre"
OUTPUT = ROOT / "tests" / "data" / "pdf"
CHROMIUM = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run",
            "--disable-background-networking", "--disable-component-update", "--disable-sync",
            "--no-pdf-header-footer"]
STYLE = "body {{ font: 10pt/1.25 serif; {} }} p {{ margin: 0 0 6pt; text-align: justify; hyphens: none }}"


def paragraphs(name):
    text = (GENRE / name).read_text()
    marked = re.findall(r"\[@(.*?)#[A-Za-z-]+\*\]", text, flags=re.S)
    return [" ".join(paragraph.split()) for paragraph in marked]


def run(*command, **options):
    subprocess.run([str(part) for part in command], check=True, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                   **options)


def page(folder, name, style, body, output):
    source = folder / f"{name}.html"
    source.write_text(f'<!doctype html><meta charset="utf-8"><title>{name}</title><style>{style}</style>{body}')
    run(*CHROMIUM, f"--user-data-dir={folder / 'profile'}", f"--print-to-pdf={output}", source.as_uri())


def main():
    OUTPUT.mkdir(exist_ok=True)
    species = paragraphs("development/new_species.ann") + paragraphs("judging/new_species.ann")
    body = "".join(f"<p>{html.escape(paragraph)}</p>" for paragraph in species)
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        page(folder, "one column", STYLE.format(""), body, OUTPUT / "one_column.pdf")
        running = '<p style="text-align: center; column-span: all; font-size: 16pt">NOTES ON FUNGI OF THE TARN VALLEY</p>'
        page(folder, "two columns", STYLE.format("columns: 2; column-gap: 16pt") + "@page { size: 150mm 180mm }",
             running + body, OUTPUT / "two_columns.pdf")
        # The letters of the standard fonts are not in the file.
        roff = "".join(f".PP\n{paragraph}\n" for paragraph in paragraphs("development/monograph.ann"))
        (folder / "a.ms").write_text(roff)
        with open(OUTPUT / "groff.pdf", "wb") as file:
            subprocess.run(["groff", "-k", "-ms", "-Tpdf", folder / "a.ms"], check=True, stdout=file)
        run("pdftoppm", "-r", 150, "-f", 1, "-l", 1, "-gray", "-png", "-singlefile", OUTPUT / "one_column.pdf",
            folder / "scan")
        run("pdftoppm", "-r", 40, "-f", 1, "-l", 1, "-gray", "-png", "-singlefile", OUTPUT / "one_column.pdf",
            folder / "small")
        # Pictures of pages: with the text that was recognised in them, and without.
        run("tesseract", folder / "scan.png", folder / "recognised", "--psm", 3, "-c", "textonly_pdf=1", "pdf")
        (folder / "recognised.pdf").rename(OUTPUT / "recognised.pdf")
        page(folder, "pictures", "img { width: 90% }", f'<img src="{(folder / "small.png").as_uri()}">',
             OUTPUT / "pictures.pdf")
        run("qpdf", "--encrypt", "secret", "owner", 256, "--", OUTPUT / "groff.pdf", OUTPUT / "password.pdf")
        run("qpdf", "--encrypt", "", "owner", 256, "--", OUTPUT / "groff.pdf", OUTPUT / "restricted.pdf")
    return 0


if __name__ == "__main__":
    sys.exit(main())
