"""What optical character recognition does to a printed page: letters taken for others, blank lines
not seen, hyphens lost, two columns read straight across, specks read as signs. Knows lines and
pages only, nothing of their content."""

import textwrap


def two_columns(lines, rng):
    """Sets a page in two columns and reads straight across them."""
    narrow = []
    for line in lines:
        narrow += textwrap.wrap(line, 38) or [""]
    half = (len(narrow) + 1) // 2
    left, right = narrow[:half], narrow[half:] + [""] * (half - len(narrow[half:]))
    gap = rng.choice([" ", "  ", "    "])
    return [(a.ljust(38) + gap + b).rstrip() if rng.random() < 0.7 else (a + " " + b).strip() for a, b in zip(left, right)]


CONFUSIONS = [("rn", "m"), ("m", "rn"), ("l", "1"), ("1", "l"), ("e", "c"), ("fi", "ﬁ"), ("fl", "ﬂ"), ("µ", "p"), ("µ", "ıı"),
              ("×", "x"), ("×", "X"), ("h", "li"), ("ii", "ü"), ("O", "0"), ("0", "O"), ("S", "5"), ("–", "-"), ("–", "~"),
              (". ", "."), (",", "."), ("cl", "d"), ("in", "m"), ("tt", "ft"), ("≡", "="), ("=", "—"), ("(", "{"), ("I", "|"), ("u", "ii")]


def misread(line, rng, rate):
    """Replaces a few letter groups by what a scanner takes them for."""
    if rng.random() < 0.25:
        line = line.replace("fi", "ﬁ").replace("ffl", "ﬄ")
    out, i = [], 0
    while i < len(line):
        if rng.random() < rate:
            found = [(a, b) for a, b in CONFUSIONS if line.startswith(a, i)]
            if found:
                a, b = rng.choice(found)
                out.append(b)
                i += len(a)
                continue
            if rng.random() < 0.01:
                out.append("\N{REPLACEMENT CHARACTER}")
                i += 1
                continue
        out.append(line[i])
        i += 1
    return "".join(out)


def scan(pages, rng):
    """The text of all pages, damaged; some pages much more than others."""
    out = []
    for number, head, lines in pages:
        rate = rng.choice([0.002, 0.005, 0.01, 0.02, 0.06])
        if rng.random() < 0.10:
            lines = two_columns(lines, rng)
        body = [head, ""] if head and rng.random() < 0.93 else []
        for line in lines:
            if line == "" and rng.random() < 0.22:
                continue  # a blank line the scanner did not see
            if line.endswith("-") and rng.random() < 0.15:
                line = line[:-1] + rng.choice(["", "¬", " -"])  # a hyphen lost or misread
            body.append(misread(line, rng, rate))
            if rng.random() < 0.012:
                body.append("")  # a blank line out of nowhere
            if rng.random() < 0.004:
                body.append(rng.choice([". '", "·", "|", "~ ,", "' - .", "\\", "_ ."]))
        if not head or rng.random() < 0.1:
            body += ["", str(number)]
        out.append("\n".join(body).rstrip("\n") + "\n")
    return "\f".join(out)
