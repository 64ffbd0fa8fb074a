"""Where a policy sent first attempts, minute by minute: stacked areas as an SVG of a few kB."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from xml.sax.saxutils import escape

from deploy.simulate.measure import DEFAULT, SEEDS, Run
from deploy.simulate.world import World

SHOWN = {SEEDS: "scoring", DEFAULT: "adaptive (default)", "oracle": "oracle"}
WIDTH, HEIGHT, LEFT, TOP = 720, 150, 60, 34
PLOT = WIDTH - LEFT - 110
COLOURS = ("#3b6ea8", "#e0912f", "#4f9a55", "#b4534b", "#7d63a8", "#7a7a7a")


def plot(title: str, gateways: Sequence[str], bands: Sequence[tuple[str, Sequence[Sequence[int]]]]) -> str:
    """`bands` are (policy's name, payments by minute and gateway), drawn one above the other."""
    height = TOP + len(bands) * (HEIGHT + 26) + 20
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" font-size="11" fill="#222">',
        f'<rect width="{WIDTH}" height="{height}" fill="white"/><text x="{LEFT}" y="16" font-size="13">{escape(title)}</text>',
    ]
    for number, (name, minutes) in enumerate(bands):
        parts += band(name, minutes, gateways, TOP + number * (HEIGHT + 26))
    for number, gateway in enumerate(gateways):
        y, colour = TOP + 22 + 18 * number, COLOURS[number % len(COLOURS)]
        parts.append(f'<rect x="{LEFT + PLOT + 14}" y="{y}" width="12" height="12" fill="{colour}"/>')
        parts.append(f'<text x="{LEFT + PLOT + 31}" y="{y + 10}">{escape(gateway)}</text>')
    return "\n".join([*parts, "</svg>\n"])


def band(name: str, minutes: Sequence[Sequence[int]], gateways: Sequence[str], top: int) -> list[str]:
    top += 14
    step = PLOT / max(1, len(minutes) - 1)
    below = [0.0] * len(minutes)
    parts = [f'<text x="{LEFT}" y="{top - 4}" fill="#555">{escape(name)}</text>']
    for number in range(len(gateways)):
        above = [low + (minute[number] / sum(minute) if sum(minute) else 0.0) for low, minute in zip(below, minutes, strict=True)]
        edge = [(at, share) for at, share in enumerate(above)] + [(at, share) for at, share in reversed(list(enumerate(below)))]
        points = " ".join(f"{LEFT + at * step:.1f},{top + HEIGHT * (1 - share):.1f}" for at, share in edge)
        parts.append(f'<polygon points="{points}" fill="{COLOURS[number % len(COLOURS)]}"/>')
        below = above
    for share in (0, 50, 100):
        parts.append(f'<text x="{LEFT - 6}" y="{top + HEIGHT * (1 - share / 100) + 4:.0f}" text-anchor="end">{share} %</text>')
    for minute in range(0, len(minutes) + 1, 10):
        parts.append(f'<text x="{LEFT + minute * step:.0f}" y="{top + HEIGHT + 11}" text-anchor="middle" font-size="9">{minute} min</text>')
    return parts


def draw(folder: Path, worlds: Sequence[World], runs: Mapping[str, Mapping[str, Run]]) -> None:
    """An SVG for each world into the folder, of its first seed; what was not played is not drawn."""
    for world in worlds:
        bands = [(word, runs[world.name][policy].firsts) for policy, word in SHOWN.items() if policy in runs[world.name]]
        svg = plot(f"{world.name}: share of first attempts", [gateway.name for gateway in world.gateways], bands)
        (folder / f"{world.name}.svg").write_text(svg, encoding="utf-8")
