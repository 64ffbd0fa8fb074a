"""Links of a Markdown page and the anchors its headings make, as a forge renders them."""

import re
from collections import Counter
from collections.abc import Iterator

FENCE = re.compile(r"^(```|~~~).*?^\1", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"!?\[[^\]]*\]\(\s*<?([^)\s>]+)>?(?:\s+\"[^\"]*\")?\s*\)")
DEFINITION = re.compile(r"^\[[^\]]+\]:\s*(\S+)", re.MULTILINE)
HEADING = re.compile(r"^#{1,6}\s+(.+?)\s*#*$", re.MULTILINE)
CODE = re.compile(r"`[^`\n]*`")


def links(text: str) -> Iterator[str]:
    """Targets outside code."""
    prose = CODE.sub("``", FENCE.sub("", text))
    yield from LINK.findall(prose)
    yield from DEFINITION.findall(prose)


def anchors(text: str) -> set[str]:
    """Slugs of its headings; a repeated one gets `-1`, `-2` …"""
    seen: Counter[str] = Counter()
    found: set[str] = set()
    for heading in HEADING.findall(FENCE.sub("", text)):
        slug = slug_of(heading)
        found.add(f"{slug}-{seen[slug]}" if seen[slug] else slug)
        seen[slug] += 1
    return found


def slug_of(heading: str) -> str:
    shown = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "")
    return "".join(one for one in shown.lower() if one.isalnum() or one in "-_ ").strip().replace(" ", "-")
