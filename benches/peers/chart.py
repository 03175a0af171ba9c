"""One horizontal bar chart as SVG, on a logarithmic axis, readable on light and dark pages."""

import math
from html import escape

WIDTH, LEFT, ROW, TOP = 760, 280, 34, 48


def bars(title, rows):
    """`rows`: (name, value, ours). Values must be positive."""
    low = 10 ** math.floor(math.log10(min(v for _, v, _ in rows)))
    high = 10 ** math.ceil(math.log10(max(v for _, v, _ in rows)))
    if high == low:
        high *= 10
    span = WIDTH - LEFT - 70

    def at(value):
        return LEFT + span * (math.log10(value) - math.log10(low)) / (math.log10(high) - math.log10(low))

    height = TOP + ROW * len(rows) + 34
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" role="img" aria-label="{escape(title)}">',
        "<style>text{font:13px system-ui,sans-serif;fill:#222}.axis{stroke:#999;stroke-width:.5}.ours{fill:#1b7f4d}.peer{fill:#8a8f98}"
        ".bg{fill:#fff}@media (prefers-color-scheme:dark){text{fill:#ddd}.bg{fill:#16181d}.ours{fill:#3fbf7f}}</style>",
        f'<rect class="bg" width="{WIDTH}" height="{height}"/>',
        f'<text x="12" y="24" style="font-weight:600">{escape(title)}</text>',
    ]
    tick, bottom = low, TOP + ROW * len(rows)
    while tick <= high * 1.001:
        out.append(f'<line class="axis" x1="{at(tick):.1f}" x2="{at(tick):.1f}" y1="{TOP - 6}" y2="{bottom}"/>')
        out.append(f'<text x="{at(tick):.1f}" y="{bottom + 20}" text-anchor="middle">{tick:g}</text>')
        tick *= 10
    for i, (name, value, ours) in enumerate(rows):
        y = TOP + ROW * i
        out.append(f'<text x="{LEFT - 10}" y="{y + 18}" text-anchor="end">{escape(name)}</text>')
        out.append(f'<rect class="{"ours" if ours else "peer"}" x="{LEFT}" y="{y + 3}" width="{max(at(value) - LEFT, 2):.1f}" height="{ROW - 12}" rx="2"/>')
        out.append(f'<text x="{max(at(value), LEFT) + 8:.1f}" y="{y + 18}">{value:.3g}</text>')
    return "\n".join(out) + "\n</svg>\n"
