"""The repository as the tidy tests see it: its files, and its Python parsed once."""

import ast
import fnmatch
import os
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
VENDORED = {"services/api/http/about/docs_ui/swagger-ui", "tests/contracts/asyncapi"}  # other people's words, as they published them
SERVICES = ("api", "executor", "metrics", "notifier", "router", "verifier")


@cache
def files() -> tuple[Path, ...]:
    """Every file of ours that is or may be committed: what .gitignore does not name. Asks no git, which a bare machine lacks."""
    ignored = [".git", *(line.strip("/") for line in (ROOT / ".gitignore").read_text().splitlines() if line)]

    def kept(names: list[str]) -> list[str]:
        return sorted(name for name in names if not any(fnmatch.fnmatch(name, pattern) for pattern in ignored))

    found: list[Path] = []
    for folder, folders, names in os.walk(ROOT):
        folders[:] = [name for name in kept(folders) if name_of(Path(folder, name)) not in VENDORED]
        found += [Path(folder, name) for name in kept(names)]
    return tuple(found)


@cache
def texts() -> dict[str, str]:
    """Path from the root → content, of every file that is text."""
    found: dict[str, str] = {}
    for path in files():
        try:
            found[name_of(path)] = path.read_text()
        except UnicodeDecodeError:
            continue
    return found


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def modules(*folders: str) -> dict[str, ast.Module]:
    """Path → syntax tree of every Python file in these folders of the root; of all of them where none is named."""
    return {name: tree for name, tree in _parsed().items() if not folders or name.startswith(folders)}


@cache
def _parsed() -> dict[str, ast.Module]:
    return {name: ast.parse(text, name) for name, text in texts().items() if name.endswith(".py")}


def none_of(strange: Iterable[str]) -> None:
    """Fails with all of them, a line each."""
    found = list(strange)
    assert not found, "\n".join(["", *found])


def is_migration(name: str) -> bool:
    return "/migrations/versions/" in name


def references(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """(line, full name) of everything that the module refers to, with its imports followed: `dt.now` → `datetime.datetime.now`."""
    imported: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            imported |= {(one.asname or one.name.split(".")[0]): (one.name if one.asname else one.name.split(".")[0]) for one in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            imported |= {(one.asname or one.name): f"{node.module}.{one.name}" for one in node.names}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute | ast.Name) and (dotted := _dotted(node)):
            head, _, rest = dotted.partition(".")
            yield node.lineno, f"{imported.get(head, head)}.{rest}".rstrip(".")


def _dotted(node: ast.expr) -> str | None:
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute) and (head := _dotted(node.value)):
        return f"{head}.{node.attr}"
    return None
