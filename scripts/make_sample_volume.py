#!/usr/bin/env python3
"""Writes the long sample document: a whole volume of an invented journal, as a scanner would read it.

    python3 scripts/make_sample_volume.py            # writes examples/documents/volumes/acta_hallowmerensia_7.txt
    python3 scripts/make_sample_volume.py --seed 8 --articles 40 -o other.txt

The text is put together from `sample_volume_phrases.txt` (beside this file, written for this
project) and from invented names; nothing comes from a publication. The same seed gives the same
bytes. Afterwards the pages are damaged the way optical character recognition damages them.
"""

import argparse
import random
import re
import textwrap
from pathlib import Path

from sample_volume.ocr_damage import misread, scan

HERE = Path(__file__).resolve().parent
DEFAULT_OUTPUT = HERE.parent / "examples/documents/volumes/acta_hallowmerensia_7.txt"
LINES_PER_PAGE = 46
# Kinds of organism (sections of the phrase file), what titles call them, and the Latin diagnosis that goes with each.
GROUPS = {
    "agaric": "agarics", "crust": "corticioid fungi", "bracket": "polypores", "mould": "hyphomycetes", "rust": "rusts",
    "disco": "cup-fungi", "pyreno": "pyrenomycetes", "lichen": "lichens", "plant": "flowering plants", "sedge": "sedges and grasses",
}
LATIN = dict.fromkeys(["agaric", "crust", "bracket", "mould", "rust"], "latin_basidio")
LATIN |= dict.fromkeys(["disco", "pyreno", "lichen"], "latin_asco") | dict.fromkeys(["plant", "sedge"], "latin_plant")


class Phrases:
    """The templates, each section dealt out like a shuffled pack so that nothing repeats early."""

    def __init__(self, path, rng):
        self.rng, self.sections, self.packs = rng, {}, {}
        lines = None
        for line in path.read_text(encoding="utf-8").splitlines():
            if line.startswith("== "):
                lines = self.sections.setdefault(line[3:].strip(), [])
            elif line.strip() and not line.startswith("#") and lines is not None:
                lines.append(line)

    def draw(self, section):
        pack = self.packs.setdefault(section, [])
        if not pack:
            pack.extend(self.rng.sample(self.sections[section], len(self.sections[section])))
        return pack.pop()

    def say(self, section, fields):
        return self.expand(self.draw(section), fields)

    def expand(self, template, fields):
        while "{" in template:  # innermost alternatives first
            template = re.sub(
                r"\{([^{}]*)\}", lambda m: self.rng.choice(m.group(1).split("|")), template, count=1
            )
        return re.sub(r"<([^<>]+)>", lambda m: self.field(m.group(1), fields), template)

    def field(self, what, fields):
        kind, *args = what.split(":")
        if kind == "n":
            return str(self.rng.randint(int(args[0]), int(args[1])))
        if kind == "r":
            return self.span(int(args[0]), int(args[1])) + " " + args[2]
        if kind == "s":
            a, b, c, d, *unit = args
            text = f"{self.span(int(a), int(b))} × {self.span(int(c), int(d))}"
            return text + (" " + unit[0] if unit else "")
        if kind in fields:
            value = fields[kind]
            return value() if callable(value) else value
        return self.say(kind, fields)

    def span(self, low, high):
        """A range as taxonomists write it: 7–9, 6.5–8(–9.5)."""
        a = self.rng.uniform(low, low + (high - low) * 0.6)
        b = a + (high - low) * self.rng.uniform(0.08, 0.35) + 0.5
        digits = 1 if high <= 14 and self.rng.random() < 0.6 else 0
        low_text, high_text = f"{max(a, 0.1 if digits else 1):.{digits}f}", f"{b:.{digits}f}"
        if low_text == high_text:
            return high_text
        extreme = f"(–{b * 1.15:.{digits}f})" if self.rng.random() < 0.2 else ""
        return f"{low_text}–{high_text}{extreme}"


class Names:
    """Invented genera, epithets, persons and places."""

    STARTS = "Arv Bel Cors Drys Elph Fenn Glos Harp Isk Lorn Mard Nyst Orl Pryx Quor Rhov Sarl Tharb Ulm Vesk Wyl Zym".split()
    MIDDLES = "a e i o ell onn ar ist ub oph im ov ent ast".split()
    FUNGUS_ENDS = "omyces cybe ella aria opora ula odontia iscus ospora idium ites".split()
    PLANT_ENDS = "ia ella anthus aster ina carpus ophyllum iola ula opsis".split()
    EPITHETS = (
        "pallida obscura tenuis gracilis robusta hirta minuta vernalis autumnalis palustris montana litoralis "
        "cinerea fusca flavida rubella nivea viridula atra livida bicolor zonata tessellata striata punctata "
        "verrucosa lanata glabra viscosa crenata dentata lobata cordata filiformis clavata pusilla vagans "
        "solitaria dispersa occulta neglecta ambigua incerta spuria insularis borealis australis alpestris rivalis "
        "arenicola lignicola muscicola foliicola corticola limosa turfosa calcarea sabulosa nemoralis"
    ).split()
    SURNAMES = (
        "Abenroth Ashwick Birkle Brumm Calloway Corrant Dassel Dovey Eltringham Farrow-Lind Gassner Godling Hult "
        "Inchbold Jarrold Kestle Krumme Lasque Lovibund Marchbank Naylor-Ost Ollerton Pagenhardt Perrine Quillfeather "
        "Rasmund Rockstroh Sandoval-Krey Skerritt Tarleton Ubaldi-Merz Varley Wansbeck Wiebach Yarrow Zellinger"
    ).split()
    PLACE_STARTS = "Amber Black Cold Drum Ester Fen Gal Hol Kettle Lang Mar Nether Otter Pell Rook Sedge Stern Tarn Upper Wether".split()
    PLACE_ENDS = "by cross dale field gate head hithe ling mere mouth ridge stead thorpe ton water well wick wood".split()
    HERBARIA = ["HMR", "OST", "MARL", "NOR", "ISL", "RUHL", "QUAY", "TARN"]

    def __init__(self, rng):
        self.rng, self.used = rng, set()

    def fresh(self, make):
        for _ in range(200):
            name = make()
            if name not in self.used:
                break
        self.used.add(name)
        return name

    def genus(self, plant=False):
        pick = self.rng.choice
        ends = self.PLANT_ENDS if plant else self.FUNGUS_ENDS
        return self.fresh(lambda: pick(self.STARTS) + pick(self.MIDDLES) + pick(ends))

    def epithet(self):
        return self.rng.choice(self.EPITHETS)

    def surname(self):
        return self.rng.choice(self.SURNAMES)

    def person(self):
        initials = ". ".join(self.rng.sample("ABCDEFGHIJKLMNOPRSTW", self.rng.randint(1, 2)))
        return f"{initials}. {self.surname()}"

    def place(self):
        name = (self.rng.choice(self.PLACE_STARTS) + self.rng.choice(self.PLACE_ENDS)).replace("lll", "ll")
        return name if self.rng.random() < 0.7 else self.rng.choice(["Little ", "Great ", "North ", "Old "]) + name

    def year(self):
        return str(self.rng.randint(1827, 1971))

    def journal_date(self):
        month = self.rng.choice("Jan. Feb. March April May June July Aug. Sept. Oct. Nov. Dec.".split())
        return f"{self.rng.randint(1, 30)} {month} {self.year()}"


class Volume:
    """Collects blocks (one paragraph each) article by article."""

    def __init__(self, seed):
        self.rng = random.Random(seed)
        self.names = Names(self.rng)
        self.phrases = Phrases(HERE / "sample_volume/phrases.txt", self.rng)
        self.taxa = []

    def fields(self, plant=False):
        n = self.names
        return {
            "genus": n.genus(plant), "epithet_other": n.epithet, "person": n.person, "place": n.place,
            "year": n.year, "herb": lambda: self.rng.choice(n.HERBARIA), "collector": n.surname,
        }

    def prose(self, section, sentences, fields):
        out = []
        for _ in range(sentences):
            text = self.phrases.say(section, fields)
            out.append(text[0].upper() + text[1:])
        return " ".join(out)

    # --- parts of an article -------------------------------------------------------------------

    def citation(self):
        rng, n = self.rng, self.names
        text = f"{self.phrases.say('journal', {})} {rng.randint(1, 40)}"
        text += rng.choice([": ", ", p. ", f"({rng.randint(1, 4)}): "]) + str(rng.randint(3, 410))
        return text + rng.choice([". ", ", ", " (", ": "]) + n.year()

    def name_line(self, genus, epithet, author, new):
        rng = self.rng
        name = f"{genus} {epithet}"
        if rng.random() < 0.25:
            name = name.upper()
        if new:
            status = rng.choice(["sp. nov.", "spec. nov.", "n. sp.", "nov. spec.", "species nova"])
            line = rng.choice([f"{name} {author}, {status}", f"{name} {status}"])
        else:
            cited = self.citation()
            line = f"{name} {author}, {cited}" + (")." if "(" in cited and cited.count("(") > cited.count(")") else ".")
        if rng.random() < 0.4:
            line += rng.choice([f" Fig. {rng.randint(1, 30)}", f" (Figs. {rng.randint(1, 9)}–{rng.randint(10, 19)})",
                                f" — Plate {rng.randint(1, 12)}"])
        self.taxa.append(f"{genus} {epithet}")
        return line

    def synonyms(self, genus, epithet):
        rng, n = self.rng, self.names
        lines = []
        for _ in range(rng.randint(1, 3)):
            sign = rng.choice(["≡ ", "= ", "Syn.: ", "", "Basionym: "])
            other = n.genus()
            kept = epithet if sign != "= " else n.epithet()
            paren = f"({n.surname()}) " if rng.random() < 0.5 else ""
            cited = self.citation()
            cited += ")" if cited.count("(") > cited.count(")") else ""
            tail = rng.choice([".", ".", ", nom. nud.", "; nom. illeg.", "; type not seen."])
            lines.append(f"{sign}{other} {kept} {paren}{n.surname()}, {cited}{tail}")
        return lines

    def specimens(self, habitat, fields):
        rng, n = self.rng, self.names
        head = rng.choice(["Material examined", "Specimens examined", "Collections examined", "Other material"])
        items = [
            f"{n.place()}, {self.phrases.say(habitat, fields)}, "
            f"{n.journal_date()}, {n.surname()} {rng.randint(3, 4000)} ({rng.choice(n.HERBARIA)})"
            for _ in range(rng.randint(2, 6))
        ]
        return head + rng.choice([": ", ". — ", " — "]) + "; ".join(items) + "."

    def species(self, kind, fields, new):
        rng, n, out = self.rng, self.names, []
        genus, epithet, author = fields["genus"], n.epithet(), n.surname()
        out.append(self.name_line(genus, epithet, author, new))
        if not new:
            out.extend(self.synonyms(genus, epithet))
        elif rng.random() < 0.6:
            out.append(self.phrases.say(LATIN[kind], fields))
        out.append(self.phrases.say(kind, fields))
        if new:
            out.append(f"{rng.choice(['Holotype', 'Type', 'Typus'])}: {n.place()}, {n.journal_date()}, "
                       f"{author} {rng.randint(3, 4000)} ({rng.choice(n.HERBARIA)}).")
            if rng.random() < 0.6:
                out.append("Etymology: " + self.phrases.say("etymology", fields) + ".")
        habitat = "habitat_plant" if LATIN[kind] == "latin_plant" else "habitat_fungus"
        found = self.phrases.say(habitat, fields)
        word = rng.choice(["Habitat: ", "Habitat & distribution — ", "Hab.: ", "Distribution: "])
        out.append(f"{word}{found[0].upper()}{found[1:]}; {n.place()} and {n.place()}; "
                   f"{rng.choice(['rare', 'common', 'not seen since ' + n.year(), 'April to June', 'July–October'])}.")
        if rng.random() < 0.7:
            out.append(self.specimens(habitat, fields))
        if rng.random() < 0.8:
            head = rng.choice(["Notes: ", "Remarks. ", "Obs. — ", "", ""])
            out.append(head + self.prose("notes", rng.randint(2, 4), fields))
        return out

    def key(self, genus):
        rng = self.rng
        out = [f"{rng.choice(['Key to the species of', 'Clavis specierum', 'KEY TO'])} {genus}"]
        steps = rng.randint(3, 7)
        lines = []
        for step in range(1, steps + 1):
            first, second = self.couplet(genus)
            go = f"{step + 1}" if step < steps else f"{genus[0]}. {self.names.epithet()}"
            dots = " " + "." * rng.randint(4, 30) + " "
            lines.append(f"{step}. {first}{dots}{genus[0]}. {self.names.epithet()}")
            lines.append(f"{step}{rng.choice(['*', chr(39), 'b'])}. {second}{dots}{go}")
        out.append("\n".join(lines))
        return out

    def couplet(self, genus):
        """Splits a key template at its one `|` outside braces."""
        template, depth = self.phrases.draw("key_lead"), 0
        for i, c in enumerate(template):
            depth += (c == "{") - (c == "}")
            if c == "|" and depth == 0:
                return tuple(self.phrases.expand(t, {"genus": genus}) for t in (template[:i], template[i + 1:]))
        raise SystemExit(f"sample_volume/phrases.txt: key_lead without two halves: {template}")

    def table(self, fields):
        rng, n = self.rng, self.names
        columns = rng.sample(["length", "width", "Q", "n", "days", "mm", "per cent", "pH", "sites"], 4)
        lines = [f"TABLE {rng.randint(1, 4)}. {rng.choice(['Means of', 'Counts from', 'Growth in', 'Records from'])} "
                 f"{rng.randint(3, 40)} {rng.choice(['collections', 'plots', 'isolates', 'sheets'])}, {n.place()} {n.year()}", ""]
        lines.append(f"{'':22}" + "".join(f"{c:>10}" for c in columns))
        for _ in range(rng.randint(4, 9)):
            row = "".join(f"{rng.uniform(0.5, 90):>10.1f}" for _ in columns)
            lines.append(f"{fields['genus'][0]}. {n.epithet():<19}{row}")
        return "\n".join(lines)

    def caption(self, fields):
        rng = self.rng
        word = rng.choice(["Fig.", "FIG.", "Figure", "Text-fig.", "Plate"])
        return (f"{word} {rng.randint(1, 24)}. {fields['genus']} {self.names.epithet()}. a. "
                if rng.random() < 0.6 else f"{word} {rng.randint(1, 24)}. ") + self.phrases.say("caption", fields)

    def bibliography(self, fields):
        rng, n = self.rng, self.names
        out = [rng.choice(["References", "LITERATURE", "Literature cited", "REFERENCES"])]
        for surname in sorted(rng.sample(n.SURNAMES, rng.randint(4, 11))):
            initials = "".join(f"{c}." for c in rng.sample("ABCDEFGHJKLMPRST", rng.randint(1, 2)))
            title = self.phrases.say("bib_title", fields | {"genus": n.genus()})
            first = rng.randint(1, 380)
            out.append(f"{surname}, {initials} ({n.year()}). {title.strip()}. {self.phrases.say('journal', {})} "
                       f"{rng.randint(1, 60)}: {first}–{first + rng.randint(1, 40)}.")
        return out

    # --- whole articles ------------------------------------------------------------------------

    def article(self, number):
        rng, n = self.rng, self.names
        shape = ["new species", "revision", "checklist", "new species", "experiment", "revision", "new species",
                 "nomenclature", "experiment", "checklist", "obituary", "revision", "review", "minutes"][number % 14]
        kind = rng.choice(list(LATIN))
        is_plant = LATIN[kind] == "latin_plant"
        fields = self.fields(is_plant)
        author, genus, place = n.person(), fields["genus"], n.place()
        group = GROUPS[kind]
        title = {
            "new species": f"New or interesting {group} from {place}",
            "revision": f"A revision of {genus} {rng.choice(['in the northern provinces', 'with a key', 'and its allies'])}",
            "checklist": f"An annotated list of the {group} of {place}",
            "experiment": f"{rng.choice(['Growth', 'Germination', 'Distribution', 'Variation'])} in {genus}: observations at {place}",
            "nomenclature": f"On the typification of {genus} {n.epithet()}",
            "obituary": f"In memory of {n.person()}",
            "review": "Reviews of books",
            "minutes": "Proceedings of the Society",
        }[shape]
        blocks = [title.upper() if rng.random() < 0.5 else title, author,
                  f"{rng.choice(['Herbarium', 'Botanical Institute', 'Museum of Natural History', 'Forest Station'])}, {n.place()}"]
        if shape in ("obituary", "review", "minutes"):
            section = shape
            for _ in range(rng.randint(5, 8)):
                if shape == "review":
                    blocks.append(f"{self.phrases.say('bib_title', fields | {'genus': n.genus()})}. By {n.person()}. "
                                  f"{rng.randint(60, 700)} pp. {n.place()}, {n.year()}.")
                blocks.append(self.prose(section, rng.randint(2, 3), fields))
            return title, author, blocks
        if rng.random() < 0.6:
            blocks.append(rng.choice(["Abstract. ", "SUMMARY. ", "Abstract — "]) + self.prose("intro", 2, fields))
        blocks.append(rng.choice(["Introduction", "INTRODUCTION"]))
        blocks += [self.prose("intro", rng.randint(2, 4), fields) for _ in range(rng.randint(1, 2))]
        if shape != "nomenclature":
            blocks += ["Methods", self.prose("methods", rng.randint(2, 3), fields)]
        if shape in ("new species", "revision"):
            blocks.append(rng.choice(["Taxonomy", "TAXONOMIC PART", "Descriptions"]))
            if shape == "revision":
                gender = rng.choice(["gen. nov.", f"{n.surname()}, {self.citation()}"])
                blocks += [f"{genus} {gender}", self.phrases.say(kind, fields), *self.key(genus)]
            for i in range(rng.randint(3, 6)):
                blocks += self.species(kind, fields, new=shape == "new species" or i == 0)
                if rng.random() < 0.3:
                    blocks.append(self.caption(fields))
        elif shape == "checklist":
            for _ in range(rng.randint(4, 7)):
                listed = fields | {"genus": n.genus(is_plant)}
                blocks.append(listed["genus"].upper())
                for _ in range(rng.randint(2, 5)):
                    entry = f"{listed['genus'] if rng.random() < 0.5 else listed['genus'][0] + '.'} {n.epithet()} "
                    entry += rng.choice([n.surname(), f"({n.surname()}) {n.surname()}"])
                    where = self.phrases.say("habitat_plant" if LATIN[kind] == "latin_plant" else "habitat_fungus", fields)
                    blocks.append(f"{entry}. — {n.place()}; {where}. {rng.choice(['Rare.', 'Common.', 'Once.', 'New to the area.'])}")
                if rng.random() < 0.5:
                    blocks.append(self.prose("notes", 2, listed))
        elif shape == "nomenclature":
            for _ in range(rng.randint(4, 6)):
                epithet = n.epithet()
                blocks.append(self.name_line(n.genus(), epithet, f"({n.surname()}) {n.surname()}", new=False))
                blocks += self.synonyms(genus, epithet)
                blocks.append(f"{rng.choice(['Lectotype', 'Neotype', 'Type'])}: {n.place()}, {n.journal_date()}, "
                              f"{n.surname()} ({rng.choice(n.HERBARIA)}).")
                blocks.append(self.prose("notes", rng.randint(2, 3), fields))
        else:
            blocks += ["Results", self.prose("discussion", 3, fields), self.table(fields)]
            blocks.append(self.caption(fields))
        if rng.random() < 0.8:
            blocks.append(rng.choice(["Discussion", "DISCUSSION", "Conclusions"]))
            blocks += [self.prose("discussion", rng.randint(2, 4), fields) for _ in range(rng.randint(1, 3))]
        if rng.random() < 0.5:
            blocks += ["Acknowledgements", self.prose("ack", 1, fields)]
        return title, author, blocks + self.bibliography(fields)


# --- from blocks to pages ------------------------------------------------------------------------


def hyphenate(lines, rng):
    """Breaks the first word of some lines over the line before, as a compositor would."""
    out = []
    for line in lines:
        word = line.split(" ", 1)[0]
        if out and len(word) > 6 and word.isalpha() and word.islower() and rng.random() < 0.5:
            cut = rng.randint(3, len(word) - 3)
            out[-1] += f" {word[:cut]}-"
            line = line[cut:]
        out.append(line)
    return out


def lay_out(articles, rng):
    """Lines of the volume, cut into pages: a list of (page number, running head, lines)."""
    pages, number = [], 1
    for title, author, blocks in articles:
        lines = []
        for block in blocks:
            if "\n" in block:
                lines += block.split("\n")
            else:
                lines += hyphenate(textwrap.wrap(block, 78, break_long_words=False), rng)
            lines.append("")
        for start in range(0, len(lines), LINES_PER_PAGE):
            head = ""
            if start:
                short = title if len(title) < 44 else title[:40].rsplit(" ", 1)[0] + " ..."
                surname = author.split()[-1].upper()
                head = f"{number}{'':>20}ACTA HALLOWMERENSIA — Vol. 7" if number % 2 == 0 else f"{surname}: {short}{'':>12}{number}"
            pages.append((number, head, lines[start:start + LINES_PER_PAGE]))
            number += 1
    return pages


def front_matter(articles, pages, rng, names):
    starts = [page for page, head, _ in pages if not head]
    contents = []
    for (title, author, _), page in zip(articles, starts):
        contents.append(misread(f"{author}. {title} " + "." * rng.randint(3, 18) + rng.choice([" ", " e ", " cc "]) + str(page), rng, 0.02))
    board = "\n".join(f"{names.person()}, {names.place()}" for _ in range(6))
    return (
        "ACTA HALLOWMERENSIA\n\nA Journal of Fungi and Plants\n\nVolume 7\n\nWith 31 text-figures and 12 plates\n\n"
        "Published by the Quay Press, Hallowmere\n\f\nEDITORIAL BOARD\n\n" + board +
        "\n\nThe journal appears twice a year. Manuscripts should be typed on one side of the paper,\nwith a wide margin, and "
        "sent to the editors, who cannot undertake to return drawings.\n\f\nTABLE OF CONTENTS\n\n" + "\n".join(contents) + "\n\f"
    )


def index_of(taxa, rng):
    names = sorted(set(taxa))
    lines = [f"{name}{rng.choice([', ', ' ', ' . . . '])}{rng.randint(1, 180)}" for name in names]
    return "\fINDEX TO THE TAXA\n(new names are in heavy type)\n\n" + "\n".join(misread(line, rng, 0.004) for line in lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description="Write the long sample document.")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--articles", type=int, default=36)
    parser.add_argument("-o", "--output", type=Path, default=DEFAULT_OUTPUT)
    args = parser.parse_args()
    volume = Volume(args.seed)
    articles = [volume.article(i) for i in range(args.articles)]
    pages = lay_out(articles, volume.rng)
    text = front_matter(articles, pages, volume.rng, volume.names) + scan(pages, volume.rng) + index_of(volume.taxa, volume.rng)
    args.output.parent.mkdir(parents=True, exist_ok=True)
    args.output.write_bytes(text.encode("utf-8"))
    print(f"{args.output}: {len(text.encode('utf-8'))} bytes, {len(pages)} pages, {args.articles} articles")


if __name__ == "__main__":
    main()
