"""Files and functions stay small enough to read, say what they are, and are named after a noun."""

import ast
from pathlib import PurePosixPath

from tests.tidy.tree import is_migration, modules, none_of, texts

FILE_LINES_MAX = 300
FUNCTION_LINES_MAX = 50
NAMES_THAT_SAY_NOTHING = {"util", "utils", "helper", "helpers", "common", "misc", "manager", "managers", "stuff"}


def test_files_are_short() -> None:
    lines = {name: text.count("\n") for name, text in texts().items() if name.endswith(".py") and not name.startswith("tests/")}
    none_of(f"{name}: {count} lines" for name, count in lines.items() if count > FILE_LINES_MAX and not is_migration(name))


def test_functions_are_short() -> None:
    none_of(
        f"{name}:{node.lineno}: {node.name} has {lines} lines"
        for name, tree in modules().items()
        if not is_migration(name)
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (lines := (node.end_lineno or node.lineno) - node.lineno + 1) > FUNCTION_LINES_MAX
    )


def test_every_module_says_what_it_is() -> None:
    none_of(name for name, tree in modules().items() if not ast.get_docstring(tree))


def test_every_name_is_a_noun_of_its_own() -> None:
    none_of(name for name in texts() if NAMES_THAT_SAY_NOTHING & {part.split(".")[0] for part in PurePosixPath(name).parts})
