"""Every link of every page leads somewhere."""

import re

from tests.tidy.links import anchors, links
from tests.tidy.tree import ROOT, none_of, texts

ELSEWHERE = re.compile(r"^(?:https?:|mailto:)")
LINE = re.compile(r"L(\d+)(?:-L(\d+))?")
SAMPLE = """# One `thing`, twice

[a](b.md#c-d) `[no](link)` ![e](f.png "title")

```
[neither](this)
# nor this
```

## One thing, twice
[ref]: g.md
"""


def test_links_and_anchors_are_read() -> None:
    assert list(links(SAMPLE)) == ["b.md#c-d", "f.png", "g.md"]
    assert anchors(SAMPLE) == {"one-thing-twice", "one-thing-twice-1"}


def test_every_relative_link_resolves() -> None:
    pages = {name: text for name, text in texts().items() if name.endswith(".md")}
    broken = [
        f"{name}: {target}"
        for name, text in pages.items()
        for target in links(text)
        if not ELSEWHERE.match(target) and not leads_somewhere(name, target)
    ]
    none_of(broken)


def leads_somewhere(page: str, target: str) -> bool:
    path, _, anchor = target.partition("#")
    place = (ROOT / page).parent / path if path else ROOT / page
    if not place.resolve().is_relative_to(ROOT) or not place.exists():
        return False
    if not anchor:
        return True
    text = place.read_text()
    if line := LINE.fullmatch(anchor):
        return all(int(number) <= text.count("\n") for number in line.groups() if number)
    return anchor in anchors(text)
