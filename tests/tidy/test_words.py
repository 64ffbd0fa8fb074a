"""Words that no file may hold. The patterns are written so that this file does not hold them either."""

import os
import re
from urllib.parse import urlsplit

import pytest

from tests.tidy.tree import none_of, texts

UNFINISHED = re.compile(r"\b(?:TOD[O]|FIXM[E]|XX[X]|HAC[K])\b|placeholde[r]|\bfor no[w]\b|\bcoming soo[n]\b", re.IGNORECASE)
OTHER_VOICES = re.compile(
    r"\b(?:A[I]|LL[M]s?|GP[T]|Claud[e]|Anthropi[c]|OpenA[I]|Copilo[t]|ChatGP[T])\b|\b[Ll]anguage mode[l]|\bsub-?agen[t]"
    r"|[Cc]o-[Aa]uthored-b[y]|\b(?:this|previous|earlier|next) sessio[n]\b|\b[Ii]ssues? #?\d"
)
ABSOLUTE_PATH = re.compile(r"(?<![\w.\-/$}])/(?:wor[k]|User[s]|home/(?!paymesh\b)\w+|roo[t])/\w")
TEMPORARY_PATH = re.compile(r"(?<![\w.\-/$}])/(?:var/)?tm[p]/\w")
REGISTRIES = re.compile(
    r"\b(?:pypi\.(?:org|python\.org)|pythonhoste[d]\.org|registry\.(?:npmj[s]\.org|yarnp[k]g\.com)|npmj[s]\.com|crate[s]\.io|proxy\.golan[g]\.org)"
    r"|--(?:extra-)?index-ur[l]|--find-link[s]|\bindex-ur[l]\s*=|\bregistr[y]\s*=\s*[\"']?http",
    re.IGNORECASE,
)
INDEX_SETTINGS = ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "UV_INDEX_URL", "UV_DEFAULT_INDEX", "NPM_CONFIG_REGISTRY", "npm_config_registry")


def found(pattern: re.Pattern[str], *, suffixes: tuple[str, ...] = ("",)) -> list[str]:
    """`file:line: what` of every match."""
    return [
        f"{name}:{number}: {match.group()}"
        for name, text in texts().items()
        if name.endswith(suffixes) and pattern.search(text)
        for number, line in enumerate(text.splitlines(), 1)
        if (match := pattern.search(line))
    ]


def test_nothing_is_left_for_later() -> None:
    none_of(found(UNFINISHED))


def test_the_project_speaks_of_itself_alone() -> None:
    none_of(found(OTHER_VOICES))


def test_no_path_of_one_machine() -> None:
    none_of(found(ABSOLUTE_PATH) + found(TEMPORARY_PATH, suffixes=(".md",)))


def test_no_address_of_a_package_index() -> None:
    """Whoever installs has an index of their own configured, and its address is nobody else's business."""
    here = {host for name in INDEX_SETTINGS if (host := urlsplit(os.environ.get(name, "")).hostname)}
    none_of(found(REGISTRIES) + [one for host in here for one in found(re.compile(re.escape(host)))])


@pytest.mark.parametrize(
    ("pattern", "bad", "good"),
    [
        (UNFINISHED, "# tod" + "o: later", "mastodon"),
        (UNFINISHED, "good enough for n" + "ow", "for nowhere"),
        (OTHER_VOICES, "see iss" + "ue #4", "issuer 4"),
        (OTHER_VOICES, "as this sess" + "ion found", "self.session"),
        (ABSOLUTE_PATH, "in /ho" + "me/me/x", "GET /payments/x"),
        (ABSOLUTE_PATH, "`/wor" + "k/x`", "services/work/x"),
        (REGISTRIES, "https://py" + "pi.org/simple", "a package registry"),
    ],
)
def test_the_patterns_find_what_they_are_for(pattern: re.Pattern[str], bad: str, good: str) -> None:
    assert pattern.search(bad)
    assert not pattern.search(good)
